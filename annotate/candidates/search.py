"""The rows most similar to each query: exact search, and an inverted file."""

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from annotate.candidates.encoders import Vectors
from annotate.candidates.feature_file import FeatureFile, Rows

__all__ = [
    "InvertedFile",
    "Neighbours",
    "TopK",
    "build_inverted_file",
    "count_lists",
    "count_probes",
    "search_exactly",
    "search_parts",
]

Neighbours = tuple[Rows, NDArray[np.float64]]
"""Rows, best first, -1 where there are no more; and their similarities, nan there: each [queries, best]."""

_STEPS = 1 << 20
"""Similarities are compared in steps of 2^-20: float32 sums differ by less with the order of their terms, so what is
equal but for that order is a tie, whichever block it came in."""
_NONE = np.iinfo(np.int64).max
_EXACT_ROWS = 2048
_EXACT_QUERIES = 2048
"""Rows and queries of one matrix product: large enough that selecting costs little beside it, and together with
what is kept of them some 150 MB a thread, at 2,816 dimensions and 500 best."""
_BLOCK = 2048
_COLUMNS = 1024
_QUERIES = 4096
_TRAINING = 40
"""Rows a centre that k-means sees: faiss asks for 39 or more."""
_ROUNDS = 8


class TopK:
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

    def found(self) -> Neighbours:
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


def search_parts(search: Callable[[Vectors], Neighbours], queries: Vectors, best: int, most: int) -> Neighbours:
    """Search parts of at most ``most`` queries, as many at a time as there are cores, and put the results together.

    Matrix products then run on one thread each: threads of one product wait for each other, those of two searches
    do not, and selecting, which only one thread of a product could do, runs on all cores too.
    """
    cores = os.cpu_count() or 1
    count = max(-(-len(queries) // most), min(cores, len(queries)))
    if not count:
        return np.zeros((0, best), np.int64), np.zeros((0, best))
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(cores) as pool:
        rows, similarities = zip(*pool.map(search, np.array_split(queries, count)), strict=True)
    return np.concatenate(rows), np.concatenate(similarities)


def search_exactly(features: FeatureFile, queries: Vectors, best: int) -> Neighbours:
    """Return the ``best`` most similar rows of each query, ties by row.

    Args:
        features: Rows of length 1.
        queries: [Q, dimensions], of length 1.
        best: At least 1.
    """
    return search_parts(lambda part: _search_block(features, part, best), queries, best, _EXACT_QUERIES)


def _search_block(features: FeatureFile, queries: Vectors, best: int) -> Neighbours:
    kept = TopK(len(queries), best, _EXACT_ROWS)
    every = np.arange(len(queries))
    product = np.empty((len(queries), _EXACT_ROWS), np.float32)
    for start, block in features.blocks(_EXACT_ROWS):
        similarity = product if len(block) == _EXACT_ROWS else np.empty((len(queries), len(block)), np.float32)
        np.matmul(queries, block.T, out=similarity)
        kept.offer(every, np.arange(start, start + len(block)), similarity)
    return kept.found()


@dataclass(frozen=True, slots=True)
class InvertedFile:
    """Rows sorted by list, in a file of their own."""

    centres: Vectors
    """[L, dimensions], of length 1."""
    rows: Rows
    """[N] number of each row of the sorted file."""
    ends: Rows
    """[L + 1] where lists begin and end in the sorted file."""
    features: FeatureFile
    """The sorted file."""

    def search(self, queries: Vectors, best: int, probes: int) -> Neighbours:
        """Return the most similar rows of each query among its ``probes`` nearest lists, ties by row.

        All queries that look into a list are compared with it in one matrix product.
        """
        return search_parts(lambda part: self._search(part, best, probes), queries, best, _QUERIES)

    def _search(self, queries: Vectors, best: int, probes: int) -> Neighbours:
        kept = TopK(len(queries), best, _COLUMNS)
        nearest = np.argpartition(-(queries @ self.centres.T), probes - 1, axis=1)[:, :probes]
        asking = np.argsort(nearest.ravel(), kind="stable") // probes
        ends = np.concatenate([[0], np.cumsum(np.bincount(nearest.ravel(), minlength=len(self.centres)))])
        for number in np.flatnonzero(np.diff(ends)):
            who = asking[ends[number] : ends[number + 1]]
            for start in range(self.ends[number], self.ends[number + 1], _COLUMNS):
                stop = min(start + _COLUMNS, int(self.ends[number + 1]))
                kept.offer(who, self.rows[start:stop], queries[who] @ self.features.read(start, stop).T)
        return kept.found()


def count_lists(rows: int) -> int:
    """Return how many lists suit so many rows: about their root, and rows enough for k-means in each."""
    return max(1, min(math.isqrt(rows), rows // _TRAINING))


def build_inverted_file(features: FeatureFile, lists: int, path: Path, seed: int = 0) -> InvertedFile:
    """Divide rows into lists around centres that k-means finds (faiss, spherical), and sort them into a new file.

    Args:
        features: Rows of length 1.
        lists: How many; about the root of the number of rows.
        path: The new file; the caller closes and removes it.
        seed: Of the rows that k-means sees, and of its start.
    """
    sample = np.random.default_rng(seed).permutation(features.count)[: _TRAINING * lists]
    training = features.read_rows(np.sort(sample))
    means = faiss.Kmeans(features.dimensions, lists, niter=_ROUNDS, seed=seed, spherical=True, verbose=False)
    means.train(training)
    centres = np.asarray(means.centroids, np.float32)
    blocks = [np.argmax(block @ centres.T, axis=1) for _, block in features.blocks(_BLOCK)]
    number = np.concatenate(blocks) if blocks else np.zeros(0, np.int64)
    order = np.argsort(number, kind="stable")
    ends = np.concatenate([[0], np.cumsum(np.bincount(number, minlength=lists))])
    return InvertedFile(centres, order, ends, _sort_rows(features, order, path))


def count_probes(index: InvertedFile, features: FeatureFile, queries: Vectors, best: int, recall: float) -> int:
    """Return how many lists must be looked into to find a share ``recall`` of the truly best rows.

    Args:
        index: Made of ``features``.
        features: Searched exactly.
        queries: A sample of those to come.
        best: As will be asked for.
        recall: Above 0, at most 1.
    """
    truth, _ = search_exactly(features, queries, best)
    list_of = np.empty(features.count, np.int64)
    list_of[index.rows] = np.repeat(np.arange(len(index.centres)), np.diff(index.ends))
    order = np.argsort(-(queries @ index.centres.T), axis=1)
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(order.shape[1])[None, :], axis=1)
    needed = np.take_along_axis(rank, list_of[np.maximum(truth, 0)], axis=1)[truth >= 0] + 1
    return int(np.quantile(needed, recall, method="higher")) if needed.size else 1


def _sort_rows(features: FeatureFile, order: Rows, path: Path) -> FeatureFile:
    target = FeatureFile(path, features.dimensions)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    for start, block in features.blocks(_BLOCK):
        places = place[start : start + len(block)]
        by_place = np.argsort(places)
        for run in np.split(by_place, np.flatnonzero(np.diff(places[by_place]) != 1) + 1):
            target.write(int(places[run[0]]), block[run])
    target.count = features.count
    return target
