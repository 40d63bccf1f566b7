"""Scores of features: retrieval in both definitions, a linear classifier, clustering."""

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

from m5data.errors import DataError
from scale.evaluation.features import Features
from scale.metrics import classification_metrics, clustering_metrics, rank, retrieval_metrics

__all__ = ["Retrieval", "cluster", "probe", "score", "search"]

KS = (1, 5, 10)


@dataclass(frozen=True)
class Retrieval:
    """What was found for the queries."""

    rows: NDArray[np.int64]
    """[queries, depth], rows of the gallery, best first."""
    values: dict[str, float]
    """``paper mAP@1``, …, ``standard Prec@10``."""
    queries: int
    unanswerable: int
    """Queries left out because nothing in the gallery is right for them."""


def search(queries: Features, gallery: Features, ks: Sequence[int] = KS) -> Retrieval:
    """Rank the gallery for every query by the dot product of their features, as the released code does.

    Raises:
        DataError: No query has anything right in the gallery.
    """
    counts = Counter(label for label in gallery.labels if label is not None)
    positives = np.array([counts[label] for label in queries.labels])
    rows = rank(queries.values, gallery.values, max(ks))
    answerable = positives > 0
    if not answerable.any():
        raise DataError("retrieval: No query has a right answer in the gallery. Check the recipe.")
    right = gallery.labels[rows[answerable]], queries.labels[answerable], positives[answerable]
    values = {
        f"{definition} {name}": value
        for definition in ("paper", "standard")
        for name, value in retrieval_metrics(*right, ks=ks, definition=definition).items()
    }
    return Retrieval(rows, values, int(answerable.sum()), int((~answerable).sum()))


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
        warnings.simplefilter("ignore", ConvergenceWarning)  # the bound on iterations is meant
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)  # many classes are meant
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
