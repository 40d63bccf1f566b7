"""Approximate search by an inverted file: each query looks into the lists whose centres are nearest to it.

Inside a list similarities are exact, so what is lost is only what lies in lists that were not looked into.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np

from annotate.candidates.best import Best, Found
from annotate.candidates.encoder import Vectors
from annotate.candidates.exact import search as search_exactly
from annotate.candidates.features import FeatureFile, Rows
from annotate.candidates.parts import search_parts

__all__ = ["InvertedFile", "build", "count_lists", "count_probes"]

_BLOCK = 2048
_COLUMNS = 1024
_QUERIES = 4096
_TRAINING = 40
"""Rows a centre that k-means sees: faiss asks for 39 or more."""
_ROUNDS = 8


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

    def search(self, queries: Vectors, best: int, probes: int) -> Found:
        """Return the most similar rows of each query among its ``probes`` nearest lists, ties by row.

        All queries that look into a list are compared with it in one matrix product.
        """
        return search_parts(lambda part: self._search(part, best, probes), queries, best, _QUERIES)

    def _search(self, queries: Vectors, best: int, probes: int) -> Found:
        kept = Best(len(queries), best, _COLUMNS)
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


def build(features: FeatureFile, lists: int, path: Path, seed: int = 0) -> InvertedFile:
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
