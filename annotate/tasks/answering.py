"""Answers: saved, taken back, and checked against gold."""

import json
import math
import sqlite3
from datetime import datetime, timedelta
from itertools import pairwise

from annotate.settings import TaskSettings
from annotate.tasks.task import BROKEN, GivenAnswer, RefusedError, Task, check_label, options_of
from annotate.tasks.trust import FAST_ANSWERS, GoldAnswer, find_fault, weigh_gold

__all__ = ["LONGEST_COMMENT", "PARTS", "given_answers", "reopen_task", "save_answer", "skip_task"]

PARTS = 10_000
"""Pay is stored in ten-thousandths of the currency unit."""
_LONGEST_S = 86_400.0
LONGEST_COMMENT = 500
"""Characters kept of a comment."""

_FIND = """
select w.label, t.options, t.truth from annotation_work w join annotation_tasks t using (task)
where w.worker = ? and w.task = ?
"""
_SAVE = """
update annotation_work set label = :label, seconds = :seconds, answered_at = :now, rate = :rate, live = 1,
    comment = :comment, number = (select changes from annotation_counts)
where worker = :worker and task = :task
"""
_COUNT = """
update annotation_workers set answered = answered + :sign, earned = earned + :sign * :rate,
    gold_asked = gold_asked + :sign * :asked, gold_right = gold_right + :sign * :right
where worker = :worker
"""
_OWN = """
select w.task, w.label, w.rate, t.truth from annotation_work w
join annotation_tasks t using (task) join annotation_workers p using (worker)
where w.worker = ? and w.task = ? and (w.label is not null or w.skipped) and p.paused is null
"""
_TAKE_BACK = """
update annotation_work set label = null, seconds = null, answered_at = null, rate = null, until = :until,
    live = iif(skipped, 1, live), skipped = 0,
    number = (select coalesce(min(0, min(number)), 0) - 1
        from annotation_work w where w.worker = :worker and w.label is null)
where worker = :worker and task = :task
"""

_SKIP = """
update annotation_work set live = 0, skipped = 1, until = :now, comment = :comment
where worker = :worker and task = :task and label is null
"""
_GIVEN = """
select w.task, t.kind, t.query, t.candidate, w.label, w.seconds, coalesce(w.answered_at, w.until), w.comment
from annotation_work w join annotation_tasks t using (task)
where w.worker = ? and (w.label is not null or w.skipped) order by 7 desc, w.task desc limit ? offset ?
"""
_STANDING = "select paused, judged_from, trusted from annotation_workers where worker = ?"
_GOLD_ANSWERS = """
select t.truth, w.label, t.options from annotation_work w join annotation_tasks t using (task)
where w.worker = ? and w.number > ? and t.truth is not null and w.label is not null and w.label != 'broken'
"""
_LATEST = """
select seconds, answered_at from annotation_work
where worker = ? and number > ? and label is not null order by number desc limit ?
"""


def save_answer(
    connection: sqlite3.Connection,
    worker: str,
    task: int,
    label: str,
    seconds: float,
    now: datetime,
    settings: TaskSettings,
    comment: str = "",
) -> bool:
    """Save an answer with its comment; a repeated one changes nothing.

    An answer after the end of its lease counts too, even if the task then has more answers than wanted.

    Returns:
        Whether the answer is new.

    Raises:
        RefusedError: The worker never held the task or gave another answer, or the label or ``seconds`` is invalid.
    """
    before, options, truth = _find(connection, worker, task)
    check_label(label, (*options_of(Task("", "", tuple(json.loads(options)))), BROKEN))
    if not (math.isfinite(seconds) and seconds >= 0):
        raise RefusedError("bad_answer", f"seconds must be 0 or more, not {seconds}.")
    if before == label:
        return False
    if before is not None:
        raise RefusedError("answered", f"Task {task} is already answered {before}. Undo that answer before {label}.")
    rate = int(settings.rate * PARTS)
    values = {"worker": worker, "task": task, "label": label, "now": now.isoformat(), "rate": rate}
    values["comment"] = _comment(comment)
    connection.execute(_SAVE, {**values, "seconds": min(seconds, _LONGEST_S)})
    connection.execute(_COUNT, {"worker": worker, "rate": rate, "sign": 1, **_gold(label, truth)})
    _judge(connection, worker, settings)
    return True


