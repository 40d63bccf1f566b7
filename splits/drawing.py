"""Random draws that are the same on every machine: keys of rows, quotas of classes, and the rows drawn."""

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from core.engine import open_engine

__all__ = [
    "Flags",
    "Keys",
    "Ranked",
    "Rows",
    "allocate",
    "count_each",
    "derive_keys",
    "draw",
    "hash_ids",
    "mix",
    "rank_within",
]

Rows = npt.NDArray[np.int64]
"""Row numbers, or one number per row."""

Flags = npt.NDArray[np.bool_]
"""One flag per row."""

Keys = npt.NDArray[np.uint64]
"""One number per row, uniform over 0 to 2^64 - 1."""


def hash_ids(ids: pa.ChunkedArray, salt: str) -> Keys:
    """Return for each id the first eight bytes of md5(salt + ":" + id), as a little-endian number."""
    with open_engine() as connection:
        connection.register("ids", pa.table({"id": ids}))
        query = "SELECT md5_number_upper(? || ':' || id) AS key FROM ids"
        keys = connection.sql(query, params=[salt]).to_arrow_table()["key"].to_numpy()
    return np.asarray(keys, dtype=np.uint64)


def derive_keys(keys: Keys, purpose: str) -> Keys:
    """Return keys that are independent of those for other purposes."""
    word = int.from_bytes(hashlib.md5(purpose.encode(), usedforsecurity=False).digest()[:8], "little")
    return mix(keys ^ np.uint64(word))


def mix(values: Keys) -> Keys:
    """Scramble numbers one by one: the finaliser of SplitMix64 (Steele et al. 2014), a bijection."""
    x = values + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


_ONE = 32  # bits after the point of the common factor in `allocate`
_HALF = 1 << (_ONE - 1)


def allocate(total: int, weights: Rows, low: Rows, high: Rows) -> Rows:
    """Divide ``total`` in proportion to ``weights``, with every part between ``low`` and ``high``.

    Every class gets the same factor times its weight, rounded to the nearest whole number (the
    method of Sainte-Lague, which favours neither large nor small classes), within its bounds. If
    classes tie for the last products, the earlier ones get them. All arithmetic is in whole numbers,
    so every machine gets the same parts.

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
    """Return ``rows`` in random order within each class.

    Args:
        rows: Row numbers, ascending.
        strata: Class of each row, from 0, below 2^24.
        keys: Random key of each row; if two agree in their first 40 bits, the smaller row comes first.
        units: Unit of each row; only the first row of a unit within its class is kept.
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
    """Return how often each of ``names`` (ascending) occurs in ``values``."""
    if not len(names):
        return np.zeros(0, dtype=np.int64)
    place = np.minimum(np.searchsorted(names, values), len(names) - 1)
    return np.bincount(place[names[place] == values], minlength=len(names))
