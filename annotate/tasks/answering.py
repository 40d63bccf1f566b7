"""Answers: saving them, taking them back, and judging workers by gold and speed."""

import json
import math
import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from math import exp, lgamma, log, log1p
from statistics import median

from annotate.settings import TaskSettings
from annotate.tasks.task import BROKEN, AnnotationTask, GivenAnswer, RefusedError, check_label, options_of

__all__ = [
    "FAST_ANSWERS",
    "LONGEST_COMMENT",
    "PARTS",
    "GoldAnswer",
    "find_fault",
    "given_answers",
    "reopen_task",
    "save_answer",
    "skip_task",
    "weigh_gold",
]

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
    check_label(label, (*options_of(AnnotationTask("", "", tuple(json.loads(options)))), BROKEN))
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
    """Take back any answer or skip of the worker, and lease the task to the worker again.

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
    """Pause the worker if the answers show no knowledge, and trust the worker once they do.

    The answers of a paused worker no longer occupy places, so that other workers get the tasks.
    """
    paused, start, trusted = connection.execute(_STANDING, (worker,)).fetchone()
    if paused is not None:
        return
    gold = [
        GoldAnswer(truth, label, len(options_of(AnnotationTask("", "", tuple(json.loads(options))))))
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
    """Return the seconds of the last answers, as measured by the page but at most the time since the previous one."""
    rows = connection.execute(_LATEST, (worker, start, FAST_ANSWERS + 1)).fetchall()
    times = [datetime.fromisoformat(answered) for _, answered in rows]
    gaps = [(later - earlier).total_seconds() for later, earlier in pairwise(times)]
    return [min(seconds, gap) for (seconds, _), gap in zip(rows, gaps, strict=False)]


FAST_ANSWERS = 20
"""Number of answers whose durations are judged together."""
_HABIT = 2 / 3
"""Share of one answer above which the reason for a pause names it."""
_WRONG, _UNSURE = 0.8, 0.45
"""Shares of other labels and of ``uncertain`` among the incorrect answers of a worker with knowledge. They add up to
more than 1, since nobody knows how a worker errs; simulated workers of any kind stay within the risk."""
_PERFECT = 0.995
"""Accuracy of a nearly perfect worker, who must not be trusted less for it."""
_SPARE = 0.02
"""Share of ``uncertain`` among the answers of someone who guesses among the other labels."""


@dataclass(frozen=True, slots=True)
class GoldAnswer:
    """A worker's answer to a gold task."""

    truth: str
    label: str
    labels: int
    """Number of answers to choose from, without ``broken``."""


def weigh_gold(answers: Sequence[GoldAnswer], honest: float) -> float:
    """Return the log-odds that a worker's gold answers have nothing to do with the truth.

    The odds are P(answers | no knowledge) / P(answers | knowledge). A worker with knowledge gives the true answer with
    probability ``honest`` or more. One without is equally likely to guess, with the same probability for each
    answer except ``uncertain``, or to follow a fixed habit of any kind, such as always the same answer (Krichevsky and
    Trofimov 1981, "The performance of universal encoding": a Dirichlet prior of 1/2). So chance agreement never counts
    as knowledge. The probability that a worker with knowledge ever reaches odds of 1 / r is at most about r, however
    often the odds are checked (Ville 1939).

    Args:
        answers: All gold answers of the worker.
        honest: Minimum probability of a true answer with knowledge.
    """
    known = max(_knowledge(answers, right) for right in (honest, (1 + honest) / 2, _PERFECT))
    guessed = 0.0
    for answer in answers:
        guessed += log(_SPARE) if answer.label == "uncertain" else log((1 - _SPARE) / max(answer.labels - 1, 1))
    habit = _habit(Counter(answer.label for answer in answers), max((answer.labels for answer in answers), default=1))
    larger, smaller = max(guessed, habit), min(guessed, habit)
    return larger + log1p(exp(smaller - larger)) - log(2) - known


def _knowledge(answers: Sequence[GoldAnswer], right: float) -> float:
    """Return the log probability of answers that are true with probability ``right``."""
    wrong = log((1 - right) * _WRONG), log((1 - right) * _UNSURE)
    return sum(log(right) if a.label == a.truth else wrong[a.label == "uncertain"] for a in answers)


def _habit(counts: Counter[str], labels: int) -> float:
    """Return the log probability of answers under an unknown distribution that does not depend on the task."""
    labels = max(labels, len(counts))
    prior = lgamma(labels / 2) - lgamma(counts.total() + labels / 2)
    return prior + sum(lgamma(count + 0.5) - lgamma(0.5) for count in counts.values())


def find_fault(
    gold: Sequence[GoldAnswer], odds: float, seconds: Sequence[float], risk: float, fastest: float
) -> str | None:
    """Return the reason to pause a worker, beginning with ``speed:`` or ``gold:``, or None.

    Args:
        gold: All gold answers of the worker.
        odds: Result of ``weigh_gold``.
        seconds: Duration of the worker's last answers.
        risk: Maximum probability that an honest worker is ever paused because of gold.
        fastest: Seconds; it is a fault if half of ``FAST_ANSWERS`` answers took less.
    """
    if len(seconds) >= FAST_ANSWERS and median(seconds) < fastest:
        return f"speed: half of the last {FAST_ANSWERS} answers took less than {fastest:g} s"
    if odds < -log(risk):
        return None
    right = sum(answer.label == answer.truth for answer in gold)
    common, times = Counter(answer.label for answer in gold).most_common(1)[0]
    habit = f", {times} of them {common}," if times > _HABIT * len(gold) else ""
    return f"gold: {right} of {len(gold)} gold tasks right{habit} is no better than guessing"
