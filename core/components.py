"""Connected components: from pairs to groups."""

from collections.abc import Iterable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

__all__ = ["Indices", "components", "connect"]

Indices = NDArray[np.int64]
"""Item numbers."""

Name = TypeVar("Name", str, int)


def components(count: int, left: Indices, right: Indices) -> Indices:
    """Return for each of ``count`` items the smallest item in its connected component.

    Time and memory are linear in items and pairs; items without a pair cost next to nothing.

    Args:
        count: Number of items.
        left: One end of each pair, [pairs], 0 to ``count`` - 1.
        right: The other end, [pairs].

    Returns:
        Smallest item of each item's component, [count]; an item without a pair is its own.
    """
    result: Indices = np.arange(count, dtype=np.int64)
    if not len(left):
        return result
    paired = np.zeros(count, dtype=bool)
    paired[left] = paired[right] = True
    nodes = np.flatnonzero(paired)
    place = np.empty(count, dtype=np.int32)
    place[nodes] = np.arange(len(nodes), dtype=np.int32)
    edges = coo_array((np.ones(len(left), dtype=np.int8), (place[left], place[right])), shape=(len(nodes), len(nodes)))
    parts, labels = connected_components(edges, directed=False)
    smallest = np.full(parts, count, dtype=np.int64)
    np.minimum.at(smallest, labels, nodes)
    result[nodes] = smallest[labels]
    return result


def connect(pairs: Iterable[tuple[Name, Name]]) -> dict[Name, Name]:
    """Return for each name in ``pairs`` the smallest name in its connected component.

    Names are in ascending order.
    """
    listed = list(pairs)
    names = sorted({name for pair in listed for name in pair})
    number = {name: place for place, name in enumerate(names)}
    ends = np.array([(number[left], number[right]) for left, right in listed], dtype=np.int64).reshape(-1, 2)
    smallest = components(len(names), ends[:, 0], ends[:, 1])
    return {name: names[place] for name, place in zip(names, smallest.tolist(), strict=True)}
