"""Comparing hashes within blocks: each with each."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["Hashes", "Indices", "compare_blocks"]

Hashes = NDArray[np.uint64]
Indices = NDArray[np.int64]

_SMALL = 96
_TILE = 1 << 15


def compare_blocks(
    values: Hashes, places: Indices, starts: Indices, sizes: Indices, spoiled: Hashes, radius: int
) -> Iterator[Indices]:
    """Yield the near pairs within blocks of hashes.

    Many small blocks are compared together, each hash with the next one, then with the one after
    it, and so on; a large block is compared row by row.

    Args:
        values: Hashes, block after block, [n].
        places: Index of each hash, [n].
        starts: Where each block begins, [blocks].
        sizes: Hashes of each block, [blocks].
        spoiled: Masks under each of which a pair must differ, [masks].
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
    """Compare hashes that lie 1, 2, 3 ... apart, in all blocks at once."""
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
    """Compare some rows of one block at a time with all hashes from them on."""
    first = 0
    while first < len(values):
        rows = max(1, _TILE // (len(values) - first))
        difference = values[first : first + rows, None] ^ values[None, first:]
        near = np.flatnonzero(np.bitwise_count(difference) <= radius)
        row, column = np.divmod(near, len(values) - first)
        later = column > row  # each pair once, and no hash with itself
        row, column = row[later], column[later]
        fresh = _spoiled(values[first + row] ^ values[first + column], spoiled)
        if fresh.any():
            yield np.stack([places[first + row[fresh]], places[first + column[fresh]]], axis=1)
        first += rows


def _spoiled(difference: Hashes, masks: Hashes) -> NDArray[np.bool_]:
    """Return which differences touch every mask, [n]."""
    touched = np.ones(len(difference), dtype=np.bool_)
    for mask in masks:
        touched &= (difference & mask) != 0
    return touched
