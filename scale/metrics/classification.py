"""Top-1, top-5, average precision and F1 of a classifier's scores."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from m5data.errors import DataError

__all__ = ["classification_metrics"]

TOP = 5


def classification_metrics(scores: ArrayLike, labels: ArrayLike) -> dict[str, float]:
    """Return accuracy, average precision and F1.

    ``top-1`` and ``top-5``: share of items whose class is among the best scores (equal scores: the
    lower class first). ``average precision``: the area under the precision-recall steps, one class
    against the rest, mean over the classes that have items. ``F1``: mean over the classes that have
    items or were predicted. MEP-3M reports the four and does not say how classes are averaged; here
    each class weighs the same.

    Args:
        scores: [items, classes], larger is likelier.
        labels: [items], class of each, from 0.

    Raises:
        DataError: No item, shapes disagree, a score is not finite, or a label has no score.
    """
    score, truth = np.asarray(scores, dtype=np.float64), np.asarray(labels)
    if score.ndim != 2 or truth.shape != score.shape[:1] or not len(truth):
        raise DataError(
            f"classification_metrics: Shapes must be [items, classes] and [items], not {score.shape} and {truth.shape}."
        )
    if not np.isfinite(score).all() or truth.min() < 0 or truth.max() >= score.shape[1]:
        raise DataError(
            f"classification_metrics: Scores must be finite and labels from 0 to {score.shape[1] - 1}; the labels go "
            f"from {truth.min()} to {truth.max()}, and {int((~np.isfinite(score)).sum())} scores are not finite."
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


def _average_precision(score: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Return the area under the steps; items of equal score are taken together."""
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
