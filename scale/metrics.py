"""Measures of retrieval, classification and clustering: NumPy and SciPy, no torch."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import issparse
from scipy.special import gammaln, xlogy

from core.errors import DataError

__all__ = [
    "DEFINITIONS",
    "Definition",
    "classification_metrics",
    "clustering_metrics",
    "cross_modal_metrics",
    "rank",
    "retrieval_metrics",
]

Definition = Literal["released", "paper", "standard"]
DEFINITIONS: tuple[Definition, ...] = ("released", "paper", "standard")
Values = NDArray[np.float64]


def retrieval_metrics(
    ranked_labels: ArrayLike,
    query_labels: ArrayLike,
    positives: ArrayLike,
    ks: Sequence[int] = (1, 5, 10),
    definition: Definition = "released",
) -> dict[str, float]:
    """Return mAP@k and Prec@k, means over the queries.

    The precision at a rank is the share of hits down to it. AP's sum is that of the precisions at the ranks of
    the hits within the top k:

    - ``released`` (SCALE's script): the list is first cut to d = min(k, positives, depth); AP@k is the sum within d
      divided by the number of hits within d, or 0 if there is none; Prec@k is hits within d / d.
    - ``paper``: as ``released``, but the list is cut to k: AP@k is the sum divided by the number of hits in the top
      k; Prec@k is hits / min(k, positives, depth). The two differ where a query has fewer than k positives.
    - ``standard``: AP@k is the sum divided by min(positives, k); Prec@k is hits / k.

    Args:
        ranked_labels: [queries, depth], labels of the gallery items found, best first. A label that
            equals no query's (a distractor's; it may be None) is never a hit.
        query_labels: [queries].
        positives: [queries], number of gallery items with the query's label. A query that has
            none counts as 0 in every measure.
        ks: Cut-offs, each at least 1; one beyond the depth uses the whole list.
        definition: One of the three.

    Returns:
        ``{"mAP@1": …, "Prec@1": …, …}`` in the order of ``ks``, each from 0 to 1.

    Raises:
        DataError: There is no query, shapes disagree, labels are missing or of two kinds, a query has more hits than
            positives, a cut-off is below 1, or the definition is unknown.
    """
    name = "retrieval_metrics"
    if definition not in DEFINITIONS:
        raise DataError(f"{name}: definition must be one of {', '.join(DEFINITIONS)}, not {definition!r}.")
    ranked, wanted = _labels(ranked_labels, name, "ranked_labels"), _labels(query_labels, name, "query_labels")
    _refuse_missing(wanted, name, "query_labels")
    relevant = _numbers(positives, name, "positives")
    _check(ranked, wanted, relevant)
    hits = np.asarray(ranked == wanted[:, None], dtype=np.float64)
    _check_hits(hits.sum(axis=1), relevant)
    values = {}
    for k in _cut_offs(ks, name):
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

    ``R@k``: share of products found among the best k; equal scores rank the right answer last. ``median rank``: from 1.
    ``chance R@k`` and ``chance median rank``: of a random order.

    Args:
        scores: [products, products]; row i is the query, column i the right answer.
        ks: Cut-offs.

    Raises:
        DataError: The scores are not square or not finite, there are none, or a cut-off is below 1.
    """
    name = "cross_modal_metrics"
    table, cut_offs = _numbers(scores, name, "scores"), _cut_offs(ks, name)
    if table.ndim != 2 or table.shape[0] != table.shape[1] or not len(table):
        raise DataError(f"{name}: scores must be [products, products], not {table.shape}.")
    ranks = (table >= np.diagonal(table)[:, None]).sum(axis=1)
    count = len(table)
    found = {f"R@{k}": float((ranks <= k).mean()) for k in cut_offs}
    chance = {f"chance R@{k}": min(k / count, 1.0) for k in cut_offs}
    return {
        **found,
        "median rank": float(np.median(ranks)),
        **chance,
        "chance median rank": (count + 1) / 2,
        "products": float(count),
    }


def _check(ranked: NDArray[Any], wanted: NDArray[Any], relevant: Values) -> None:
    if ranked.ndim != 2 or not len(ranked) or wanted.shape != ranked.shape[:1] or relevant.shape != wanted.shape:
        raise DataError(
            "retrieval_metrics: ranked_labels must be [queries, depth], query_labels and positives [queries], "
            f"of at least one query; they are {ranked.shape}, {wanted.shape} and {relevant.shape}."
        )
    if _kinds(ranked) and not _kinds(ranked) & _kinds(wanted):
        raise DataError(
            f"retrieval_metrics: ranked_labels are {ranked.dtype}, query_labels {wanted.dtype}; no label can be equal. "
            "Give both as the same type."
        )


