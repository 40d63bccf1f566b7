"""mAP@k and Prec@k, as SCALE's released script computes them and as the field does; recall across modalities."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from m5data.errors import DataError

__all__ = ["DEFINITIONS", "Definition", "cross_modal_metrics", "retrieval_metrics"]

Definition = Literal["released", "paper", "standard"]
DEFINITIONS: tuple[Definition, ...] = ("released", "paper", "standard")


def retrieval_metrics(
    ranked_labels: ArrayLike,
    query_labels: ArrayLike,
    positives: ArrayLike,
    ks: Sequence[int] = (1, 5, 10),
    definition: Definition = "released",
) -> dict[str, float]:
    """Return mAP@k and Prec@k, means over the queries.

    With the precision of a rank being the share of hits down to it, and AP's sum that of the
    precisions at the ranks of the hits within the top k:

    - ``released`` (SCALE's script): the list is first cut to d = min(k, positives, depth); AP@k is the sum within d
      divided by the number of hits within d, 0 where there is none; Prec@k is hits within d / d.
    - ``paper``: as ``released``, but the list is cut to k: AP@k is the sum divided by the number of hits in the top
      k; Prec@k is hits / min(k, positives, depth). The two differ where a query has fewer than k positives.
    - ``standard``: AP@k is the sum divided by min(positives, k); Prec@k is hits / k.

    Args:
        ranked_labels: [queries, depth], labels of the gallery items found, best first. A label that
            equals no query's (a distractor's) is never a hit.
        query_labels: [queries].
        positives: [queries], how many items of the gallery have the query's label. A query that has
            none counts as 0 in every measure.
        ks: Cut-offs, each at least 1; where one is beyond the depth, the whole list is looked at.
        definition: Which of the three.

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
    if definition == "released":
        top = top * (np.arange(top.shape[1]) < relevant[:, None])
    found = top.sum(axis=1)
    precisions = top.cumsum(axis=1) / np.arange(1, top.shape[1] + 1)
    total = (precisions * top).sum(axis=1)
    if definition != "standard":
        looked_at, right = np.minimum(relevant, min(k, hits.shape[1])), found
    else:
        looked_at, right = np.full(len(hits), k), np.minimum(relevant, k)
    return found / np.maximum(looked_at, 1), total / np.maximum(right, 1)


def cross_modal_metrics(scores: ArrayLike, ks: Sequence[int] = (1, 5, 10)) -> dict[str, float]:
    """Return how well one modality of a product finds another modality of the same product.

    ``R@k``: share of products found among the best k; equal scores count against. ``median rank``: from 1.
    ``chance R@k`` and ``chance median rank``: of a random order.

    Args:
        scores: [products, products]; row i is the query, column i the right answer.
        ks: Cut-offs.

    Raises:
        DataError: The scores are not square, or there are none.
    """
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] != table.shape[1] or not len(table):
        raise DataError(f"cross_modal_metrics: scores must be [products, products], not {table.shape}.")
    ranks = (table >= np.diagonal(table)[:, None]).sum(axis=1)
    count = len(table)
    found = {f"R@{k}": float((ranks <= k).mean()) for k in ks}
    chance = {f"chance R@{k}": min(k / count, 1.0) for k in ks}
    return {
        **found,
        "median rank": float(np.median(ranks)),
        **chance,
        "chance median rank": (count + 1) / 2,
        "products": float(count),
    }


def _check(ranked: NDArray[Any], wanted: NDArray[Any], relevant: NDArray[Any], ks: Sequence[int]) -> None:
    if ranked.ndim != 2 or not len(ranked) or wanted.shape != ranked.shape[:1] or relevant.shape != wanted.shape:
        raise DataError(
            "retrieval_metrics: ranked_labels must be [queries, depth], query_labels and positives [queries], "
            f"of at least one query; they are {ranked.shape}, {wanted.shape} and {relevant.shape}."
        )
    if any(k < 1 for k in ks):
        raise DataError(f"retrieval_metrics: The cut-offs must be at least 1, not {list(ks)}.")
