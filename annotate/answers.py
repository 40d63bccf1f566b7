"""Judgements as sorted arrays of small integers: what every aggregation method works on."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from annotate.columns import Gold, codes, gold_columns, judgement_columns, sorted_values
from m5data.errors import DataError

__all__ = ["Answers", "encode"]

_LARGEST = 2**63


@dataclass(frozen=True, slots=True)
class Answers:
    """N answers of W workers on T tasks with K labels; 12 bytes an answer.

    The numbers of workers follow from what they answered, not from their names, so that sums run in
    the same order, and give the same bits, whatever the workers are called and however rows came.
    """

    tasks: pa.Array
    """[T] tasks, sorted: those judged and those in the gold set."""
    workers: pa.Array
    """[W] workers; in no order that means anything."""
    labels: pa.Array
    """[K] labels, sorted."""
    task: NDArray[np.int32]
    """[N] number of each answer's task, ascending."""
    worker: NDArray[np.int32]
    """[N], ascending within a task."""
    label: NDArray[np.int32]
    """[N]"""
    gold: NDArray[np.int32]
    """[T] the true label's number, -1 where it is not known."""


def encode(
    judgements: pa.Table,
    gold: Gold | None = None,
    *,
    tasks: pa.Array | None = None,
    labels: pa.Array | None = None,
) -> Answers:
    """Number tasks, workers and labels, and sort the answers.

    Args:
        judgements: Columns task, worker, label; every row is one answer, also a second one of a worker.
        gold: Task -> its true label; tasks that nobody judged may be among them.
        tasks: Tasks that get a posterior though nobody judged them.
        labels: Labels that are possible though nobody gave them.

    Raises:
        DataError: A column is missing or holds nulls, or ``gold`` is of other types.
    """
    task, worker, label = judgement_columns(judgements)
    truth = gold_columns(gold or {}, task.type, label.type)
    all_tasks = sorted_values(task, truth.tasks, tasks)
    all_workers = sorted_values(worker)
    all_labels = sorted_values(label, truth.labels, labels)
    sizes = (len(all_tasks), len(all_workers), len(all_labels))
    columns = (codes(task, all_tasks), codes(worker, all_workers), codes(label, all_labels))
    order = _order_by_answers(columns, sizes)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order), dtype=np.int32)
    known = np.full(len(all_tasks), -1, np.int32)
    known[codes(truth.tasks, all_tasks)] = codes(truth.labels, all_labels)
    sorted_columns = _sort((columns[0], rank[columns[1]], columns[2]), sizes)
    return Answers(all_tasks, all_workers.take(pa.array(order)), all_labels, *sorted_columns, known)


def _order_by_answers(
    columns: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]], sizes: tuple[int, int, int]
) -> NDArray[np.int32]:
    """Return the workers in the order of a hash of their answers, whatever order those came in.

    Steele, Lea and Flood 2014 (SplitMix64) mix each answer; a worker's hash is the sum. Workers with
    the same answers are interchangeable: their names decide, and nothing depends on it.
    """
    task, worker, label = columns
    mixed = task.astype(np.uint64)
    mixed *= np.uint64(sizes[2])
    mixed += label.astype(np.uint64)
    mixed += np.uint64(1)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed ^= mixed >> np.uint64(shift)
        mixed *= np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    hashes = np.zeros(sizes[1], np.uint64)
    np.add.at(hashes, worker, mixed)
    return np.argsort(hashes, kind="stable").astype(np.int32)


def _sort(
    columns: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]], sizes: tuple[int, int, int]
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Return the rows sorted by task, worker, label: as one number each, which sorts in place."""
    if sizes[0] * sizes[1] * sizes[2] >= _LARGEST:
        raise DataError(
            f"judgements: wanted tasks x workers x labels below 2^63, got {' x '.join(map(str, sizes))}; "
            "aggregate a part at a time"
        )
    key = columns[0].astype(np.int64)
    for column, size in zip(columns[1:], sizes[1:], strict=True):
        key *= size
        key += column
    key.sort()
    label = (key % max(sizes[2], 1)).astype(np.int32)
    key //= max(sizes[2], 1)
    worker = (key % max(sizes[1], 1)).astype(np.int32)
    key //= max(sizes[1], 1)
    return key.astype(np.int32), worker, label
