"""Queries in parts, a thread each."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import threadpool_limits

from annotate.candidates.best import Found
from annotate.candidates.encoder import Vectors

__all__ = ["search_parts"]


def search_parts(search: Callable[[Vectors], Found], queries: Vectors, best: int, most: int) -> Found:
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
