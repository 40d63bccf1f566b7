"""Judgements as sorted integer arrays, the input of every aggregation method."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from core.arrow_input import ArrowStream, read_columns
from core.errors import DataError

__all__ = [
    "EncodedJudgements",
    "Gold",
    "codes",
    "encode",
    "sorted_values",
]

Gold = Mapping[str, object] | Mapping[int, object]
"""Task -> true label."""
_COLUMNS = ("task", "worker", "label")
_LARGEST = 2**63


def _plain(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    if column.null_count:
        raise DataError(f"judgements.{name}: {column.null_count} rows have no value. Drop those rows.")
    if pa.types.is_string_view(column.type):  # Arrow has no lookup kernel for string views
        return column.cast(pa.string())
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _typed(name: str, values: list[object], wanted: pa.DataType) -> pa.Array:
    try:
        column = pa.array(values, wanted)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError) as error:
        raise DataError(f"gold: every {name} must be of type {wanted}, as in the judgements ({error}).") from None
    if column.null_count:
        raise DataError(f"gold: {column.null_count} entries have no {name}. Drop those entries.")
    return column


def sorted_values(*columns: pa.ChunkedArray | pa.Array | None) -> pa.Array:
    """Return the distinct values of columns of one type, smallest first."""
    distinct = pa.chunked_array([column.unique() for column in columns if column is not None]).unique()
    return distinct.take(pc.sort_indices(distinct))


def codes(column: pa.ChunkedArray | pa.Array, values: pa.Array) -> NDArray[np.int32]:
    """Return the index of each value in ``values``, which contains them all."""
    places: NDArray[np.int32] = pc.index_in(column, value_set=values).to_numpy().astype(np.int32, copy=False)
    return places


@dataclass(frozen=True, slots=True)
class EncodedJudgements:
    """N answers of W workers on T tasks with K labels, at 12 bytes per answer.

    Workers are numbered by their answers rather than their names, so that sums run in the same order and are
    bit-identical for any names and any order of rows.
    """

    tasks: pa.Array
    """[T] tasks, sorted: the judged tasks and those of the gold set."""
    workers: pa.Array
    """[W] workers, ordered by a hash of their answers."""
    labels: pa.Array
    """[K] labels, sorted."""
    task: NDArray[np.int32]
    """[N] index of the task of each answer, ascending."""
    worker: NDArray[np.int32]
    """[N], ascending within a task."""
    label: NDArray[np.int32]
    """[N]"""
    gold: NDArray[np.int32]
    """[T] index of the true label, -1 if unknown."""


def encode(
    judgements: ArrowStream,
    gold: Gold | None = None,
    *,
    tasks: pa.Array | None = None,
    labels: pa.Array | None = None,
) -> EncodedJudgements:
    """Replace tasks, workers and labels by indices, and sort the answers.

    Args:
        judgements: Columns task, worker, label; every row is one answer, even a worker's second on a task.
        gold: Task -> true label, including tasks that nobody judged.
        tasks: Further tasks that get a posterior even if nobody judged them.
        labels: Further possible labels, even if nobody gave them.

    Raises:
        DataError: A column is missing or has nulls, or ``gold`` has other types.
    """
    table = read_columns(judgements, _COLUMNS, "judgements")
    task, worker, label = (_plain(name, table[name]) for name in _COLUMNS)
    truth = gold or {}
    gold_tasks, gold_labels = _typed("task", list(truth), task.type), _typed("label", list(truth.values()), label.type)
    all_tasks = sorted_values(task, gold_tasks, tasks)
    all_workers = sorted_values(worker)
    all_labels = sorted_values(label, gold_labels, labels)
    sizes = (len(all_tasks), len(all_workers), len(all_labels))
    columns = (codes(task, all_tasks), codes(worker, all_workers), codes(label, all_labels))
    order = _order_by_answers(columns, sizes)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order), dtype=np.int32)
    known = np.full(len(all_tasks), -1, np.int32)
    known[codes(gold_tasks, all_tasks)] = codes(gold_labels, all_labels)
    sorted_columns = _sort((columns[0], rank[columns[1]], columns[2]), sizes)
    return EncodedJudgements(all_tasks, all_workers.take(pa.array(order)), all_labels, *sorted_columns, known)


def _order_by_answers(
    columns: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]], sizes: tuple[int, int, int]
) -> NDArray[np.int32]:
    """Return the workers in the order of a hash of their answers.

    SplitMix64 (Steele, Lea and Flood 2014) mixes each answer, and the hash of a worker is their sum, so
    the order of rows does not matter. Workers with the same answers are interchangeable.
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
    """Return the rows sorted by task, worker, label; each row is packed into one integer, to sort in place."""
    if sizes[0] * sizes[1] * sizes[2] >= _LARGEST:
        raise DataError(
            f"judgements: tasks x workers x labels ({' x '.join(map(str, sizes))}) must stay below 2^63. "
            "Aggregate in parts."
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
