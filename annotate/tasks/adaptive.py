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
"""Workers are expected to give four correct answers in five, with the weight of five answers. Without this prior, two
answers per task make the model certain of anything on which two workers agree."""


_MIN = 0.5
"""Share of the median informativeness below which a worker is uninformative."""

Values = NDArray[np.float64]
_ROUNDS = 15
"""Rounds over which the judgements are spent; more rounds make better use of earlier answers but wait longer."""
_DECIDED = 0.01
"""Uncertainty below which a task with two answers needs no more. With one answer per task the model can be certain
that all tasks have one label."""
_FEWEST = 2
_PLACES = 1 << 62
_ANSWERS = """
select w.task, w.worker, w.label from annotation_work w join annotation_tasks t using (task)
where t.kind = 'same-product' and w.label in ('matched', 'mismatched') and w.live = 1 order by 1, 2
"""
_TASKS = "select task, truth, wanted, taken from annotation_tasks where kind = 'same-product' order by task"
_WORKERS = "select worker from annotation_workers where paused is null"
_SEEN = "select task, worker from annotation_work"
_NEWS = "select changes > planned from annotation_counts"


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """Uncertainty of tasks and informativeness of workers."""

    label: NDArray[np.intp]
    """[T] most probable label; ties go to the smallest."""
    error: Values
    """[T] probability that this label is incorrect, which is the value of a further judgement. 0 for gold tasks."""
    informativeness: Values
    """[W] mutual information of true label and answer, in nats. It is 0 for guessing or always giving the default;
    a worker who always answers the opposite is as informative as one who is always correct."""


def estimate_uncertainty(encoded: EncodedJudgements) -> Uncertainty:
    """Return the uncertainty of each task by Dawid and Skene's model with a prior.

    Unlike GLAD, this model recognises workers who always give the default, and spammers: both have confusion
    matrices with equal rows.
    """
    posteriors = dawid_skene(encoded, EXPECTED).posteriors
    label = np.argmax(posteriors, axis=0)
    error = 1.0 - posteriors[label, np.arange(posteriors.shape[1])]
    return Uncertainty(label, error, _information(encoded, posteriors))


def find_uninformative(informativeness: Values) -> NDArray[np.bool_]:
    """Return a mask of the uninformative workers, [W]: those below half of the median informativeness.

    Uninformative workers get no disputed pairs.
    """
    return informativeness < _MIN * np.median(informativeness) if len(informativeness) else np.zeros(0, bool)


def _information(encoded: EncodedJudgements, posteriors: Values) -> Values:
    """Return the mutual information of true label and answer for each worker, [W], from matrices with the prior."""
    shape = len(encoded.workers), len(encoded.labels)
    cell = encoded.worker.astype(np.int64) * shape[1] + encoded.label
    counts = np.stack([sum_by(cell, p[encoded.task], shape[0] * shape[1]).reshape(shape) for p in posteriors])
    right = np.eye(shape[1], dtype=bool)[:, None, :]
    counts += np.where(right, EXPECTED.right, EXPECTED.wrong)
    errors = counts / counts.sum(axis=2, keepdims=True)
    joint = posteriors.mean(axis=1)[:, None, None] * errors
    information: Values = (joint * np.log(errors / joint.sum(axis=0))).sum(axis=(0, 2))
    return information


def replan(connection: sqlite3.Connection, settings: TaskSettings) -> int:
    """Open the most uncertain tasks for one more worker, within the budget of judgements.

    Nothing happens if no answer arrived since the last plan. Only ``same-product`` tasks are opened, and only those
    that an informative worker has not seen. If there are none, uninformative workers get disputed tasks too.

    Args:
        connection: Connection inside a transaction.
        settings: Settings of the board with ``adaptive``.

    Returns:
        Number of opened tasks.
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
    number, error, resting = _estimate(connection, [(task, truth) for task, truth, *_ in tasks])
    takers = _find_takers(connection, ready, resting)
    if not takers:
        resting, takers = frozenset(), _find_takers(connection, ready, ())
    order = np.lexsort((number, -error))
    chosen = [(task, value) for task, value in zip(number[order].tolist(), error[order].tolist(), strict=True)
              if task in takers and (value > _DECIDED or ready[task] < _FEWEST)][:room]  # fmt: skip
    rows = [(ready[task] + 1, int((1 - value) * _PLACES), task) for task, value in chosen]
    connection.executemany("update annotation_tasks set wanted = ?, place = ? where task = ?", rows)
    connection.execute("update annotation_workers set reach = 0, resting = 0")
    connection.executemany("update annotation_workers set resting = 1 where worker = ?", [(w,) for w in resting])
    return len(rows)


def _find_takers(connection: sqlite3.Connection, ready: Collection[int], resting: Collection[str]) -> set[int]:
    """Return the tasks that some active, informative worker has not seen."""
    awake = {worker for (worker,) in connection.execute(_WORKERS)} - set(resting)
    left = dict.fromkeys(ready, len(awake))
    for task, worker in connection.execute(_SEEN):
        if task in left and worker in awake:
            left[task] -= 1
    return {task for task, count in left.items() if count}


def _estimate(
    connection: sqlite3.Connection, tasks: list[tuple[int, str | None]]
) -> tuple[NDArray[np.int64], NDArray[np.float64], frozenset[str]]:
    """Return the numbers of all tasks, ascending, their uncertainties, and the uninformative workers."""
    found = connection.execute(_ANSWERS).fetchall()
    columns = list(zip(*found, strict=True)) or [(), (), ()]
    kinds = (pa.int64(), pa.string(), pa.string())
    answers = pa.table([pa.array(c, k) for c, k in zip(columns, kinds, strict=True)], ["task", "worker", "label"])
    gold = {task: truth for task, truth in tasks if truth is not None and truth != "uncertain"}
    numbers = pa.array([task for task, _ in tasks], pa.int64())
    encoded = encode(answers, gold, tasks=numbers, labels=pa.array(["matched", "mismatched"]))
    doubts = estimate_uncertainty(encoded)
    resting = encoded.workers.filter(pa.array(find_uninformative(doubts.informativeness)))
    return numbers.to_numpy(), doubts.error, frozenset(resting.to_pylist())
