"""Tasks leased to workers."""

import hashlib
import json
import sqlite3
from datetime import datetime, timedelta

from annotate.settings import FIRST_ROUND, TaskSettings
from annotate.tasks.task import LeasedTask, Task, options_of

__all__ = ["lease_tasks"]

_SHOWN = "select t.task, t.query, t.candidate, t.options"
_UNSEEN = "not exists (select 1 from annotation_work w where w.worker = :worker and w.task = t.task)"

_LAPSE = "update annotation_work set live = 0 where label is null and live = 1 and until <= ?"
_REVIVE = """
update annotation_work set live = 1, until = :until
where worker = :worker and label is null and not skipped and (live = 1 or exists (
    select 1 from annotation_tasks t
    where t.task = annotation_work.task and (t.truth is not null or t.taken < t.wanted)))
"""
_HELD = (
    _SHOWN + " from annotation_work w join annotation_tasks t using (task) "
    "where w.worker = :worker and w.label is null and w.live = 1 order by w.number"
)
_NEXT = (
    _SHOWN + ", t.place from annotation_tasks t indexed by annotation_open "
    "where t.truth is null and t.taken < t.wanted and t.place >= :reach and t.wanted <= :most and "
    + _UNSEEN
    + " order by t.place limit 1"
)
# The true answer that the worker has met least comes next, so that always giving the same one is half wrong.
_GOLD = (
    "with met as (select g.truth, count(*) as times from annotation_work w join annotation_tasks g using (task) "  # noqa: S608 - a constant
    "where w.worker = :worker and g.truth is not null group by 1) "
    + _SHOWN
    + " from annotation_tasks t left join met using (truth) where t.truth is not null and "
    + _UNSEEN
    + " order by coalesce(met.times, 0), t.place limit 1"
)
_LEASE = "insert into annotation_work (worker, task, until, number) values (:worker, :task, :until, :handed)"
_ANY = 1 << 62
_WORKER = "select paused, reach, handed, gold_handed, resting, trusted from annotation_workers where worker = ?"


def lease_tasks(
    connection: sqlite3.Connection, worker: str, count: int, now: datetime, settings: TaskSettings
) -> list[LeasedTask]:
    """Lease up to ``count`` tasks to a worker: the unanswered ones first, then new ones.

    Expired leases of all workers end first. Gold tasks come only with ordinary tasks, because without them their
    answers would cost money for nothing.

    Args:
        connection: Connection inside a transaction.
        worker: Name of a known worker.
        count: Number of tasks.
        now: Current time, UTC.
        settings: Settings of gold and leases.

    Returns:
        At most ``count`` tasks in the order of their first lease; none for a paused worker.
    """
    paused, *_ = connection.execute(_WORKER, (worker,)).fetchone()
    if paused is not None:
        return []
    connection.execute(_LAPSE, (now.isoformat(),))
    until = (now + timedelta(minutes=settings.lease_minutes)).isoformat()
    connection.execute(_REVIVE, {"worker": worker, "until": until})
    held = [_leased(row) for row in connection.execute(_HELD, {"worker": worker})]
    while len(held) < count:
        task = _lease_next(connection, worker, until, settings)
        if task is None:
            break
        held.append(task)
    return held[:count]


def _lease_next(connection: sqlite3.Connection, worker: str, until: str, settings: TaskSettings) -> LeasedTask | None:
    _, reach, handed, gold_handed, resting, trusted = connection.execute(_WORKER, (worker,)).fetchone()
    most = FIRST_ROUND if resting and settings.adaptive is not None else _ANY
    row = _next(connection, worker, reach, most)
    if row is None:
        return None
    gold = None
    share = settings.gold_share if trusted else max(settings.gold_learning, settings.gold_share)
    if gold_handed < settings.gold_first or _draw(settings.seed, worker, handed) < share:
        gold = connection.execute(_GOLD, {"worker": worker}).fetchone()
    chosen = gold or row
    connection.execute(_LEASE, {"worker": worker, "task": chosen[0], "until": until, "handed": handed})
    connection.execute(
        "update annotation_workers set handed = handed + 1, gold_handed = gold_handed + ?, reach = ? where worker = ?",
        (gold is not None, reach if gold else row[4], worker),
    )
    return _leased(chosen[:4])


def _next(connection: sqlite3.Connection, worker: str, reach: int, most: int) -> tuple[int, str, str, str, int] | None:
    """Return the first open task that the worker has not seen, from ``reach`` on or else from the beginning.

    Tasks before ``reach`` were full or seen by the worker, so skipping them keeps the search short. Tasks that need
    more than ``most`` workers are excluded.
    """
    for start in (reach, 0) if reach else (0,):
        row: tuple[int, str, str, str, int] | None = connection.execute(
            _NEXT, {"worker": worker, "reach": start, "most": most}
        ).fetchone()
        if row is not None:
            return row
    return None


def _draw(seed: int, worker: str, handed: int) -> float:
    """Return a number from 0 to below 1, determined by the seed, the worker and the number of leased tasks."""
    text = json.dumps([seed, worker, handed])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) / 2**64


def _leased(row: tuple[int, str, str, str]) -> LeasedTask:
    number, query, candidate, options = row
    task = Task(query, candidate, tuple(json.loads(options)))
    return LeasedTask(number, task.kind, query, candidate, options_of(task))
