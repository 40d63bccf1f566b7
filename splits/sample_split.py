"""Splits of plain samples: train, a subset of it, a test set."""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import numpy as np

from splits.allocation import allocate, count_each, draw, rank_within
from splits.draft import Draft, Holding
from splits.keys import Rows
from splits.recipe_parts import Pool, Sample

__all__ = ["fill_sample"]


def fill_sample(draft: Draft, block: Sample) -> list[Holding]:
    """Draw one split of samples.

    Stratified: each class (products without a label are one too) gets its part of what is
    available, at least one product where the size allows it. Where the size is a share of another
    split, that split's classes set the parts: none gets more than the share of its own, rounded up.

    Raises:
        RecipeError: The catalogue has too few products.
    """
    level = draft.recipe.level_of(block)
    categories = draft.coded.categories[level]
    pool: Pool = "reserve" if draft.recipe.sides[block.name] == "evaluation" else "train"
    rows = draft.holdings[block.inside].rows if block.inside else np.flatnonzero(draft.available(block, pool))
    classes = categories if block.stratify else np.zeros_like(categories)
    names, strata = np.unique(classes[rows], return_inverse=True)
    quotas = _quotas(draft, block, pool, _Strata(names, classes, np.bincount(strata, minlength=len(names))))
    chosen = draw(rank_within(rows, strata, draft.keys(block.name, rows)), quotas)
    return [Holding(block.name, chosen, "sample", categories[chosen], level)]


@dataclass(frozen=True, slots=True)
class _Strata:
    """The classes that rows are drawn from."""

    names: Rows
    """Category ids, ascending."""
    of_row: Rows
    """Category id of every product."""
    sizes: Rows
    """Rows that may be drawn from each."""


def _quotas(draft: Draft, block: Sample, pool: Pool, strata: _Strata) -> Rows:
    weights, high = strata.sizes, strata.sizes
    base = draft.holdings.get(block.size.of)
    if base is not None and block.size.share is not None:
        weights = count_each(strata.of_row[base.rows], strata.names)
        share = Fraction(str(block.size.share))
        most = [ceil(share * int(weight)) for weight in weights]
        high = np.minimum(strata.sizes, np.array(most, dtype=np.int64))
    total = draft.wanted(block.name, block.size, pool, int(high.sum()))
    low = np.minimum(1, high) if total >= np.count_nonzero(high) else np.zeros_like(high)
    return allocate(total, weights, low, high)
