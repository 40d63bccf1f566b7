"""The adaptive mode: the most uncertain tasks are opened for one more worker."""

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from annotate.aggregation.blocks import sum_by
from annotate.aggregation.dawid_skene import Prior, dawid_skene
from annotate.aggregation.encoding import EncodedJudgements, encode
from annotate.settings import TaskSettings

__all__ = ["EXPECTED", "Uncertainty", "estimate_uncertainty", "find_uninformative", "replan"]

EXPECTED = Prior(right=4.0, wrong=1.0)
"""Workers are expected to be right in four of five answers, as firmly as five answers say it. Without that, two
answers a task make the model certain of whatever two workers agree on."""


_LEAST = 0.5
"""Share of what the middle worker tells below which a worker rests."""

Values = NDArray[np.float64]
_ROUNDS = 15
"""Rounds that the judgements are spent in: more see more of the answers before, and wait for more."""
_DECIDED = 0.01
"""Less doubt than this is not worth a judgement, once two workers answered: with one answer a task, the model may
take all tasks for one class, and be sure of it."""
_FEWEST = 2
_PLACES = 1 << 62
_ANSWERS = """
select w.task, w.worker, w.label from annotation_work w join annotation_tasks t using (task)
where t.kind = 'same-product' and w.label in ('matched', 'mismatched') order by 1, 2
"""
_TASKS = "select task, truth, wanted, taken from annotation_tasks where kind = 'same-product' order by task"
_WORKERS = "select worker from annotation_workers where paused is null"
_SEEN = "select task, worker from annotation_work"
_NEWS = "select changes > planned from annotation_counts"


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """What is known of each task and worker."""

    label: NDArray[np.intp]
    """[T] most probable label; of equally probable ones the smallest."""
    wrong: Values
    """[T] probability that it is not the true one: the error that asking on could take away, so the value of a
    further judgement. 0 for gold tasks."""
    informativeness: Values
    """[W] what an answer of the worker tells of the truth: their mutual information, nats. 0: nothing, as of one who
    guesses or always leaves the default; who always says the opposite tells as much as who is always right."""


def estimate_uncertainty(answers: EncodedJudgements) -> Uncertainty:
    """Return how open each task is, by Dawid and Skene's model with a prior.

    That model and not GLAD, because it sees through a worker who always leaves the default: such answers say nothing,
    whichever label is the commoner one; and through a spammer, whose matrix has equal rows.
    """
    posteriors = dawid_skene(answers, EXPECTED).posteriors
    label = np.argmax(posteriors, axis=0)
    wrong = 1.0 - posteriors[label, np.arange(posteriors.shape[1])]
    return Uncertainty(label, wrong, _information(answers, posteriors))


def find_uninformative(informativeness: Values) -> NDArray[np.bool_]:
    """Return which workers are not asked again about tasks in doubt, [W]: who tells less than half of the middle one.

    A judgement is spent where it tells most: on a task in doubt, and on a worker who knows.
    """
    return informativeness < _LEAST * np.median(informativeness) if len(informativeness) else np.zeros(0, bool)


def _information(answers: EncodedJudgements, posteriors: Values) -> Values:
    """Return the mutual information of truth and answer by worker, [W], of confusion matrices with the prior."""
    shape = len(answers.workers), len(answers.labels)
    cell = answers.worker.astype(np.int64) * shape[1] + answers.label
    counts = np.stack([sum_by(cell, p[answers.task], shape[0] * shape[1]).reshape(shape) for p in posteriors])
    right = np.eye(shape[1], dtype=bool)[:, None, :]
    counts += np.where(right, EXPECTED.right, EXPECTED.wrong)
    errors = counts / counts.sum(axis=2, keepdims=True)
    joint = posteriors.mean(axis=1)[:, None, None] * errors
    information: Values = (joint * np.log(errors / joint.sum(axis=0))).sum(axis=(0, 2))
    return information


def replan(connection: sqlite3.Connection, settings: TaskSettings) -> int:
    """Open the tasks in most doubt for one more worker, as far as the judgements to be spent reach.

    Does nothing where no answer came since the last plan. Only tasks of the kind ``same-product`` are opened, and only
    such as a worker can take who neither rests nor saw it; where none can, nobody rests.

    Args:
        connection: Inside a transaction.
        settings: Of the board; ``adaptive`` is set.

    Returns:
        How many were opened.
    """
    if settings.adaptive is None or not connection.execute(_NEWS).fetchone()[0]:
        return 0
    connection.execute("update annotation_counts set planned = changes")
    tasks = connection.execute(_TASKS).fetchall()
    asked = [row for row in tasks if row[1] is None]
    budget = int(settings.adaptive * len(asked)) - sum(wanted for _, _, wanted, _ in asked)
    room = min(budget, max(1, round(settings.adaptive * len(asked) / _ROUNDS)))
    ready = {task: wanted for task, _, wanted, taken in asked if wanted <= taken < settings.most}
    if room <= 0 or not ready:
        return 0
    number, wrong, resting = _estimate(connection, [(task, truth) for task, truth, *_ in tasks])
    takers = _find_takers(connection, ready, resting)
    if not takers:
        resting, takers = frozenset(), _find_takers(connection, ready, ())
    order = np.lexsort((number, -wrong))
    chosen = [(task, value) for task, value in zip(number[order].tolist(), wrong[order].tolist(), strict=True)
              if task in takers and (value > _DECIDED or ready[task] < _FEWEST)][:room]  # fmt: skip
    rows = [(ready[task] + 1, int((1 - value) * _PLACES), task) for task, value in chosen]
    connection.executemany("update annotation_tasks set wanted = ?, place = ? where task = ?", rows)
    connection.execute("update annotation_workers set reach = 0, resting = 0")
    connection.executemany("update annotation_workers set resting = 1 where worker = ?", [(w,) for w in resting])
    return len(rows)


def _find_takers(connection: sqlite3.Connection, ready: Collection[int], resting: Collection[str]) -> set[int]:
    """Return the tasks that a worker is there for who is not paused, does not rest and has not seen it."""
    awake = {worker for (worker,) in connection.execute(_WORKERS)} - set(resting)
    left = dict.fromkeys(ready, len(awake))
    for task, worker in connection.execute(_SEEN):
        if task in left and worker in awake:
            left[task] -= 1
    return {task for task, count in left.items() if count}


def _estimate(
    connection: sqlite3.Connection, tasks: list[tuple[int, str | None]]
) -> tuple[NDArray[np.int64], NDArray[np.float64], frozenset[str]]:
    """Return the numbers of all tasks, ascending, the doubt of each, and the workers who rest."""
    found = connection.execute(_ANSWERS).fetchall()
    columns = list(zip(*found, strict=True)) or [(), (), ()]
    kinds = (pa.int64(), pa.string(), pa.string())
    answers = pa.table([pa.array(c, k) for c, k in zip(columns, kinds, strict=True)], ["task", "worker", "label"])
    gold = {task: truth for task, truth in tasks if truth is not None and truth != "uncertain"}
    numbers = pa.array([task for task, _ in tasks], pa.int64())
    encoded = encode(answers, gold, tasks=numbers, labels=pa.array(["matched", "mismatched"]))
    doubts = estimate_uncertainty(encoded)
    resting = encoded.workers.filter(pa.array(find_uninformative(doubts.informativeness)))
    return numbers.to_numpy(), doubts.wrong, frozenset(resting.to_pylist())
