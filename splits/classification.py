"""Classification: labelled samples of train and of the reserve, from the same categories."""

from dataclasses import dataclass

import numpy as np

from splits.allocation import allocate, count_each, draw, rank_within
from splits.draft import Draft, Holding
from splits.keys import Rows, stir
from splits.recipe_parts import Classification, Pool, Size

__all__ = ["fill_classification"]


@dataclass(frozen=True, slots=True)
class _Side:
    """What one of the two splits may use, in categories that both may."""

    split: str
    size: Size
    pool: Pool
    rows: Rows
    strata: Rows
    """Number of each row's category."""
    counts: Rows
    """Rows of each category."""

    def total(self, draft: Draft, chosen: Rows) -> int:
        """Return how many samples it gets from the categories with these numbers."""
        return draft.wanted(self.split, self.size, self.pool, int(self.counts[chosen].sum()))


def fill_classification(draft: Draft, block: Classification) -> list[Holding]:
    """Draw both splits: each category has samples in both, in proportion to its size in the catalogue.

    The papers sample from the whole dataset. So does this, but it trains on nothing that is held
    out and tests on nothing else.

    Raises:
        RecipeError: The catalogue has too few categories that are large enough, or too few products.
    """
    level = draft.recipe.level_of(block)
    categories = draft.coded.categories[level]
    learn = np.flatnonzero(draft.available(block, "train"))
    exam = np.flatnonzero(draft.available(block, "reserve"))
    names = np.intersect1d(categories[learn], categories[exam])
    names = names[(names >= 0) & (count_each(categories, names) >= block.min_category)]
    sides = (
        _side(block.train, block.train_size, "train", names, learn, categories),
        _side(block.test, block.test_size, "reserve", names, exam, categories),
    )
    chosen = _choose(draft, block, names, sides)
    weights = count_each(categories, names)
    drawn = [(side.split, _draw(draft, side, weights, chosen)) for side in sides]
    return [Holding(split, rows, "sample", categories[rows], level) for split, rows in drawn]


def _side(split: str, size: Size, pool: Pool, names: Rows, rows: Rows, categories: Rows) -> _Side:
    rows = rows[np.isin(categories[rows], names)]
    strata = np.searchsorted(names, categories[rows])
    return _Side(split, size, pool, rows, strata, np.bincount(strata, minlength=len(names)))


def _choose(draft: Draft, block: Classification, names: Rows, sides: tuple[_Side, _Side]) -> Rows:
    """Return the numbers of the chosen categories: at random, or the largest where random ones are too few."""
    every = np.arange(len(names))
    most = min(len(names), *(side.total(draft, every) for side in sides))
    if block.categories is not None:
        if most < block.categories:
            raise draft.shortage(block.test, block.categories, most, "categories with samples in both splits")
        most = block.categories
    order = np.argsort(stir(names.astype(np.uint64), f"{draft.seed}:category:{block.test}"), kind="stable")
    if any(side.counts[order[:most]].sum() < side.total(draft, every) for side in sides):
        order = np.argsort(-sides[1].counts, kind="stable")
    return order[:most]


def _draw(draft: Draft, side: _Side, weights: Rows, chosen: Rows) -> Rows:
    low, high = np.zeros_like(side.counts), np.zeros_like(side.counts)
    high[chosen] = side.counts[chosen]
    low[chosen] = 1
    quotas = allocate(side.total(draft, chosen), weights, low, high)
    return draw(rank_within(side.rows, side.strata, draft.keys(side.split, side.rows)), quotas)
