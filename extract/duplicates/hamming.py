"""All pairs of perceptual hashes that differ in few bits."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from core.components import Indices

__all__ = ["HashPairs", "Hashes", "compare_blocks", "neighbour_batches", "phash_neighbours"]

Hashes = NDArray[np.uint64]

_SMALL = 96
_TILE = 1 << 15


def compare_blocks(
    values: Hashes, places: Indices, starts: Indices, sizes: Indices, spoiled: Hashes, radius: int
) -> Iterator[Indices]:
    """Yield the near pairs within blocks of hashes.

    Small blocks are compared together, each hash with the next one, then with the one after that, and
    so on; a large block is compared row by row.

    Args:
        values: Hashes, block after block, [n].
        places: Index of each hash, [n].
        starts: Start of each block, [blocks].
        sizes: Number of hashes in each block, [blocks].
        spoiled: Masks; a pair must differ in some bit of each, [masks].
        radius: Largest distance, bits.

    Yields:
        Indices of both hashes, [pairs, 2].
    """
    small = sizes <= _SMALL
    yield from _side_by_side(values, places, starts[small], sizes[small], spoiled, radius)
    for start, size in zip(starts[~small].tolist(), sizes[~small].tolist(), strict=True):
        block = slice(start, start + size)
        yield from _row_by_row(values[block], places[block], spoiled, radius)


def _side_by_side(
    values: Hashes, places: Indices, starts: Indices, sizes: Indices, spoiled: Hashes, radius: int
) -> Iterator[Indices]:
    """Yield the near pairs of hashes that are 1, 2, 3, … positions apart, in all blocks at once."""
    ends = np.repeat(starts + sizes, sizes)
    one = np.repeat(starts - np.concatenate([[0], np.cumsum(sizes)[:-1]]), sizes) + np.arange(len(ends))
    step = 0
    while len(one):
        step += 1
        inside = one + step < ends
        one, ends = one[inside], ends[inside]
        difference = values[one] ^ values[one + step]
        near = np.flatnonzero(np.bitwise_count(difference) <= radius)
        found = one[near[_spoiled(difference[near], spoiled)]]
        if len(found):
            yield np.stack([places[found], places[found + step]], axis=1)


def _row_by_row(values: Hashes, places: Indices, spoiled: Hashes, radius: int) -> Iterator[Indices]:
    """Yield the near pairs of one block; some rows at a time are compared with all later hashes."""
    first = 0
    while first < len(values):
        rows = max(1, _TILE // (len(values) - first))
        difference = values[first : first + rows, None] ^ values[None, first:]
        near = np.flatnonzero(np.bitwise_count(difference) <= radius)
        row, column = np.divmod(near, len(values) - first)
        later = column > row  # each pair once
        row, column = row[later], column[later]
        fresh = _spoiled(values[first + row] ^ values[first + column], spoiled)
        if fresh.any():
            yield np.stack([places[first + row[fresh]], places[first + column[fresh]]], axis=1)
        first += rows


def _spoiled(difference: Hashes, masks: Hashes) -> NDArray[np.bool_]:
    """Return which differences share a bit with every mask, [n]."""
    touched = np.ones(len(difference), dtype=np.bool_)
    for mask in masks:
        touched &= (difference & mask) != 0
    return touched


_BITS = 64
_MAX_EXTRA_BANDS = 4
_LARGE_BLOCK = 8_192
_BATCH_PAIRS = 4_000_000


@dataclass(frozen=True, slots=True)
class HashPairs:
    """Pairs of hashes, each once, ``left < right``."""

    left: Indices
    """Index of the first hash, [pairs]."""
    right: Indices
    """Index of the second hash, [pairs]."""
    distance: NDArray[np.uint8]
    """Number of bits in which they differ, [pairs]."""


@dataclass(frozen=True, slots=True)
class _Search:
    """Hashes to compare with each other, and conditions on all their pairs."""

    values: Hashes
    places: Indices
    """Index of each value among all hashes."""
    bits: tuple[int, ...]
    """Bits in which they may differ."""
    spoiled: Hashes
    """Masks; a pair must differ in some bit of each, else another choice of bands finds it."""


def phash_neighbours(hashes: NDArray[np.int64], radius: int) -> HashPairs:
    """Return every pair of hashes at a Hamming distance of at most ``radius``, sorted by left, then right.

    Like ``neighbour_batches``, but in memory: 17 bytes per pair, twice that while they are sorted.
    """
    batches = list(neighbour_batches(hashes, radius))
    left = np.concatenate([np.zeros(0, np.int64), *(batch.left for batch in batches)])
    right = np.concatenate([np.zeros(0, np.int64), *(batch.right for batch in batches)])
    distance = np.concatenate([np.zeros(0, np.uint8), *(batch.distance for batch in batches)])
    order = np.lexsort((right, left))
    return HashPairs(left[order], right[order], distance[order])


def neighbour_batches(hashes: NDArray[np.int64], radius: int) -> Iterator[HashPairs]:
    """Yield every pair of hashes at a Hamming distance of at most ``radius``, a few million at a time.

    Exact, not approximate. The 64 bits are divided into bands; ``radius`` differing bits affect at
    most ``radius`` bands, so near hashes agree in all others. For each choice of that many bands, the
    hashes are sorted by these bands and compared if they agree. A pair found by several choices is
    kept for the first only. Where very many hashes agree, as those of products on white do, they are
    divided again by the remaining bits. Each band has bits from all over the hash, since
    neighbouring coefficients of an image correlate.

    Equal hashes are common (empty images), and ``n`` equal ones form ``n² / 2`` pairs: pass distinct
    values if that may happen.

    Args:
        hashes: 64-bit hashes, as ``perceptual_hash`` returns them, [n].
        radius: Largest distance, 0 to 59 bits; 6 is fast for a million hashes, 16 is not.

    Raises:
        ValueError: The radius leaves no band to agree in.
    """
    if not 0 <= radius < _BITS - _MAX_EXTRA_BANDS:
        raise ValueError(f"radius must be 0 to {_BITS - _MAX_EXTRA_BANDS - 1}, not {radius}")
    values = np.ascontiguousarray(hashes).view(np.uint64)
    everything = _Search(values, np.arange(len(values)), tuple(range(_BITS)), np.zeros(0, dtype=np.uint64))
    unsent: list[Indices] = []
    count = 0
    for pairs in _pairs(everything, radius):
        unsent.append(pairs)
        count += len(pairs)
        if count >= _BATCH_PAIRS:
            yield _batch(values, unsent)
            unsent, count = [], 0
    if unsent:
        yield _batch(values, unsent)


def _batch(values: Hashes, found: list[Indices]) -> HashPairs:
    pairs = np.concatenate(found)
    pairs.sort(axis=1)
    left, right = np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])
    return HashPairs(left, right, np.bitwise_count(values[left] ^ values[right]))


def _pairs(search: _Search, radius: int) -> Iterator[Indices]:
    """Yield the near pairs of a search, [pairs, 2], unsorted."""
    agreeing = _agreeing_bands(len(search.values), len(search.bits), radius)
    masks = _band_masks(search.bits, radius + agreeing)
    for chosen in combinations(range(len(masks)), agreeing):
        earlier = [masks[band] for band in range(chosen[-1]) if band not in chosen]
        key = np.bitwise_or.reduce(masks[list(chosen)])
        rest = tuple(bit for bit in search.bits if not int(key) >> bit & 1)
        spoiled = np.concatenate([search.spoiled, np.array(earlier, dtype=np.uint64)])
        yield from _pairs_agreeing(_Search(search.values, search.places, rest, spoiled), key, radius)


def _pairs_agreeing(search: _Search, key: np.uint64, radius: int) -> Iterator[Indices]:
    """Yield the near pairs that agree under ``key``, [pairs, 2]."""
    masked = search.values & key
    order = np.argsort(masked, kind="stable")
    values, places = search.values[order], search.places[order]
    starts = np.flatnonzero(np.diff(masked[order], prepend=~masked[order[:1]]))
    sizes = np.diff(starts, append=len(values))
    large = sizes > _LARGE_BLOCK
    yield from compare_blocks(values, places, starts[~large], sizes[~large], search.spoiled, radius)
    for start, size in zip(starts[large].tolist(), sizes[large].tolist(), strict=True):
        block = slice(start, start + size)
        yield from _pairs_of_large(_Search(values[block], places[block], search.bits, search.spoiled), radius)


def _pairs_of_large(search: _Search, radius: int) -> Iterator[Indices]:
    """Yield the near pairs of a large block, divided again if that saves comparisons."""
    if _divides(search, radius):
        yield from _pairs(search, radius)
        return
    whole = np.zeros(1, dtype=np.int64), np.array([len(search.values)])
    yield from compare_blocks(search.values, search.places, *whole, search.spoiled, radius)


def _divides(search: _Search, radius: int) -> bool:
    """Return whether dividing a block once more leaves at most half of its comparisons.

    This bounds the work: without it, hashes so similar that no choice of bands separates them would be
    searched again for each choice at each level.
    """
    if len(search.bits) <= radius + _MAX_EXTRA_BANDS:
        return False
    size = len(search.values)
    agreeing = _agreeing_bands(size, len(search.bits), radius)
    masks = _band_masks(search.bits, radius + agreeing)
    left = 0
    for chosen in combinations(masks, agreeing):
        _, sizes = np.unique(search.values & np.bitwise_or.reduce(chosen), return_counts=True)
        left += int((sizes * sizes).sum())
        if 2 * left > size * size:
            return False
    return True


def _agreeing_bands(count: int, bits: int, radius: int) -> int:
    """Return how many bands must agree: more means more sorting and fewer comparisons.

    The cost model counts a sort as 20 comparisons per item and assumes random hashes.
    """

    def cost(agreeing: int) -> float:
        agreed = bits * agreeing / (radius + agreeing)
        return comb(radius + agreeing, agreeing) * (20 * count + count * count / 2 ** (agreed + 1))

    return min(range(1, _MAX_EXTRA_BANDS + 1), key=cost)


def _band_masks(bits: tuple[int, ...], bands: int) -> Hashes:
    """Return the bits of each band, assigned in turn, [bands]."""
    masks = [sum(1 << bit for bit in bits[band::bands]) for band in range(bands)]
    return np.array(masks, dtype=np.uint64)
