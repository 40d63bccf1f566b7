"""Exact search: every query against every row."""

import numpy as np

from annotate.candidates.best import Best, Found
from annotate.candidates.encoder import Vectors
from annotate.candidates.features import FeatureFile
from annotate.candidates.parts import search_parts

__all__ = ["search"]

_ROWS = 2048
_QUERIES = 2048
"""Rows and queries of one matrix product: large enough that selecting costs little beside it, and together with
what is kept of them some 150 MB a thread, at 2,816 dimensions and 500 best."""


def search(features: FeatureFile, queries: Vectors, best: int) -> Found:
    """Return the ``best`` most similar rows of each query, ties by row.

    Args:
        features: Rows of length 1.
        queries: [Q, dimensions], of length 1.
        best: At least 1.
    """
    return search_parts(lambda part: _search(features, part, best), queries, best, _QUERIES)


def _search(features: FeatureFile, queries: Vectors, best: int) -> Found:
    kept = Best(len(queries), best, _ROWS)
    every = np.arange(len(queries))
    product = np.empty((len(queries), _ROWS), np.float32)
    for start, block in features.blocks(_ROWS):
        similarity = product if len(block) == _ROWS else np.empty((len(queries), len(block)), np.float32)
        np.matmul(queries, block.T, out=similarity)
        kept.offer(every, np.arange(start, start + len(block)), similarity)
    return kept.found()