def _check_hits(hits: Values, relevant: Values) -> None:
    if not (wrong := (relevant < 0) | (relevant % 1 != 0) | (hits > relevant)).any():
        return
    query = int(np.flatnonzero(wrong)[0])
    raise DataError(
        f"retrieval_metrics: query {query} has {relevant[query]:g} positives and {hits[query]:g} hits in its list. "
        "Positives are the items of the whole gallery with its label, each of which a list holds once."
    )


def _cut_offs(ks: Sequence[int], name: str) -> list[int]:
    """Return the cut-offs as numbers.

    Raises:
        DataError: There is none, or one is not a whole number of at least 1.
    """
    found = np.asarray(ks)
    if found.ndim != 1 or not len(found) or found.dtype.kind not in "iu" or found.min() < 1:
        raise DataError(f"{name}: The cut-offs must be whole numbers of at least 1, not {ks!r}.")
    return [int(k) for k in found]


def _numbers(values: ArrayLike, name: str, argument: str) -> Values:
    """Return numbers.

    Raises:
        DataError: They are ragged, no numbers, or not finite.
    """
    try:
        found = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name}: {argument} must be an array of numbers ({error}).") from None
    if not np.isfinite(found).all():
        raise DataError(
            f"{name}: {argument.capitalize()} must be finite; {int((~np.isfinite(found)).sum())} of them are not."
        )
    return found


def _labels(values: ArrayLike, name: str, argument: str) -> NDArray[Any]:
    """Return labels.

    Raises:
        DataError: They are ragged, or of two kinds.
    """
    try:
        found = np.asarray(values)
    except ValueError as error:
        raise DataError(f"{name}: {argument} must be an array of labels ({error}).") from None
    if len(_kinds(found)) > 1:
        raise DataError(f"{name}: {argument} must be all text or all numbers.")
    return found


def _refuse_missing(labels: NDArray[Any], name: str, argument: str) -> None:
    if missing := sum(item is None or item != item for item in labels.ravel().tolist()):  # noqa: PLR0124 - nan
        raise DataError(f"{name}: {missing} of the {argument} are missing.")


def _kinds(labels: NDArray[Any]) -> set[str]:
    """Return the kinds of labels: text, number; None has none."""
    if labels.dtype != object:
        return {"number" if labels.dtype.kind in "biuf" else "text"} if labels.size else set()
    return {"text" if isinstance(item, str) else "number" for item in labels.ravel().tolist() if item is not None}


TOP = 5


def classification_metrics(scores: ArrayLike, labels: ArrayLike) -> dict[str, float]:
    """Return accuracy, average precision and F1.

    ``top-1`` and ``top-5``: share of items whose class is among the best scores (equal scores: the
    lower class first). ``average precision``: the area under the precision-recall steps, one class
    against the rest, mean over the classes that have items. ``F1``: mean over the classes that have
    items or were predicted. MEP-3M reports all four but does not say how classes are averaged; here
    each class weighs the same.

    Args:
        scores: [items, classes], larger is likelier.
        labels: [items], class of each, from 0.

    Raises:
        DataError: No item, shapes disagree, a score is not finite, or a label has no score.
    """
    score, truth = _numbers(scores, "classification_metrics", "scores"), _class_numbers(labels)
    if score.ndim != 2 or truth.shape != score.shape[:1] or not len(truth):
        raise DataError(
            f"classification_metrics: Shapes must be [items, classes] and [items], not {score.shape} and {truth.shape}."
        )
    if truth.min() < 0 or truth.max() >= score.shape[1]:
        raise DataError(
            f"classification_metrics: Scores have the classes 0 to {score.shape[1] - 1}; the labels go from "
            f"{truth.min()} to {truth.max()}."
        )
    order = np.argsort(-score, axis=1, kind="stable")
    hits = order == truth[:, None]
    precisions = [_average_precision(score[:, name], truth == name) for name in np.unique(truth)]
    return {
        "top-1": float(hits[:, 0].mean()),
        "top-5": float(hits[:, :TOP].any(axis=1).mean()),
        "average precision": float(np.mean(precisions)),
        "F1": _f1(order[:, 0], truth),
    }


def _class_numbers(labels: ArrayLike) -> NDArray[np.int64]:
    found = _numbers(labels, "classification_metrics", "labels")
    if (found % 1 != 0).any():
        raise DataError("classification_metrics: Labels must be whole numbers, the column of each item's class.")
    return found.astype(np.int64)


