"""Answers in blocks of whole tasks, small enough for the CPU cache."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotate.aggregation.encoding import EncodedJudgements

__all__ = ["TaskBlock", "blocks", "count_votes", "sum_by"]

Numbers = NDArray[np.intp]
Values = NDArray[np.float64]
_ANSWERS = 1 << 16
"""Answers per block; with all values computed from them, about 4 MB. Twice as fast as whole columns."""


def sum_by(places: NDArray[np.integer], values: NDArray[np.number | np.bool_], size: int) -> NDArray[np.float64]:
    """Return the sum of the values at each place, [size], added in row order."""
    return np.bincount(places, values, size).astype(np.float64, copy=False)


@dataclass(frozen=True, slots=True)
class TaskBlock:
    """The n answers on m consecutive tasks."""

    rows: slice
    """The range of the answers among all answers."""
    tasks: slice
    """The range of their tasks among all tasks."""
    task: Numbers
    """[n] index of the task, from 0 within the block."""
    worker: Numbers
    """[n]"""
    cell: Numbers
    """[n] index of (label, task) in a flat [K, m] array."""
    shape: tuple[int, int]
    """(K, m)."""

    def sum_votes(self, weights: Values) -> Values:
        """Return the sum of the weights of the answers, [K, m]."""
        return sum_by(self.cell, weights, self.shape[0] * self.shape[1]).reshape(self.shape)

    def sum_by_task(self, values: Values) -> Values:
        """Return the sum of the values of the answers, [m]."""
        return sum_by(self.task, values, self.shape[1])


def blocks(encoded: EncodedJudgements) -> Iterator[TaskBlock]:
    """Yield all answers and tasks in order, in blocks of whole tasks."""
    begin, first = 0, 0
    while first < len(encoded.gold):
        last = _end_of_tasks(encoded, begin)
        end = int(np.searchsorted(encoded.task, np.int32(last)))  # another integer type would copy the column
        yield _block(encoded, slice(begin, end), slice(first, last))
        begin, first = end, last


def _end_of_tasks(encoded: EncodedJudgements, begin: int) -> int:
    """Return the end of the tasks of the block that begins at answer ``begin``."""
    if begin + _ANSWERS >= len(encoded.task):
        return len(encoded.gold)
    return max(int(encoded.task[begin + _ANSWERS]), int(encoded.task[begin]) + 1)


def _block(encoded: EncodedJudgements, rows: slice, tasks: slice) -> TaskBlock:
    size = tasks.stop - tasks.start
    task = encoded.task[rows].astype(np.intp)
    task -= tasks.start
    cell = encoded.label[rows].astype(np.intp)
    cell *= size
    cell += task
    return TaskBlock(rows, tasks, task, encoded.worker[rows].astype(np.intp), cell, (len(encoded.labels), size))


def count_votes(encoded: EncodedJudgements, weights: Values | None = None) -> Values:
    """Return the sum of the weights of the workers who gave each label to each task, [K, T].

    Args:
        encoded: The judgements.
        weights: [W]; None counts each vote as 1.
    """
    votes = np.empty((len(encoded.labels), len(encoded.gold)))
    for block in blocks(encoded):
        each = np.ones(len(block.worker)) if weights is None else weights[block.worker]
        votes[:, block.tasks] = block.sum_votes(each)
    return votes
