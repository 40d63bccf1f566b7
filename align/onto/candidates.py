"""The nodes of a tree that a category is compared with."""

from collections.abc import Iterable, Iterator

import numpy as np
from scipy.sparse import csr_array

from align.onto.node_texts import Ends
from align.pair_features import Places
from align.term_matrices import Floats, unit_rows

__all__ = ["find_candidates"]

_NEAREST = 6
"""Nodes that are nearest by names, by paths, by names below and by titles."""
_BEST = 10
"""Nodes that are nearest by all of these together."""
_FROM_PARENT = 3
"""Best nodes of the category above that are candidates too."""
_COMMON = 0.03
"""Share of rows above which an n-gram or word does not select candidates: it would be compared with everything."""
_FEW = 20
"""Rows that may share an n-gram or word of a small tree, if they are no more than half."""
_ROWS_AT_ONCE = 512


def find_candidates(ends: Ends, asked: Iterable[tuple[int, int]] = ()) -> tuple[Places, Places]:
    """Return the row of a category and the index of a tree node for each candidate pair, sorted.

    Candidates of a category are the nearest nodes, all their ancestors, and the best nodes of its parent.

    Args:
        ends: Categories and tree nodes.
        asked: Further pairs, on which people decided.
    """
    best: list[Places] = []
    pairs = np.concatenate([np.zeros((0, 2), dtype=np.int64), *_nearest(ends, best)])
    chosen = np.concatenate(best) if best else np.zeros((0, _FROM_PARENT), dtype=np.int64)
    given = [(category, node) for category, node in asked]
    below = np.flatnonzero(ends.parent[: ends.count] >= 0)
    handed = [
        np.column_stack([below, chosen[ends.parent[below], place]]) for place in range(chosen.shape[1]) if len(below)
    ]
    every = np.concatenate([pairs, *handed, np.array(given, dtype=np.int64).reshape(-1, 2)])
    marked = csr_array((np.ones(len(every)), (every[:, 0], every[:, 1])), shape=(ends.count, len(ends.tree.nodes)))
    closed = csr_array(marked @ ends.inside)
    closed.sort_indices()
    left, right = closed.nonzero()
    return left.astype(np.int64), right.astype(np.int64)


def _nearest(ends: Ends, best: list[Places]) -> Iterator[Places]:
    """Yield pairs block by block; the best nodes of each category are added to ``best``."""
    found = ends.features
    named = found.names, found.name_words, ends.path_words, found.below, found.words
    matrices = [*(_selecting(one) for one in (*named, found.properties, found.values)), found.meanings]
    turned = [csr_array(one[ends.count :].T) for one in matrices]
    for start in range(0, ends.count, _ROWS_AT_ONCE):
        rows = slice(start, min(start + _ROWS_AT_ONCE, ends.count))
        every = np.zeros((rows.stop - start, len(ends.tree.nodes)))
        for matrix, columns in zip(matrices, turned, strict=True):
            near = (matrix[rows] @ columns).toarray()
            every += near
            yield _pairs(near, start, _NEAREST)
        yield _pairs(every, start, _BEST)
        best.append(_largest(every, _FROM_PARENT))


def _selecting(matrix: csr_array) -> csr_array:
    """Return the matrix without columns that most rows share, with rows of length 1."""
    rows = np.bincount(matrix.indices, minlength=matrix.shape[1])
    rare = (rows <= max(_COMMON * matrix.shape[0], _FEW)) & (2 * rows <= matrix.shape[0])
    return unit_rows(csr_array(matrix[:, np.flatnonzero(rare)]))


def _pairs(near: Floats, start: int, count: int) -> Places:
    places = _largest(near, count)
    rows = np.repeat(np.arange(len(near)), places.shape[1])
    kept = near[rows, places.ravel()] > 0
    return np.column_stack([rows + start, places.ravel()])[kept]


def _largest(near: Floats, count: int) -> Places:
    """Return the columns of the largest values of each row, largest first; the first of equal ones."""
    count = min(count, near.shape[1])
    some = np.sort(np.argpartition(-near, count - 1, axis=1)[:, :count], axis=1)
    order = np.argsort(-np.take_along_axis(near, some, axis=1), axis=1, kind="stable")
    return np.take_along_axis(some, order, axis=1).astype(np.int64)
