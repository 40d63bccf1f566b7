"""The most similar rows of each query, kept while similarities stream by."""

import numpy as np
from numpy.typing import NDArray

from annotate.candidates.encoder import Vectors
from annotate.candidates.features import Rows

__all__ = ["Best", "Found"]

Found = tuple[Rows, NDArray[np.float64]]
"""Rows, best first, -1 where there are no more; and their similarities, nan there: each [queries, best]."""

_STEPS = 1 << 20
"""Similarities are compared in steps of 2^-20: float32 sums differ by less with the order of their terms, so what is
equal but for that order is a tie, whichever block it came in."""
_NONE = np.iinfo(np.int64).max


class Best:
    """The best rows of each query; ties go to the smaller row.

    A row and its similarity are one integer, smaller for better, so that one comparison sorts by both. Only what can
    still be among the best is kept: the others fall to one comparison with the query's threshold.

    Args:
        queries: How many.
        best: How many rows of each.
        block: Most columns of an ``offer``.
    """

    def __init__(self, queries: int, best: int, block: int) -> None:
        self._best = best
        self._keys = np.full((queries, best + 2 * block), _NONE)
        self._fill = np.zeros(queries, np.int64)
        self._least = np.full(queries, -np.inf, np.float32)

    def offer(self, queries: Rows, rows: Rows, similarity: Vectors) -> None:
        """Take in similarities.

        Args:
            queries: [q] numbers of queries, each once.
            rows: [n] numbers of rows.
            similarity: [q, n], within -2 to 2.
        """
        wanted = similarity >= self._least[queries][:, None]
        place, column = np.divmod(np.flatnonzero(wanted), wanted.shape[1])  # np.nonzero takes thrice as long
        counts = np.bincount(place, minlength=len(queries))
        full = self._fill[queries] + counts > self._keys.shape[1]
        if full.any():
            self._shrink(queries[full])
        within = np.arange(len(place)) - (np.cumsum(counts) - counts)[place]
        query = queries[place]
        self._keys[query, self._fill[query] + within] = _key(similarity[place, column], rows[column])
        self._fill[queries] += counts
        crowded = queries[self._fill[queries] > 2 * self._best]
        if len(crowded):
            self._shrink(crowded)

    def found(self) -> Found:
        """Return what is best of all that was offered."""
        self._shrink(np.flatnonzero(self._fill > self._best))
        keys = np.sort(self._keys[:, : self._best], axis=1)
        rows, steps = keys & 0xFFFFFFFF, 2 * _STEPS - (keys >> 32)
        there = keys != _NONE
        return np.where(there, rows, -1), np.where(there, steps / _STEPS, np.nan)

    def _shrink(self, queries: Rows) -> None:
        """Keep the best of some queries, and raise their thresholds."""
        if not len(queries):
            return
        used = int(self._fill[queries].max())
        keys = self._keys[queries, :used]
        if used > self._best:
            keys.partition(self._best - 1, axis=1)
        keys[:, self._best :] = _NONE
        self._keys[queries, :used] = keys
        self._fill[queries] = np.minimum(self._fill[queries], self._best)
        last = self._keys[queries, self._best - 1]
        steps = 2 * _STEPS - (last >> 32) - 1  # one less: what rounds up to it must pass
        self._least[queries] = np.where(last == _NONE, -np.inf, steps / _STEPS)


def _key(similarity: Vectors, rows: Rows) -> Rows:
    steps = np.rint(similarity * np.float32(_STEPS)).astype(np.int64)
    key: Rows = ((2 * _STEPS - steps) << 32) | rows
    return key
