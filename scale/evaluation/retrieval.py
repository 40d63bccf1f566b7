"""Retrieval: queries against a gallery, in both definitions."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from m5data.errors import DataError
from scale.evaluation.features import Features
from scale.metrics import rank, retrieval_metrics

__all__ = ["Found", "search"]

KS = (1, 5, 10)


@dataclass(frozen=True)
class Found:
    """What was found for the queries."""

    rows: NDArray[np.int64]
    """[queries, depth], rows of the gallery, best first."""
    values: dict[str, float]
    """``paper mAP@1``, …, ``standard Prec@10``."""
    queries: int
    unanswerable: int
    """Queries left out because nothing in the gallery is right for them."""


def search(queries: Features, gallery: Features, ks: Sequence[int] = KS) -> Found:
    """Rank the gallery for every query by the dot product of their features, as the released code does.

    Raises:
        DataError: No query has anything right in the gallery.
    """
    counts = Counter(label for label in gallery.labels if label is not None)
    positives = np.array([counts[label] for label in queries.labels])
    rows = rank(queries.values, gallery.values, max(ks))
    answerable = positives > 0
    if not answerable.any():
        raise DataError("retrieval: wanted a query with a right answer in the gallery, found none; check the recipe")
    right = gallery.labels[rows[answerable]], queries.labels[answerable], positives[answerable]
    values = {
        f"{definition} {name}": value
        for definition in ("paper", "standard")
        for name, value in retrieval_metrics(*right, ks=ks, definition=definition).items()
    }
    return Found(rows, values, int(answerable.sum()), int((~answerable).sum()))
