"""Sorting tables by an id."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from m5data.errors import RecipeError

__all__ = ["sort_by_id"]


def sort_by_id(table: pa.Table, column: str) -> pa.Table:
    """Return ``table`` sorted by the bytes of a text column, whose values differ.

    Raises:
        RecipeError: A value is there twice.
    """
    ids = table[column]
    if len(ids) < 2 or pc.all(pc.less(ids[:-1], ids[1:])).as_py():  # most tables come sorted
        return table
    table = table.take(pc.sort_indices(ids))
    ids = table[column]
    repeated = np.flatnonzero(pc.equal(ids[1:], ids[:-1]).to_numpy())
    if len(repeated):
        raise RecipeError(f"catalogue: wanted each {column} once, got {ids[int(repeated[0])].as_py()!r} again")
    return table
