"""Agreement of clusters with classes."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from scipy.special import gammaln, xlogy

from m5data.errors import DataError

__all__ = ["clustering_metrics"]

Counts = NDArray[np.int64]


def clustering_metrics(labels: ArrayLike, clusters: ArrayLike) -> dict[str, float]:
    """Return agreement of a clustering with the classes.

    ``NMI``: mutual information over the arithmetic mean of both entropies. ``purity``: share of
    items that are of their cluster's most frequent class. ``accuracy``: share of items right under
    the best one-to-one assignment of clusters to classes. All three are above 0 by chance, the more
    so the more clusters there are. ``AMI`` and ``ARI`` are adjusted: chance reads as 0.

    Args:
        labels: [items], true classes.
        clusters: [items], cluster of each.

    Raises:
        DataError: Nothing to compare, or lengths differ.
    """
    truth, found = np.asarray(labels), np.asarray(clusters)
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
    """Return [classes, clusters]: how many items are of both."""
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
    """Return the expected contribution of one cell with margins ``a`` and ``b``; factorials as logs, they overflow."""
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
