"""Joining near products, strongest pairs first, without endless chains."""

from array import array
from collections.abc import Iterable

import numpy as np

from extract.duplicates.components import Indices

__all__ = ["link"]


def link(count: int, pairs: Iterable[tuple[Indices, Indices]], weights: Indices, most: int) -> Indices:
    """Join pairs of items into groups that weigh at most ``most``.

    Pairs are taken as they come: give the strongest first. One that would make a heavier group is
    left out: a long chain of small differences ends in other products, and its strongest parts
    are kept. Memory is 16 bytes an item, however many pairs there are.

    Args:
        count: Number of items.
        pairs: Both ends of pairs, [pairs] each, 0 to ``count`` - 1; in as many parts as is convenient.
        weights: Weight of each item, [count].
        most: Heaviest group that a pair may make.

    Returns:
        Smallest item of each item's group, [count]; an item that is joined with none is its own.
    """
    parent = array("q", range(count))
    weight = array("q", weights.astype(np.int64).tobytes())
    for left, right in pairs:
        for one, other in zip(left.tolist(), right.tolist(), strict=True):
            small, large = sorted((_root(parent, one), _root(parent, other)))
            if small != large and weight[small] + weight[large] <= most:
                parent[large] = small
                weight[small] += weight[large]
    return np.array([_root(parent, item) for item in range(count)], dtype=np.int64)


def _root(parent: "array[int]", item: int) -> int:
    """Return the smallest item of a group, and halve the way to it."""
    while parent[item] != item:
        parent[item] = parent[parent[item]]
        item = parent[item]
    return item
