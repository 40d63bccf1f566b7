"""Classification metrics, by hand and against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as peer

import scale
from core.errors import DataError

SCORES = [[3, 2, 1], [1, 3, 2], [2, 3, 1], [1, 2, 3]]
LABELS = [0, 1, 0, 1]


def test_four_items_by_hand() -> None:
    got = scale.classification_metrics(SCORES, LABELS)
    # class 0: hits at ranks 1 and 2; class 1: scores 3, 3 (one hit in two), then 2, 2 (two hits in four)
    precision = (1 + (1 / 2 * 1 / 2 + 1 / 2 * 2 / 4)) / 2
    f1 = (2 / 3 + 2 / 4 + 0) / 3
    assert got == pytest.approx({"top-1": 1 / 2, "top-5": 1.0, "average precision": precision, "F1": f1})


@given(st.integers(0, 10_000), st.integers(2, 40), st.integers(6, 9))
def test_each_measure_is_scikit_learns(seed: int, items: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.permuted(np.tile(np.arange(classes), (items, 1)), axis=1)
    labels = rng.integers(0, classes, items)
    there = np.unique(labels)
    got = scale.classification_metrics(scores, labels)
    wanted = {
        "top-1": peer.accuracy_score(labels, scores.argmax(axis=1)),
        "top-5": peer.top_k_accuracy_score(labels, scores, k=5, labels=range(classes)),
        "average precision": np.mean([peer.average_precision_score(labels == n, scores[:, n]) for n in there]),
        "F1": peer.f1_score(labels, scores.argmax(axis=1), average="macro"),
    }
    assert got == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("scores", "labels"),
    [([[1.0, np.nan]], [0]), ([[1.0, 2.0]], [2]), ([[1.0, 2.0]], [-1]), ([], []), ([[1.0]], [0, 0])],
)
def test_what_cannot_be_measured_is_an_error(scores: list[list[float]], labels: list[int]) -> None:
    with pytest.raises(DataError, match="classification_metrics: S"):
        scale.classification_metrics(scores, labels)


@pytest.mark.parametrize(("labels", "message"), [([0.5], "Labels must be whole"), ([np.nan], "Labels must be finite")])
def test_labels_that_are_no_classes_are_refused(labels: list[float], message: str) -> None:
    with pytest.raises(DataError, match=f"classification_metrics: {message}"):
        scale.classification_metrics([[0.5, 0.5]], labels)
