"""All pairs of perceptual hashes that differ in few bits."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

__all__ = ["HashPairs", "phash_neighbours"]

Hashes = NDArray[np.uint64]
Indices = NDArray[np.int64]

_BITS = 64
_MOST_EXTRA_BANDS = 4


@dataclass(frozen=True, slots=True)
class HashPairs:
    """Pairs of hashes, sorted by ``left``, then ``right``; each pair once, ``left < right``."""

    left: Indices
    """Index of the one hash, [pairs]."""
    right: Indices
    """Index of the other, [pairs]."""
    distance: NDArray[np.uint8]
    """Bits in which they differ, [pairs]."""


def phash_neighbours(hashes: NDArray[np.int64], radius: int) -> HashPairs:
    """Return every pair of hashes at a Hamming distance of at most ``radius``.

    Exact, not approximate. The 64 bits are dealt into bands; ``radius`` differing bits can spoil
    at most ``radius`` of them, so near hashes agree in all the others. For each choice of so many
    bands the hashes are sorted by these bands alone and compared where they agree. A pair that
    several choices find is kept at the first of them. Each band takes bits from all over the
    hash, since neighbouring coefficients of a picture go together.

    Equal hashes are many in practice (empty pictures), and ``n`` equal ones make ``n² / 2``
    pairs: pass distinct values where that may happen.

    Args:
        hashes: 64-bit hashes, as ``perceptual_hash`` returns them, [n].
        radius: Largest distance, 0 to 59 bits; 6 is quick at a million, 16 is not.

    Raises:
        ValueError: The radius leaves no band to agree in.
    """
    if not 0 <= radius < _BITS - _MOST_EXTRA_BANDS:
        raise ValueError(f"radius: wanted 0 to {_BITS - _MOST_EXTRA_BANDS - 1}, got {radius}")
    values = np.ascontiguousarray(hashes).view(np.uint64)
    found = list(_choices(values, radius))
    left = np.concatenate([pair[0] for pair in found])
    right = np.concatenate([pair[1] for pair in found])
    order = np.lexsort((right, left))
    left, right = left[order], right[order]
    return HashPairs(left, right, np.bitwise_count(values[left] ^ values[right]))


def _choices(values: Hashes, radius: int) -> Iterator[tuple[Indices, Indices]]:
    """Yield the pairs of each choice of bands."""
    agreeing = _agreeing_bands(len(values), radius)
    masks = _band_masks(radius + agreeing)
    for chosen in combinations(range(len(masks)), agreeing):
        earlier = np.array([masks[band] for band in range(chosen[-1]) if band not in chosen], dtype=np.uint64)
        key = np.bitwise_or.reduce(masks[list(chosen)])
        yield _pairs_agreeing(values, key, earlier, radius)


def _agreeing_bands(count: int, radius: int) -> int:
    """Return how many bands must agree: more means more sorting and fewer comparisons.

    The cost model counts a sort as 20 comparisons an item and takes hashes for random.
    """

    def cost(agreeing: int) -> float:
        bits = _BITS * agreeing / (radius + agreeing)
        return comb(radius + agreeing, agreeing) * (20 * count + count * count / 2 ** (bits + 1))

    return min(range(1, _MOST_EXTRA_BANDS + 1), key=cost)


def _band_masks(bands: int) -> Hashes:
    """Deal the bits to the bands in turn; return each band's bits, [bands]."""
    masks = [sum(1 << bit for bit in range(band, _BITS, bands)) for band in range(bands)]
    return np.array(masks, dtype=np.uint64)


def _pairs_agreeing(values: Hashes, key: np.uint64, earlier: Hashes, radius: int) -> tuple[Indices, Indices]:
    """Return near pairs that agree under ``key`` and under none of the ``earlier`` bands."""
    order = np.argsort(values & key, kind="stable")
    ranked = values[order]
    masked = ranked & key
    found = [np.zeros((0, 2), dtype=np.int64)]
    start = np.arange(len(values))
    step = 1
    while True:
        start = start[start + step < len(values)]
        start = start[masked[start] == masked[start + step]]
        if not len(start):
            break
        differing = ranked[start] ^ ranked[start + step]
        near = start[np.bitwise_count(differing) <= radius]
        difference = ranked[near] ^ ranked[near + step]
        fresh = ((difference[:, None] & earlier) != 0).all(axis=1)
        found.append(np.stack([order[near[fresh]], order[near[fresh] + step]], axis=1))
        step += 1
    pairs = np.sort(np.concatenate(found), axis=1)
    return pairs[:, 0], pairs[:, 1]
