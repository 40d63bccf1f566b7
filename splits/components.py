"""Connected components of graphs whose nodes are row numbers."""

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

__all__ = ["Flags", "Rows", "component_of"]

Rows = npt.NDArray[np.int64]
"""Row numbers, or one number a row."""

Flags = npt.NDArray[np.bool_]
"""One flag a row."""


def component_of(rows: int, left: Rows, right: Rows) -> Rows:
    """Return for each of ``rows`` nodes the smallest node that edges connect it with.

    Args:
        rows: Number of nodes.
        left: One end of each edge.
        right: The other end.
    """
    result = np.arange(rows, dtype=np.int64)
    if not len(left):
        return result
    nodes, ends = np.unique(np.concatenate([left, right]), return_inverse=True)
    size = (len(nodes), len(nodes))
    links = coo_array((np.ones(len(left), np.int8), (ends[: len(left)], ends[len(left) :])), shape=size)
    count, labels = connected_components(links, directed=False)
    smallest = np.full(count, rows, dtype=np.int64)
    np.minimum.at(smallest, labels, nodes)
    result[nodes] = smallest[labels]
    return result
