"""Columns of judgements, checked, and the numbers that stand for their values."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from m5data.errors import DataError

__all__ = ["Gold", "GoldColumns", "codes", "gold_columns", "judgement_columns", "sorted_values"]

Gold = Mapping[str, object] | Mapping[int, object]
"""Task -> its true label."""
_COLUMNS = ("task", "worker", "label")


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
