"""Dividing a number of samples among classes, and drawing them."""

from dataclasses import dataclass

import numpy as np

from splits.keys import Keys, Rows

__all__ = ["Ranked", "allocate", "count_each", "draw", "rank_within"]

_ONE = 32  # bits after the point of the common factor in `allocate`
_HALF = 1 << (_ONE - 1)


def allocate(total: int, weights: Rows, low: Rows, high: Rows) -> Rows:
    """Divide ``total`` in proportion to ``weights``, no part below ``low`` or above ``high``.

    Every class gets the same factor times its weight, rounded to the nearest whole number (the
    method of Sainte-Lague, which favours neither large nor small classes), within its bounds. Of
    classes that tie for the last products the earlier get them. In whole numbers throughout, so
    that every machine divides alike.

    Args:
        total: Sum of the parts; between the sums of ``low`` and ``high``.
        weights: At least ``high``, below 2^31.
        low: Smallest parts.
        high: Largest parts.

    Raises:
        ValueError: ``total`` cannot be divided within the bounds.
    """
    if not int(low.sum()) <= total <= int(high.sum()):
        raise ValueError(f"total must be between {low.sum()} and {high.sum()}, and is {total}")

    def parts_at(factor: int) -> Rows:
        return np.asarray(np.clip((weights * factor + _HALF) >> _ONE, low, high), dtype=np.int64)

    least, most = 0, (1 << _ONE) + 1
    while most - least > 1:
        factor = (least + most) // 2
        least, most = (factor, most) if int(parts_at(factor).sum()) <= total else (least, factor)
    parts = parts_at(least)
    growing = np.flatnonzero(parts_at(least + 1) > parts)
    parts[growing[: total - int(parts.sum())]] += 1
    return parts


@dataclass(frozen=True, slots=True)
class Ranked:
    """Rows in random order within their class."""

    rows: Rows
    strata: Rows
    """Class of each row, ascending."""
    rank: Rows
    """Place of each row within its class, from 0."""


def rank_within(rows: Rows, strata: Rows, keys: Keys, units: Rows | None = None) -> Ranked:
    """Put ``rows`` in random order within each class.

    Args:
        rows: Row numbers, ascending.
        strata: Class of each row, from 0, below 2^24.
        keys: Random key of each row; of two that agree in their first 40 bits the smaller row comes first.
        units: Unit of each row; only the first row of a unit within its class is taken.
    """
    packed = (strata.astype(np.uint64) << np.uint64(40)) | (keys >> np.uint64(24))
    order = np.argsort(packed, kind="stable")
    if units is not None:
        names = strata[order] * (units.max(initial=0) + 1) + units[order]
        _, first = np.unique(names, return_index=True)
        order = order[np.sort(first)]
    ordered = strata[order]
    sizes = np.bincount(ordered)
    return Ranked(rows[order], ordered, np.arange(len(order)) - (np.cumsum(sizes) - sizes)[ordered])


def draw(ranked: Ranked, quotas: Rows) -> Rows:
    """Return the first ``quotas[class]`` rows of each class, ascending."""
    return np.sort(ranked.rows[ranked.rank < quotas[ranked.strata]])


def count_each(values: Rows, names: Rows) -> Rows:
    """Return how often each of ``names`` (ascending) is among ``values``."""
    if not len(names):
        return np.zeros(0, dtype=np.int64)
    place = np.minimum(np.searchsorted(names, values), len(names) - 1)
    return np.bincount(place[names[place] == values], minlength=len(names))