def reopen_task(
    connection: sqlite3.Connection, worker: str, task: int, now: datetime, settings: TaskSettings
) -> int | None:
    """Take back any own answer, or a skip, and lease the task to the worker again.

    Returns:
        The task, or None if there is no such answer or the worker is paused.
    """
    row = connection.execute(_OWN, (worker, task)).fetchone()
    return None if row is None else _take_back(connection, worker, row, now, settings)


def skip_task(connection: sqlite3.Connection, worker: str, task: int, comment: str, now: datetime) -> None:
    """Pass a leased task on to others; a repeated call changes nothing.

    Raises:
        RefusedError: The worker never held the task, or answered it.
    """
    before, *_ = _find(connection, worker, task)
    if before is not None:
        raise RefusedError("answered", f"Task {task} is already answered {before}. Undo that answer before a skip.")
    values = {"worker": worker, "task": task, "now": now.isoformat(), "comment": _comment(comment)}
    connection.execute(_SKIP, values)


def given_answers(connection: sqlite3.Connection, worker: str, limit: int, offset: int) -> list[GivenAnswer]:
    """Return answers and skips of a worker, newest first."""
    return [GivenAnswer(*row) for row in connection.execute(_GIVEN, (worker, limit, offset))]


def _find(connection: sqlite3.Connection, worker: str, task: int) -> tuple[str | None, str, str | None]:
    """Return the label, the options and the truth of a task that the worker held."""
    row: tuple[str | None, str, str | None] | None = connection.execute(_FIND, (worker, task)).fetchone()
    if row is None:
        raise RefusedError("not_handed", f"Task {task} was never handed to this worker. Ask for the next task.")
    return row


def _comment(text: str) -> str | None:
    return text.strip()[:LONGEST_COMMENT] or None


def _take_back(
    connection: sqlite3.Connection,
    worker: str,
    row: tuple[int, str | None, int | None, str | None],
    now: datetime,
    settings: TaskSettings,
) -> int:
    """Take back an answer with its pay, or a skip, and lease the task again."""
    task, label, rate, truth = row
    until = (now + timedelta(minutes=settings.lease_minutes)).isoformat()
    connection.execute(_TAKE_BACK, {"worker": worker, "task": task, "until": until})
    if label is not None:
        connection.execute(_COUNT, {"worker": worker, "rate": rate, "sign": -1, **_gold(label, truth)})
    return task


def _gold(label: str, truth: str | None) -> dict[str, int]:
    """Return whether the answer counts as a gold answer, and as correct; ``broken`` does not count."""
    asked = truth is not None and label != BROKEN
    return {"asked": int(asked), "right": int(asked and label == truth)}


def _judge(connection: sqlite3.Connection, worker: str, settings: TaskSettings) -> None:
    """Pause the worker if the answers tell nothing, and note once they show knowledge.

    The answers of a paused worker no longer take places, so that other workers get the tasks.
    """
    paused, start, trusted = connection.execute(_STANDING, (worker,)).fetchone()
    if paused is not None:
        return
    gold = [
        GoldAnswer(truth, label, len(options_of(Task("", "", tuple(json.loads(options))))))
        for truth, label, options in connection.execute(_GOLD_ANSWERS, (worker, start))
    ]
    odds = weigh_gold(gold, settings.gold_right)
    if not trusted and odds <= math.log(settings.gold_risk):
        connection.execute("update annotation_workers set trusted = 1 where worker = ?", (worker,))
    fault = find_fault(gold, odds, _durations(connection, worker, start), settings.gold_risk, settings.fastest_s)
    if fault is not None:
        connection.execute("update annotation_workers set paused = ? where worker = ?", (fault, worker))
        connection.execute("update annotation_work set live = 0 where worker = ? and live = 1", (worker,))


def _durations(connection: sqlite3.Connection, worker: str, start: int) -> list[float]:
    """Return the seconds of the last answers: as the page measured them, but at most those since the answer before."""
    rows = connection.execute(_LATEST, (worker, start, FAST_ANSWERS + 1)).fetchall()
    times = [datetime.fromisoformat(answered) for _, answered in rows]
    gaps = [(later - earlier).total_seconds() for later, earlier in pairwise(times)]
    return [min(seconds, gap) for (seconds, _), gap in zip(rows, gaps, strict=False)]
