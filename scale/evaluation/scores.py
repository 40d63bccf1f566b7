"""Scores of features: retrieval in every definition, across modalities, a linear classifier, clustering."""

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from core.errors import DataError
from scale.evaluation.features import Features
from scale.metrics import (
    DEFINITIONS,
    classification_metrics,
    clustering_metrics,
    cross_modal_metrics,
    rank,
    retrieval_metrics,
)

__all__ = ["Retrieval", "across", "cluster", "probe", "score", "search"]

KS = (1, 5, 10)


@dataclass(frozen=True)
class Retrieval:
    """Results of the queries."""

    rows: NDArray[np.int64]
    """[queries, depth], rows of the gallery, best first."""
    values: dict[str, float]
    """Measures ``released mAP@1``, …, ``standard Prec@10``."""
    queries: int
    unanswerable: int
    """Queries left out because the gallery has no right answer."""


def search(queries: Features, gallery: Features, ks: Sequence[int] = KS) -> Retrieval:
    """Rank the gallery for every query by the dot product of their features, excluding the query itself [C].

    Raises:
        DataError: No query has a right answer in the gallery.
    """
    counts = Counter(label for label in gallery.labels if label is not None)
    own = {name: row for row, name in enumerate(gallery.product_ids)}
    itself = np.array([own.get(name, -1) for name in queries.product_ids])
    positives = np.array([counts[label] for label in queries.labels])
    positives -= [row >= 0 and gallery.labels[row] == label for row, label in zip(itself, queries.labels, strict=True)]
    depth = min(max(ks), len(gallery) - int((itself >= 0).any()))
    rows = _without(rank(queries.values, gallery.values, max(ks) + 1), itself, depth)
    answerable = positives > 0
    if not answerable.any():
        raise DataError("retrieval: No query has a right answer in the gallery. Check the recipe.")
    right = gallery.labels[rows[answerable]], queries.labels[answerable], positives[answerable]
    values = {
        f"{definition} {name}": value
        for definition in DEFINITIONS
        for name, value in retrieval_metrics(*right, ks=ks, definition=definition).items()
    }
    return Retrieval(rows, values, int(answerable.sum()), int((~answerable).sum()))


def _without(rows: NDArray[np.int64], itself: NDArray[np.int64], depth: int) -> NDArray[np.int64]:
    """Return the best ``depth`` rows of each query that are not the query itself."""
    return np.stack([row[row != own][:depth] for row, own in zip(rows, itself, strict=True)])


def across(left: NDArray[np.float32], right: NDArray[np.float32]) -> dict[str, float]:
    """Return how well vectors of one modality find those of another in the same row, by cosine."""
    unit = [part / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-12) for part in (left, right)]
    return cross_modal_metrics(unit[0] @ unit[1].T)


ITERATIONS = 300
RESTARTS = 4


def probe(train: Features, test: Features) -> dict[str, float]:
    """Return the measures of a linear classifier (logistic regression on standardised features).

    Raises:
        DataError: Fewer than two classes to learn, or no test sample of a known class.
    """
    classes = sorted(set(train.labels))
    if len(classes) < 2:
        raise DataError(f"linear classifier: At least two classes are needed; the training split has {classes}.")
    scaler = StandardScaler().fit(train.values)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the limit on iterations is intended
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)  # many classes are intended
        model = LogisticRegression(max_iter=ITERATIONS).fit(scaler.transform(train.values), train.labels.astype(str))
    scores = model.decision_function(scaler.transform(test.values))
    if scores.ndim == 1:  # two classes: one column
        scores = np.stack([-scores, scores], axis=1)
    return score(scores, test.labels, list(model.classes_))


def score(scores: NDArray[np.floating], labels: NDArray[np.object_], classes: Sequence[str]) -> dict[str, float]:
    """Return classification measures of scores [n, classes]; samples of unknown classes are counted, not judged.

    Raises:
        DataError: Every sample is of an unknown class.
    """
    numbers = {name: number for number, name in enumerate(classes)}
    known = np.array([label in numbers for label in labels])
    if not known.any():
        raise DataError(f"classification: No test sample is of the {len(classes)} classes trained on.")
    truth = np.array([numbers[label] for label in labels[known]])
    return {**classification_metrics(scores[known], truth), "unknown class": float((~known).sum())}


def cluster(features: Features, seed: int) -> dict[str, float]:
    """Return how well k-means on the features agrees with the classes; k is the number of classes."""
    labels = features.labels.astype(str)
    count = len(set(labels))
    found = KMeans(count, n_init=RESTARTS, random_state=seed).fit_predict(features.values)
    return {**clustering_metrics(labels, found), "k": float(count)}
