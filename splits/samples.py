"""Plain samples: train, a subset of it, a test set, classification."""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import numpy as np

from splits.assignment import Assignment, FilledSplit
from splits.drawing import Rows, allocate, count_each, derive_keys, draw, rank_within
from splits.recipe import Classification, Pool, Sample, Size

__all__ = ["fill_classification", "fill_sample"]


def fill_sample(assignment: Assignment, block: Sample) -> list[FilledSplit]:
    """Draw one split of samples.

    Stratified: each class (products without a label are one too) gets its part of what is
    available, at least one product where the size allows it. Where the size is a share of another
    split, that split's classes set the parts: none gets more than the share of its own, rounded up.

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
        """Return how many samples it gets from the categories with these numbers."""
        return assignment.wanted(self.split, self.size, self.pool, int(self.counts[chosen].sum()))


def fill_classification(assignment: Assignment, block: Classification) -> list[FilledSplit]:
    """Draw both splits: each category has samples in both, in proportion to its size in the catalogue.

    The papers sample from the whole dataset. So does this, but it trains on nothing that is held
    out and tests on nothing else.

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
    """Return the numbers of the chosen categories: at random, or the largest where random ones are too few."""
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
