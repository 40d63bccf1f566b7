"""Judgements as sorted integer arrays, the input of every aggregation method."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from m5data.errors import DataError

__all__ = [
    "EncodedJudgements",
    "Gold",
    "GoldColumns",
    "codes",
    "encode",
    "gold_columns",
    "judgement_columns",
    "sorted_values",
]

Gold = Mapping[str, object] | Mapping[int, object]
"""Task -> its true label."""
_COLUMNS = ("task", "worker", "label")
_LARGEST = 2**63


@dataclass(frozen=True, slots=True)
class GoldColumns:
    """Tasks and their true labels, side by side."""

    tasks: pa.Array
    labels: pa.Array


def judgement_columns(judgements: pa.Table) -> tuple[pa.ChunkedArray, pa.ChunkedArray, pa.ChunkedArray]:
    """Return the columns task, worker and label, as plain values.

    Raises:
        DataError: A column is missing, or holds nulls.
    """
    missing = [name for name in _COLUMNS if name not in judgements.column_names]
    if missing:
        raise DataError(
            f"judgements: wanted the columns {', '.join(_COLUMNS)}, "
            f"got {', '.join(judgements.column_names) or 'none'}; add {', '.join(missing)}"
        )
    task, worker, label = (_plain(name, judgements[name]) for name in _COLUMNS)
    return task, worker, label


def _plain(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    if column.null_count:
        raise DataError(
            f"judgements.{name}: wanted a value in every row, got {column.null_count} nulls; drop those rows"
        )
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def gold_columns(gold: Gold, task: pa.DataType, label: pa.DataType) -> GoldColumns:
    """Return the gold set as columns of the judgements' own types.

    Raises:
        DataError: A task or label is of another type, or null.
    """
    return GoldColumns(_typed("task", list(gold), task), _typed("label", list(gold.values()), label))


def _typed(name: str, values: list[object], wanted: pa.DataType) -> pa.Array:
    try:
        column = pa.array(values, wanted)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError) as error:
        raise DataError(f"gold: wanted every {name} as {wanted}, as in judgements: {error}; write them alike") from None
    if column.null_count:
        raise DataError(f"gold: wanted a {name} in every entry, got {column.null_count} nulls; drop those")
    return column


def sorted_values(*columns: pa.ChunkedArray | pa.Array | None) -> pa.Array:
    """Return the distinct values of columns of one type, smallest first."""
    distinct = pa.chunked_array([column.unique() for column in columns if column is not None]).unique()
    return distinct.take(pc.sort_indices(distinct))


def codes(column: pa.ChunkedArray | pa.Array, values: pa.Array) -> NDArray[np.int32]:
    """Return each value's place in ``values``, which holds them all."""
    places: NDArray[np.int32] = pc.index_in(column, value_set=values).to_numpy().astype(np.int32, copy=False)
    return places


@dataclass(frozen=True, slots=True)
class EncodedJudgements:
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
) -> EncodedJudgements:
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
    return EncodedJudgements(all_tasks, all_workers.take(pa.array(order)), all_labels, *sorted_columns, known)


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
