"""The task board, the only object that an annotation server needs, and its leases."""

import hashlib
import json
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from types import TracebackType
from typing import Self

from annotate.settings import FIRST_ROUND, TaskSettings
from annotate.tasks.adaptive import replan
from annotate.tasks.answering import PARTS, given_answers, reopen_task, save_answer, skip_task
from annotate.tasks.group_commit import GroupCommit
from annotate.tasks.schema import migrate
from annotate.tasks.task import (
    AnnotationTask,
    GivenAnswer,
    GoldTask,
    LeasedTask,
    Pay,
    RefusedError,
    WorkerProgress,
    check_label,
    options_of,
)
from core.errors import UsageError
from core.stage import Clock, utc_now
from storage import State

__all__ = ["TaskBoard", "lease_tasks"]

_ADD_TASK = """
insert into annotation_tasks (place, kind, query, candidate, options, added_at, wanted) values (?, ?, ?, ?, ?, ?, ?)
on conflict (kind, query, candidate) do nothing
"""
_ADD_GOLD = """
insert into annotation_tasks (place, kind, query, candidate, options, added_at, wanted, truth)
values (?, ?, ?, ?, ?, ?, 0, ?)
on conflict (kind, query, candidate) do update set truth = excluded.truth where truth is not excluded.truth
"""
_ADD_WORKER = """
insert into annotation_workers (worker, token_hash) values (?, ?)
on conflict (worker) do update set token_hash = excluded.token_hash
"""
_RESUME = (
    "update annotation_counts set changes = changes + 1",
    """update annotation_workers set paused = null, gold_asked = 0, gold_right = 0, trusted = 0,
        judged_from = (select changes from annotation_counts) where worker = :worker""",
    "update annotation_work set live = 1 where worker = :worker and label is not null",
)
_PAY = "select worker, answered, earned, gold_asked, gold_right, paused from annotation_workers order by worker"
_LONGEST_NAME = 64
_GOLD_WORKER = "gold"
"""The worker of the true answers in the table ``judgements``."""


_ENLIST = "insert into annotation_workers (worker, token_hash) values (?, ?) on conflict do nothing"


