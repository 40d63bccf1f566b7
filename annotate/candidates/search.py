"""Search for the rows most similar to each query, exactly or with an inverted file."""

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
"""Rows, best first, padded with -1, and their similarities, padded with nan; each [queries, best]."""

_STEPS = 1 << 20
"""Similarities are compared in steps of 2^-20. The order of terms changes a float32 sum by less, so equal sums tie in
any block."""
_NONE = np.iinfo(np.int64).max
_EXACT_ROWS = 2048
_EXACT_QUERIES = 2048
"""Rows and queries of one matrix product: large enough that selection costs little, and about 150 MB per thread at
2,816 dimensions and 500 best."""
_BLOCK = 2048
_COLUMNS = 1024
_QUERIES = 4096
_TRAINING = 40
"""Training rows per centre of k-means; faiss requires at least 39."""
_ROUNDS = 8


class TopK:
    """The best rows of each query; ties go to the smaller row.

    One integer encodes similarity and row, smaller being better, so that one comparison sorts by both. A threshold
    per query discards rows that cannot be among the best.

    Args:
        queries: Number of queries.
        best: Number of rows to keep for each.
        block: Maximum number of columns per ``offer``.
    """

    def __init__(self, queries: int, best: int, block: int) -> None:
        self._best = best
        self._keys = np.full((queries, best + 2 * block), _NONE)
        self._fill = np.zeros(queries, np.int64)
        self._least = np.full(queries, -np.inf, np.float32)

    def offer(self, queries: Rows, rows: Rows, similarity: Vectors) -> None:
        """Add similarities.

        Args:
            queries: [q] query numbers, each once.
            rows: [n] row numbers.
            similarity: [q, n], within -2 to 2.
        """
        wanted = similarity >= self._least[queries][:, None]
        place, column = np.divmod(np.flatnonzero(wanted), wanted.shape[1])  # np.nonzero takes three times as long
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
        """Return the best of all offered rows."""
        self._shrink(np.flatnonzero(self._fill > self._best))
        keys = np.sort(self._keys[:, : self._best], axis=1)
        rows, steps = keys & 0xFFFFFFFF, 2 * _STEPS - (keys >> 32)
        there = keys != _NONE
        return np.where(there, rows, -1), np.where(there, steps / _STEPS, np.nan)

    def _shrink(self, queries: Rows) -> None:
        """Reduce some queries to their best rows and raise their thresholds."""
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
        steps = 2 * _STEPS - (last >> 32) - 1  # one less, for similarities that round up to it
        self._least[queries] = np.where(last == _NONE, -np.inf, steps / _STEPS)


def _key(similarity: Vectors, rows: Rows) -> Rows:
    steps = np.rint(similarity * np.float32(_STEPS)).astype(np.int64)
    key: Rows = ((2 * _STEPS - steps) << 32) | rows
    return key


def search_parts(search: Callable[[Vectors], Neighbours], queries: Vectors, best: int, most: int) -> Neighbours:
    """Search parts of at most ``most`` queries in one thread per core, and concatenate the results.

    Each matrix product runs on one thread: threads of one product wait for each other, threads of different
    searches do not, and selection, which is single-threaded, also runs on all cores.
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
    """An inverted file: rows sorted by list, in a separate file.

    Each query searches the lists whose centres are nearest. Similarities within a list are exact, so only rows
    in other lists can be missed.
    """

    centres: Vectors
    """[L, dimensions], of length 1."""
    rows: Rows
    """[N] original number of each row of the sorted file."""
    ends: Rows
    """[L + 1] boundaries of the lists in the sorted file."""
    features: FeatureFile
    """The sorted file."""

    def search(self, queries: Vectors, best: int, probes: int) -> Neighbours:
        """Return the most similar rows of each query among its ``probes`` nearest lists, ties by row.

        All queries of a list are compared with it in one matrix product.
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
    """Return the number of lists for a number of rows: about its square root, with enough rows in each for k-means."""
    return max(1, min(math.isqrt(rows), rows // _TRAINING))


def build_inverted_file(features: FeatureFile, lists: int, path: Path, seed: int = 0) -> InvertedFile:
    """Assign rows to lists by spherical k-means (faiss), and write them sorted by list into a new file.

    Args:
        features: Rows of length 1.
        lists: Number of lists.
        path: Path of the new file; the caller closes and removes it.
        seed: Seed of the training sample and of k-means.
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
    """Return the number of lists to search in order to find a share ``recall`` of the truly best rows.

    Args:
        index: Index of ``features``.
        features: The rows, searched exactly for comparison.
        queries: A sample of the queries.
        best: Number of rows per query.
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
