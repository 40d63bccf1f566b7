"""mAP@k and Prec@k, as the SCALE paper's released code computes them and as the field does."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from m5data.errors import DataError

__all__ = ["Definition", "retrieval_metrics"]

Definition = Literal["paper", "standard"]


def retrieval_metrics(
    ranked_labels: ArrayLike,
    query_labels: ArrayLike,
    positives: ArrayLike,
    ks: Sequence[int] = (1, 5, 10),
    definition: Definition = "paper",
) -> dict[str, float]:
    """Return mAP@k and Prec@k, means over the queries.

    With the precision of a rank being the share of hits down to it, and AP's sum that of the
    precisions at the ranks of the hits within the top k:

    - ``paper`` (SCALE's released code; the published numbers need it): AP@k is the sum divided by
      the number of hits in the top k, 0 where there is none; Prec@k is hits / min(k, positives, depth).
    - ``standard``: AP@k is the sum divided by min(positives, k); Prec@k is hits / k.

    Args:
        ranked_labels: [queries, depth], labels of the gallery items found, best first. A label that
            equals no query's (a distractor's) is never a hit.
        query_labels: [queries].
        positives: [queries], how many items of the gallery have the query's label. A query that has
            none counts as 0 in every measure.
        ks: Cut-offs, each at least 1; where one is beyond the depth, the whole list is looked at.
        definition: Which of the two.

    Returns:
        ``{"mAP@1": …, "Prec@1": …, …}`` in the order of ``ks``, each from 0 to 1.

    Raises:
        DataError: There is no query, shapes disagree, or a cut-off is below 1.
    """
    ranked, wanted, relevant = np.asarray(ranked_labels), np.asarray(query_labels), np.asarray(positives)
    _check(ranked, wanted, relevant, ks)
    hits = np.asarray(ranked == wanted[:, None], dtype=np.float64)
    values = {}
    for k in ks:
        precision, average = _at(hits, relevant, k, definition)
        values[f"mAP@{k}"] = float(average.mean())
        values[f"Prec@{k}"] = float(precision.mean())
    return values


def _at(
    hits: NDArray[np.float64], relevant: NDArray[Any], k: int, definition: Definition
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return Prec@k and AP@k of each query."""
    top = hits[:, :k]
    found = top.sum(axis=1)
    precisions = top.cumsum(axis=1) / np.arange(1, top.shape[1] + 1)
    total = (precisions * top).sum(axis=1)
    if definition == "paper":
        looked_at, right = np.minimum(relevant, min(k, hits.shape[1])), found
    else:
        looked_at, right = np.full(len(hits), k), np.minimum(relevant, k)
    return found / np.maximum(looked_at, 1), total / np.maximum(right, 1)


def _check(ranked: NDArray[Any], wanted: NDArray[Any], relevant: NDArray[Any], ks: Sequence[int]) -> None:
    if ranked.ndim != 2 or not len(ranked) or wanted.shape != ranked.shape[:1] or relevant.shape != wanted.shape:
        raise DataError(
            "retrieval_metrics: ranked_labels must be [queries, depth], query_labels and positives [queries], "
            f"of at least one query; they are {ranked.shape}, {wanted.shape} and {relevant.shape}."
        )
    if any(k < 1 for k in ks):
        raise DataError(f"retrieval_metrics: The cut-offs must be at least 1, not {list(ks)}.")