class TaskBoard:
    """Tasks, workers and answers of one workspace, stored in its state; methods return after their writes are synced.

    Methods may be called from any thread and from several processes; concurrent writes are synced together. The
    board keeps nothing in memory between calls, so a killed server resumes where it stopped. Workers are identified
    by name: ``worker_of`` maps the token of a personal link to a name, and all other methods trust the given name.

    Args:
        state: The workspace's state (``store.state``).
        settings: Rules by which workers get tasks.
        clock: Clock for leases and times of answers.
    """

    def __init__(self, state: State, settings: TaskSettings | None = None, clock: Clock = utc_now) -> None:
        migrate(state)
        self._settings = settings or TaskSettings()
        self._clock = clock
        self._commits = GroupCommit(lambda: state.connect(threads=True))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the state; no call may be in progress."""
        self._commits.close()

    def add_tasks(self, tasks: Iterable[AnnotationTask]) -> int:
        """Add tasks that do not exist yet and return their number.

        Their random order depends only on the seed; tasks added later are mixed with those that wait.
        """
        settings, now = self._settings, self._clock()
        workers = settings.workers if settings.adaptive is None else FIRST_ROUND
        rows = [(*_columns(task, settings.seed, now), workers) for task in tasks]
        return self._commits.write(lambda connection: _insert(connection, _ADD_TASK, rows))

    def add_gold(self, truths: Iterable[GoldTask]) -> int:
        """Add gold tasks, or set the true label of existing tasks; return the number of changes.

        Raises:
            RefusedError: A label is not an option of its task; nothing is added.
        """
        now, rows = self._clock(), []
        for truth in truths:
            check_label(truth.label, options_of(truth.task))
            rows.append((*_columns(truth.task, self._settings.seed, now), truth.label))
        return self._commits.write(lambda connection: _insert(connection, _ADD_GOLD, rows))

    def invite(self, workers: Sequence[str], token: Callable[[], str] = secrets.token_urlsafe) -> dict[str, str]:
        """Add workers, or renew the tokens of existing ones; return worker -> token.

        A new token voids the old one. Only hashes of tokens are stored, so the state does not let anyone sign in.

        Args:
            workers: Names of 1 to 64 letters, digits, dots, dashes or underscores, except ``gold``.
            token: Source of tokens.

        Raises:
            UsageError: A name has another form; nobody is added.
        """
        for worker in workers:
            _check_name(worker)
        tokens = {worker: token() for worker in workers}
        rows = [(worker, _hash_token(secret)) for worker, secret in tokens.items()]
        self._commits.write(lambda connection: connection.executemany(_ADD_WORKER, rows))
        return tokens

    def enlist(self, worker: str) -> None:
        """Add a worker who signs in otherwise than by a link of the board; keep one that exists as it is.

        Raises:
            UsageError: The name is not one of a worker (see ``invite``).
        """
        _check_name(worker)
        row = (worker, _hash_token(secrets.token_urlsafe()))
        self._commits.write(lambda connection: connection.execute(_ENLIST, row))

    def worker_of(self, token: str) -> str | None:
        """Return the worker whose personal link has this token, or None."""
        query = "select worker from annotation_workers where token_hash = ?"
        row = self._commits.read(lambda connection: connection.execute(query, (_hash_token(token),)).fetchone())
        return None if row is None else str(row[0])

    def next_tasks(self, worker: str, count: int) -> list[LeasedTask]:
        """Return up to ``count`` tasks to answer in this order; a page can load the second during the first.

        The worker holds them until ``lease_minutes`` after the last call; another call returns the same tasks. Gold
        tasks are mixed in according to the settings and look like any other task. In the adaptive mode, when
        no task is left, the most uncertain tasks are opened for one more worker. Uninformative workers get no
        disputed tasks.

        Raises:
            RefusedError: The worker is unknown.
        """

        def write(connection: sqlite3.Connection) -> list[LeasedTask]:
            _read_worker(connection, worker)
            leased = lease_tasks(connection, worker, count, self._clock(), self._settings)
            if len(leased) < count and replan(connection, self._settings):
                leased = lease_tasks(connection, worker, count, self._clock(), self._settings)
            return leased

        return self._commits.write(write)

    def answer(self, worker: str, task: int, label: str, seconds: float, comment: str = "") -> bool:
        """Save an answer; a repeated call changes nothing.

        A worker whose answers show no knowledge, or come too fast, is paused with the reason (``progress``).

        Args:
            worker: Name of the worker.
            task: ``LeasedTask.number``.
            label: One of ``LeasedTask.options``, or ``broken``.
            seconds: Duration of the answer.
            comment: Comment of the worker.

        Returns:
            Whether the answer is new.

        Raises:
            RefusedError: ``reason`` not_handed: the worker never held the task; answered: the worker gave another
                answer; bad_answer: the label or the duration is invalid.
        """
        return self._commits.write(
            lambda connection: save_answer(
                connection, worker, task, label, seconds, self._clock(), self._settings, comment
            )
        )

    def skip(self, worker: str, task: int, comment: str = "") -> None:
        """Pass a task on to other workers; a repeated call changes nothing.

        Raises:
            RefusedError: ``reason`` not_handed or answered, as in ``answer``.
        """
        self._commits.write(lambda connection: skip_task(connection, worker, task, comment, self._clock()))

    def answers(self, worker: str, limit: int, offset: int = 0) -> list[GivenAnswer]:
        """Return answers and skips of a worker, newest first."""
        return self._commits.read(lambda connection: given_answers(connection, worker, limit, offset))

    def reopen(self, worker: str, task: int) -> bool:
        """Take back any answer or skip of the worker, and lease the task again; it is the first of ``next_tasks``.

        Returns:
            False if there is no such answer, or the worker is paused.
        """
        now = self._clock()
        reopened = self._commits.write(lambda connection: reopen_task(connection, worker, task, now, self._settings))
        return reopened is not None

    def progress(self, worker: str) -> WorkerProgress:
        """Return the progress of the worker and of all workers.

        Raises:
            RefusedError: The worker is unknown.
        """

        def read(connection: sqlite3.Connection) -> WorkerProgress:
            reviewed, paused = _read_worker(connection, worker)
            query = "select tasks, answers, wanted from annotation_counts"
            total, answers, wanted = connection.execute(query).fetchone()
            return WorkerProgress(reviewed, total, answers, wanted, paused)

        return self._commits.read(read)

    def resume(self, worker: str) -> None:
        """Let a paused worker continue; earlier answers count again, except in judging the worker."""

        def write(connection: sqlite3.Connection) -> None:
            for statement in _RESUME:
                connection.execute(statement, {"worker": worker})

        self._commits.write(write)

    def pay(self) -> list[Pay]:
        """Return the pay of each worker, sorted by name."""
        rate = self._settings.rate
        rows = self._commits.read(lambda connection: connection.execute(_PAY).fetchall())
        return [
            Pay(worker, answered, rate, Decimal(earned) / PARTS, asked, right, paused)
            for worker, answered, earned, asked, right, paused in rows
        ]


def _insert(connection: sqlite3.Connection, query: str, rows: Sequence[tuple[object, ...]]) -> int:
    """Insert task rows and return the number of changed rows."""
    before = connection.total_changes
    connection.executemany(query, rows)
    return (connection.total_changes - before) // 2  # a trigger also changes the row of counts for each task


def _columns(task: AnnotationTask, seed: int, now: datetime) -> tuple[int, str, str, str, str, str]:
    options = json.dumps(task.options, ensure_ascii=False)
    return _order_key(task, seed), task.kind, task.query, task.candidate, options, now.isoformat()


def _order_key(task: AnnotationTask, seed: int) -> int:
    """Return the sort key of a task in the order of ``seed``, 0 to below 2^62."""
    text = json.dumps([seed, task.kind, task.query, task.candidate])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 2


def _check_name(worker: str) -> None:
    valid = 0 < len(worker) <= _LONGEST_NAME and all(c.isalnum() or c in "._-" for c in worker)
    if not valid or worker == _GOLD_WORKER:
        raise UsageError(
            f"annotate links: {worker[:_LONGEST_NAME]!r} cannot be the name of a worker. Use 1 to {_LONGEST_NAME} "
            f"letters, digits, dots, dashes or underscores, but not {_GOLD_WORKER}."
        )


def _hash_token(token: str) -> str:
    """Return the SHA-256 of a token in hex; tokens are long and random, so a slow hash is unnecessary."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def _read_worker(connection: sqlite3.Connection, worker: str) -> tuple[int, str | None]:
    query = "select answered, paused from annotation_workers where worker = ?"
    row: tuple[int, str | None] | None = connection.execute(query, (worker,)).fetchone()
    if row is None:
        raise RefusedError("unknown_worker", f"The worker {worker!r} is not invited. Run m5data annotate links NAME.")
    return row


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
# The true label seen least by the worker comes next, so that always giving the same answer is wrong half the time.
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

    Expired leases of all workers end first. Gold tasks are leased only while ordinary tasks remain, because
    afterwards their answers would be paid for nothing.

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
    task = AnnotationTask(query, candidate, tuple(json.loads(options)))
    return LeasedTask(number, task.kind, query, candidate, options_of(task))