def _average_precision(score: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Return the area under the precision-recall steps; items of equal score form one step."""
    order = np.argsort(-score, kind="stable")
    found = np.cumsum(right[order])
    ends = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    recalls = found[ends] / right.sum()
    return float((np.diff(recalls, prepend=0.0) * found[ends] / (ends + 1)).sum())


def _f1(predicted: NDArray[np.int64], truth: NDArray[np.int64]) -> float:
    both = np.union1d(predicted, truth)
    right = np.array([((predicted == name) & (truth == name)).sum() for name in both])
    total = np.array([(predicted == name).sum() + (truth == name).sum() for name in both])
    return float((2 * right / total).mean())


Counts = NDArray[np.int64]


def clustering_metrics(labels: ArrayLike, clusters: ArrayLike) -> dict[str, float]:
    """Return the agreement of a clustering with the classes.

    ``NMI``: mutual information over the arithmetic mean of both entropies. ``purity``: share of
    items that are of their cluster's most frequent class. ``accuracy``: share of items right under
    the best one-to-one assignment of clusters to classes. By chance all three are above 0, and more
    so with more clusters. ``AMI`` and ``ARI`` are adjusted, so that chance scores 0.

    Args:
        labels: [items], true classes.
        clusters: [items], cluster of each.

    Raises:
        DataError: Nothing to compare, lengths differ, or some are missing.
    """
    name = "clustering_metrics"
    truth, found = _labels(labels, name, "labels"), _labels(clusters, name, "clusters")
    _refuse_missing(truth, name, "labels")
    _refuse_missing(found, name, "clusters")
    if truth.ndim != 1 or truth.shape != found.shape or not len(truth):
        raise DataError(
            f"clustering_metrics: There must be as many labels as clusters, at least one; shapes are {truth.shape}, "
            f"{found.shape}."
        )
    table = _contingency(truth, found)
    total, classes, sizes = len(truth), table.sum(axis=1), table.sum(axis=0)
    information = _mutual_information(table)
    entropy = (_entropy(classes) + _entropy(sizes)) / 2
    rows, columns = linear_sum_assignment(table, maximize=True)
    return {
        "NMI": _ratio(information, entropy),
        "purity": float(table.max(axis=0).sum() / total),
        "accuracy": float(table[rows, columns].sum() / total),
        "AMI": _adjusted(information, entropy, _expected_information(classes, sizes)),
        "ARI": _adjusted_rand(table, classes, sizes),
    }


def _contingency(truth: NDArray[np.generic], found: NDArray[np.generic]) -> Counts:
    """Return [classes, clusters]: the number of items in both."""
    _, rows = np.unique(truth, return_inverse=True)
    _, columns = np.unique(found, return_inverse=True)
    table = np.zeros((rows.max() + 1, columns.max() + 1), np.int64)
    np.add.at(table, (rows, columns), 1)
    return table


def _entropy(counts: Counts) -> float:
    shares = counts / counts.sum()
    return float(-xlogy(shares, shares).sum())


def _mutual_information(table: Counts) -> float:
    return _entropy(table.sum(axis=1)) + _entropy(table.sum(axis=0)) - _entropy(table.ravel())


def _ratio(part: float, whole: float) -> float:
    """Return part / whole; one class and one cluster agree perfectly."""
    return float(np.clip(part / whole, 0, 1)) if whole > 0 else 1.0


def _adjusted(information: float, entropy: float, expected: float) -> float:
    """Return AMI (Vinh, Epps, Bailey 2010, arithmetic mean); where nothing can vary, agreement is perfect."""
    room = entropy - expected
    return float((information - expected) / room) if abs(room) > np.finfo(float).eps else 1.0


def _expected_information(classes: Counts, sizes: Counts) -> float:
    """Return the mutual information expected of random clusters with these sizes (hypergeometric model)."""
    total = int(classes.sum())
    expected = 0.0
    for a, times_a in zip(*np.unique(classes, return_counts=True), strict=True):
        for b, times_b in zip(*np.unique(sizes, return_counts=True), strict=True):
            expected += times_a * times_b * _expected_term(int(a), int(b), total)
    return expected


def _expected_term(a: int, b: int, total: int) -> float:
    """Return the expected contribution of a cell with margins ``a`` and ``b``, by logs, since factorials overflow."""
    n = np.arange(max(1, a + b - total), min(a, b) + 1)
    fixed = gammaln(a + 1) + gammaln(b + 1) + gammaln(total - a + 1) + gammaln(total - b + 1) - gammaln(total + 1)
    free = gammaln(n + 1) + gammaln(a - n + 1) + gammaln(b - n + 1) + gammaln(total - a - b + n + 1)
    return float((n / total * np.log(total * n / (a * b)) * np.exp(fixed - free)).sum())


def _adjusted_rand(table: Counts, classes: Counts, sizes: Counts) -> float:
    """Return the adjusted Rand index (Hubert and Arabie 1985)."""
    together, by_class, by_cluster = (float((n * (n - 1) / 2).sum()) for n in (table, classes, sizes))
    pairs = classes.sum() * (classes.sum() - 1) / 2
    expected = by_class * by_cluster / pairs if pairs else 0.0
    most = (by_class + by_cluster) / 2
    return float((together - expected) / (most - expected)) if most != expected else 1.0


QUERIES = 256
GALLERY = 65_536
"""One block of scores is 256 x 65,536 float32: 64 MiB."""

Floats = NDArray[np.float32]
Indices = NDArray[np.int64]


def rank(queries: Floats, gallery: Floats, depth: int, block: tuple[int, int] = (QUERIES, GALLERY)) -> Indices:
    """Return the rows of the ``depth`` gallery items with the largest dot product, best first.

    Equal scores are ranked by row, the lower first. Scores are computed in blocks.

    Args:
        queries: [Q, width], finite; dense, or a sparse array of SciPy.
        gallery: [G, width], likewise.
        depth: Items per query; at most G are returned.
        block: Queries and gallery items per block of scores.

    Returns:
        [Q, min(depth, G)].

    Raises:
        DataError: Widths differ, a feature is not finite, ``depth`` is negative or a block empty.
    """
    if depth < 0 or min(block) < 1:
        raise DataError(f"rank: depth must be at least 0 and blocks at least 1, not {depth} and {block}.")
    if queries.ndim != 2 or gallery.ndim != 2:
        raise DataError(f"rank: features must be [items, width], not {queries.shape} and {gallery.shape}.")
    _check_features(queries, "queries", gallery.shape[-1])
    _check_features(gallery, "gallery", gallery.shape[-1])
    if not queries.shape[0]:
        return np.empty((0, min(depth, gallery.shape[0])), np.int64)
    return np.concatenate([_rank_block(part, gallery, depth, block[1]) for part in _parts(queries, block[0])])


def _parts(rows: Floats, size: int) -> Iterator[Floats]:
    for start in range(0, rows.shape[0], size):
        yield rows[start : start + size]


def _rank_block(queries: Floats, gallery: Floats, depth: int, size: int) -> Indices:
    scores = np.empty((queries.shape[0], 0), np.float32)
    rows = np.empty((queries.shape[0], 0), np.int64)
    for start in range(0, gallery.shape[0], size):
        product: Any = queries @ gallery[start : start + size].T
        block: Floats = product.toarray() if issparse(product) else product
        best = _best(block, min(depth, block.shape[1]))
        scores = np.concatenate([scores, np.take_along_axis(block, best, 1)], axis=1)
        rows = np.concatenate([rows, best + start], axis=1)
        kept = _best(scores, min(depth, scores.shape[1]))  # rows of earlier blocks come first, so ties keep their order
        scores, rows = np.take_along_axis(scores, kept, 1), np.take_along_axis(rows, kept, 1)
    return rows


def _best(scores: Floats, depth: int) -> Indices:
    """Return the columns of the ``depth`` largest scores of each row, best first, ties by column."""
    at = scores.shape[1] - depth
    least = np.partition(scores, at, axis=1)[:, at] if depth else np.zeros(len(scores), np.float32)
    return np.stack([_best_of_row(row, bound, depth) for row, bound in zip(scores, least, strict=True)])


def _best_of_row(row: Floats, bound: np.float32, depth: int) -> Indices:
    candidates = np.flatnonzero(row >= bound)
    return candidates[np.argsort(-row[candidates], kind="stable")[:depth]]


def _check_features(features: NDArray[Any], name: str, width: int) -> None:
    if features.ndim != 2 or features.shape[1] != width:
        raise DataError(f"rank: {name}: The features must be [items, {width}], not {features.shape}.")
    finite = np.ones(1, bool) if issparse(features) else np.isfinite(features).all(axis=1)
    if not finite.all():
        raise DataError(
            f"rank: {name}: The features in row {int(np.flatnonzero(~finite)[0])} and {int((~finite).sum()) - 1} more "
            "are not finite. Look at the loss curve of the model that made them."
        )
