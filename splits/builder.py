"""Build the splits of a catalogue: retrieval, classification, and plain samples."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from splits.assignment import Assignment, FilledSplit, pools_of
from splits.catalogue import Catalogue, EncodedCatalogue, encode
from splits.drawing import Rows, allocate, count_each, derive_keys, draw, rank_within
from splits.recipe import UNUSED, Block, Classification, Pool, Recipe, Retrieval, Sample, Size
from splits.retrieval import fill_coarse, fill_fine

__all__ = ["SCHEMA", "build", "fill_classification", "fill_sample"]


def build(catalogue: Catalogue, recipe: Recipe, seed: int) -> pa.Table:
    """Divide a catalogue into the splits of a recipe.

    Products held out are never trained on, no duplicate group and no matched products straddle train
    and evaluation, and every product is in exactly one split, or in splits that the recipe allows to
    overlap, or in ``unused``. The same catalogue (in any order), recipe and seed give the same
    table on every machine.

    Args:
        catalogue: Products and judged pairs.
        recipe: Splits and rules.
        seed: Any whole number.

    Returns:
        split, product_id, role, label, label_level, group_id and image_position, as in the table
        ``splits``; ordered by split and product_id. ``label`` is a category id or, at level
        ``match``, the smallest product_id that is judged the same; NULL for distractors and if
        there is none. ``image_position`` is -1 for a product without a stored image.

    Raises:
        RecipeError: The catalogue is too small for the recipe; the message names the split, the
            number that the recipe asks for and the number available.
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


def fill_sample(assignment: Assignment, block: Sample) -> list[FilledSplit]:
    """Draw one split of samples.

    If stratified, each class (unlabelled products form one too) gets products in proportion to those
    available, at least one if the size allows it. If the size is a share of another split, that split's
    classes set the proportions: none gets more than the share of its products there, rounded up.

    Raises:
        RecipeError: The catalogue has too few products.
    """
    level = assignment.recipe.level_of(block)
    categories = assignment.encoded.categories[level]
    pool: Pool = "reserve" if assignment.recipe.sides[block.name] == "evaluation" else "train"
    rows = assignment.filled[block.inside].rows if block.inside else np.flatnonzero(assignment.available(block, pool))
    classes = categories if block.stratify else np.zeros_like(categories)
    names, strata = np.unique(classes[rows], return_inverse=True)
    quotas = _sample_quotas(assignment, block, pool, _Strata(names, classes, np.bincount(strata, minlength=len(names))))
    chosen = draw(rank_within(rows, strata, assignment.keys(block.name, rows)), quotas)
    return [FilledSplit(block.name, chosen, "sample", categories[chosen], level)]


@dataclass(frozen=True, slots=True)
class _Strata:
    """The classes that rows are drawn from."""

    names: Rows
    """Category ids, ascending."""
    of_row: Rows
    """Category id of every product."""
    sizes: Rows
    """Rows that may be drawn from each."""


def _sample_quotas(assignment: Assignment, block: Sample, pool: Pool, strata: _Strata) -> Rows:
    weights, high = strata.sizes, strata.sizes
    base = assignment.filled.get(block.size.of)
    if base is not None and block.size.share is not None:
        weights = count_each(strata.of_row[base.rows], strata.names)
        share = Fraction(str(block.size.share))
        most = [ceil(share * int(weight)) for weight in weights]
        high = np.minimum(strata.sizes, np.array(most, dtype=np.int64))
    total = assignment.wanted(block.name, block.size, pool, int(high.sum()))
    low = np.minimum(1, high) if total >= np.count_nonzero(high) else np.zeros_like(high)
    return allocate(total, weights, low, high)


@dataclass(frozen=True, slots=True)
class _Side:
    """Products that one of the two splits may use, in categories that both may use."""

    split: str
    size: Size
    pool: Pool
    rows: Rows
    strata: Rows
    """Number of each row's category."""
    counts: Rows
    """Rows of each category."""

    def total(self, assignment: Assignment, chosen: Rows) -> int:
        """Return how many samples the split gets from the chosen categories."""
        return assignment.wanted(self.split, self.size, self.pool, int(self.counts[chosen].sum()))


def fill_classification(assignment: Assignment, block: Classification) -> list[FilledSplit]:
    """Draw both splits: each category has samples in both, in proportion to its size in the catalogue.

    The papers sample from the whole dataset. So does this function, but train samples are never held
    out, and test samples always are.

    Raises:
        RecipeError: The catalogue has too few categories that are large enough, or too few products.
    """
    level = assignment.recipe.level_of(block)
    categories = assignment.encoded.categories[level]
    learn = np.flatnonzero(assignment.available(block, "train"))
    exam = np.flatnonzero(assignment.available(block, "reserve"))
    names = np.intersect1d(categories[learn], categories[exam])
    names = names[(names >= 0) & (count_each(categories, names) >= block.min_category)]
    sides = (
        _side(block.train, block.train_size, "train", names, learn, categories),
        _side(block.test, block.test_size, "reserve", names, exam, categories),
    )
    chosen = _choose(assignment, block, names, sides)
    weights = count_each(categories, names)
    drawn = [(side.split, _draw(assignment, side, weights, chosen)) for side in sides]
    return [FilledSplit(split, rows, "sample", categories[rows], level) for split, rows in drawn]


def _side(split: str, size: Size, pool: Pool, names: Rows, rows: Rows, categories: Rows) -> _Side:
    rows = rows[np.isin(categories[rows], names)]
    strata = np.searchsorted(names, categories[rows])
    return _Side(split, size, pool, rows, strata, np.bincount(strata, minlength=len(names)))


def _choose(assignment: Assignment, block: Classification, names: Rows, sides: tuple[_Side, _Side]) -> Rows:
    """Return the numbers of the chosen categories: random ones, or the largest if those have too few products."""
    every = np.arange(len(names))
    most = min(len(names), *(side.total(assignment, every) for side in sides))
    if block.categories is not None:
        if most < block.categories:
            raise assignment.shortage(block.test, block.categories, most, "categories with samples in both splits")
        most = block.categories
    order = np.argsort(derive_keys(names.astype(np.uint64), f"{assignment.seed}:category:{block.test}"), kind="stable")
    if any(side.counts[order[:most]].sum() < side.total(assignment, every) for side in sides):
        order = np.argsort(-sides[1].counts, kind="stable")
    return order[:most]


def _draw(assignment: Assignment, side: _Side, weights: Rows, chosen: Rows) -> Rows:
    low, high = np.zeros_like(side.counts), np.zeros_like(side.counts)
    high[chosen] = side.counts[chosen]
    low[chosen] = 1
    quotas = allocate(side.total(assignment, chosen), weights, low, high)
    return draw(rank_within(side.rows, side.strata, assignment.keys(side.split, side.rows)), quotas)
