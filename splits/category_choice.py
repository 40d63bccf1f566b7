"""Choosing the categories that coarse queries come from, so that gallery and distractors both fit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from splits.keys import Flags, Rows

__all__ = ["Bounds", "choose_categories", "smallest_sum"]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the chosen categories must hold together."""

    low: int
    """Fewest products: queries and matched gallery."""
    high: int
    """Most products: the rest must do for distractors."""
    queries: int
    """Queries that they must have room for."""
    most: int
    """Most categories: each needs a query, and a gallery sample."""


def choose_categories(sizes: Rows, room: Rows, orders: Sequence[Rows], bounds: Bounds) -> Flags | None:
    """Choose as many categories as the bounds let; None where no choice was found.

    Each order is gone through once, taking what fits; where none ends inside the bounds, every sum
    that the categories of the last order can have together is looked at.

    Args:
        sizes: Products of each category.
        room: Queries that each category has room for.
        orders: Categories that may be chosen, the preferred order first.
        bounds: What the choice must hold.
    """
    for order in orders:
        chosen = _first_that_fit(sizes, order, bounds)
        if _holds(sizes, room, chosen, bounds):
            return chosen
    chosen = smallest_sum(sizes, orders[-1], bounds.low)
    return chosen if _holds(sizes, room, chosen, bounds) else None


def smallest_sum(sizes: Rows, order: Rows, low: int) -> Flags:
    """Return categories whose sizes have the smallest sum of at least ``low``; all where none reaches it.

    The subset-sum table by sum: ``last[s]`` is the category that first made sum ``s`` possible.
    """
    top = int(sizes[order].sum())
    last = np.full(top + 1, -1, dtype=np.int64)
    possible = np.zeros(top + 1, dtype=bool)
    possible[0] = True
    for place, category in enumerate(order):
        size = int(sizes[category])
        fresh = possible[: top + 1 - size] & ~possible[size:]
        last[size:][fresh] = place
        possible[size:] |= fresh
        if low <= top and possible[low]:
            break
    reached = np.flatnonzero(possible[low:]) + low if low <= top else np.array([top])
    return _trace(sizes, order, last, int(reached[0]))


def _first_that_fit(sizes: Rows, order: Rows, bounds: Bounds) -> Flags:
    chosen = np.zeros(len(sizes), dtype=bool)
    left, free = bounds.high, bounds.most
    for category in order:
        size = int(sizes[category])
        if free and size <= left:
            chosen[category] = True
            left, free = left - size, free - 1
    return chosen


def _holds(sizes: Rows, room: Rows, chosen: Flags, bounds: Bounds) -> bool:
    products = int(sizes[chosen].sum())
    fits = bounds.low <= products <= bounds.high and int(chosen.sum()) <= bounds.most
    return fits and int(room[chosen].sum()) >= bounds.queries


def _trace(sizes: Rows, order: Rows, last: Rows, total: int) -> Flags:
    chosen = np.zeros(len(sizes), dtype=bool)
    while total:
        category = order[last[total]]
        chosen[category] = True
        total -= int(sizes[category])
    return chosen
