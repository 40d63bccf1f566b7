"""Build the splits of a catalogue."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from splits.assignment import Assignment, FilledSplit, pools_of
from splits.catalogue import Catalogue, EncodedCatalogue, encode
from splits.drawing import Rows, derive_keys
from splits.recipe import UNUSED, Block, Recipe, Retrieval, Sample
from splits.retrieval import fill_coarse, fill_fine
from splits.samples import fill_classification, fill_sample

__all__ = ["SCHEMA", "build"]


def build(catalogue: Catalogue, recipe: Recipe, seed: int) -> pa.Table:
    """Divide a catalogue into the splits of a recipe.

    What is held out is never trained on, no duplicate group and no matched products straddle train
    and evaluation, and every product is in exactly one split, or in splits that the recipe lets
    overlap, or in ``unused``. The same catalogue (in any order), recipe and seed give the same
    table on every machine.

    Args:
        catalogue: Products and judged pairs.
        recipe: Splits and rules.
        seed: Any whole number.

    Returns:
        split, product_id, role, label, label_level, group_id and image_position, as in the table
        ``splits``; ordered by split and product_id. ``label`` is a category id or, at level
        ``match``, the smallest product_id that is judged the same; NULL for distractors and where
        there is none. ``image_position`` is -1 for a product without a stored image.

    Raises:
        RecipeError: The catalogue is too small for the recipe; the message names the split, what
            the recipe asks for and what the catalogue has.
    """
    encoded = encode(catalogue, seed)
    recipe = recipe.at_deepest({level: _sizes(rows) for level, rows in encoded.categories.items()})
    assignment = Assignment(catalogue, encoded, recipe, seed, pools_of(encoded, recipe.separate, seed))
    for block in recipe.splits:
        assignment.filled.update({split.name: split for split in _fill(assignment, block)})
    return _assemble(encoded, recipe, [*assignment.filled.values(), _unused(assignment)])


def _sizes(categories: Rows) -> list[int]:
    """Return the number of products of each category."""
    sizes: list[int] = np.unique(categories[categories >= 0], return_counts=True)[1].tolist()
    return sizes


def _fill(assignment: Assignment, block: Block) -> list[FilledSplit]:
    if isinstance(block, Sample):
        return fill_sample(assignment, block)
    if isinstance(block, Retrieval):
        return fill_fine(assignment, block) if block.truth == "match" else fill_coarse(assignment, block)
    return fill_classification(assignment, block)


def _unused(assignment: Assignment) -> FilledSplit:
    free = np.ones(len(assignment.encoded.key), dtype=bool)
    for split in assignment.filled.values():
        free[split.rows] = False
    rows = np.flatnonzero(free)
    level = assignment.recipe.level
    return FilledSplit(UNUSED, rows, "sample", assignment.encoded.categories[level][rows], level)


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


def _assemble(encoded: EncodedCatalogue, recipe: Recipe, filled: Sequence[FilledSplit]) -> pa.Table:
    """Return the rows of all splits, ordered by split and product_id."""
    ids = encoded.ids.combine_chunks()
    groups = encoded.products["group_id"].combine_chunks()
    positions = _image_positions(encoded, recipe)
    parts = [
        pa.Table.from_arrays(
            [
                _repeat(split.name, len(split.rows)),
                ids.take(pa.array(split.rows)),
                _roles(split),
                _labels(split, ids),
                _repeat(split.level, len(split.rows)),
                groups.take(pa.array(split.rows)),
                pa.array(positions[split.rows], pa.int32()),
            ],
            schema=SCHEMA,
        )
        for split in sorted(filled, key=lambda split: split.name)
    ]
    return pa.concat_tables(parts)


def _repeat(word: str, times: int) -> pa.Array:
    return pa.repeat(pa.scalar(word, pa.string()), times)


def _roles(split: FilledSplit) -> pa.Array:
    if split.role != "gallery":
        return _repeat(split.role, len(split.rows))
    return pc.if_else(pa.array(split.labels >= 0), "gallery", "distractor")


def _labels(split: FilledSplit, ids: pa.Array) -> pa.Array:
    numbers = pa.array(split.labels, mask=split.labels < 0)
    return ids.take(numbers) if split.level == "match" else numbers.cast(pa.string())


def _image_positions(encoded: EncodedCatalogue, recipe: Recipe) -> Rows:
    """Return the position of each product's image: the first stored one, or one at random."""
    images = encoded.products["images"].combine_chunks()
    counts = pc.fill_null(pc.list_value_length(images), 0).to_numpy().astype(np.int64)
    places = images.offsets.to_numpy()[:-1].astype(np.int64)
    if recipe.image == "random":
        key = derive_keys(encoded.key, "image")
        places = places + (key % np.maximum(counts, 1).astype(np.uint64)).astype(np.int64)
    values = images.values.to_numpy()
    result = np.full(len(counts), -1, dtype=np.int64)
    result[counts > 0] = values[places[counts > 0]]
    return result
