"""Connected components: from pairs to groups."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

__all__ = ["components"]

Indices = NDArray[np.int64]


def components(count: int, left: Indices, right: Indices) -> Indices:
    """Return for each of ``count`` items the smallest item that it is connected with.

    Args:
        count: Number of items.
        left: One end of each pair, [pairs], 0 to ``count`` - 1.
        right: The other end, [pairs].

    Returns:
        Smallest item of each item's component, [count]; an item without pairs is its own.
    """
    if not count:
        return np.zeros(0, dtype=np.int64)
    graph = coo_array((np.ones(len(left), dtype=np.int8), (left, right)), shape=(count, count))
    parts, labels = connected_components(graph, directed=False)
    part_of: Indices = labels.astype(np.int64)
    smallest: Indices = np.full(parts, count, dtype=np.int64)
    np.minimum.at(smallest, part_of, np.arange(count))
    return smallest[part_of]
