"""Turning finished splits into rows."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from splits.coded import Coded
from splits.draft import Holding
from splits.keys import Rows, stir
from splits.recipe import Recipe

__all__ = ["SCHEMA", "assemble"]

SCHEMA = pa.schema(
    [
        pa.field("split", pa.string(), nullable=False),
        pa.field("product_id", pa.string(), nullable=False),
        pa.field("role", pa.string(), nullable=False),
        pa.field("label", pa.string()),
        pa.field("label_level", pa.string(), nullable=False),
        pa.field("group_id", pa.string(), nullable=False),
        pa.field("image_position", pa.int32(), nullable=False),
    ]
)
"""Columns of the table that ``build`` returns."""


def assemble(coded: Coded, recipe: Recipe, holdings: Sequence[Holding]) -> pa.Table:
    """Return the rows of all splits, ordered by split and product_id."""
    ids = coded.ids.combine_chunks()
    groups = coded.products["group_id"].combine_chunks()
    positions = _image_positions(coded, recipe)
    parts = [
        pa.Table.from_arrays(
            [
                _repeat(holding.split, len(holding.rows)),
                ids.take(pa.array(holding.rows)),
                _roles(holding),
                _labels(holding, ids),
                _repeat(holding.level, len(holding.rows)),
                groups.take(pa.array(holding.rows)),
                pa.array(positions[holding.rows], pa.int32()),
            ],
            schema=SCHEMA,
        )
        for holding in sorted(holdings, key=lambda holding: holding.split)
    ]
    return pa.concat_tables(parts)


def _repeat(word: str, times: int) -> pa.Array:
    return pa.repeat(pa.scalar(word, pa.string()), times)


def _roles(holding: Holding) -> pa.Array:
    if holding.role != "gallery":
        return _repeat(holding.role, len(holding.rows))
    return pc.if_else(pa.array(holding.labels >= 0), "gallery", "distractor")


def _labels(holding: Holding, ids: pa.Array) -> pa.Array:
    numbers = pa.array(holding.labels, mask=holding.labels < 0)
    return ids.take(numbers) if holding.level == "match" else numbers.cast(pa.string())


def _image_positions(coded: Coded, recipe: Recipe) -> Rows:
    """Return the position of each product's image: the first stored one, or one at random."""
    images = coded.products["images"].combine_chunks()
    counts = pc.fill_null(pc.list_value_length(images), 0).to_numpy().astype(np.int64)
    places = images.offsets.to_numpy()[:-1].astype(np.int64)
    if recipe.image == "random":
        key = stir(coded.key, "image")
        places = places + (key % np.maximum(counts, 1).astype(np.uint64)).astype(np.int64)
    values = images.values.to_numpy()
    result = np.full(len(counts), -1, dtype=np.int64)
    result[counts > 0] = values[places[counts > 0]]
    return result
