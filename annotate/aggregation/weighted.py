"""Gold-weighted log-odds voting."""

import numpy as np
from numpy.typing import NDArray

from annotate.aggregation.blocks import count_votes, sum_by
from annotate.aggregation.encoding import EncodedJudgements
from annotate.aggregation.fit import Fit, normalise

__all__ = ["count_gold", "expect_accuracy", "weighted"]

Values = NDArray[np.float64]

_EXPECTED = 1 / (1 + np.exp(-np.e))
"""Accuracy expected of a worker before any gold answer: .938, that of GLAD's prior means (ability 1, b = 1)."""
_PSEUDO_ANSWERS = 4.0
"""Gold answers that the expectation weighs as much as. Of 2 to 32, fewer suit workers who differ much (the public
set bluebird), more those who hardly differ (RTE); 4 served both."""


def count_gold(encoded: EncodedJudgements) -> tuple[Values, Values]:
    """Return how many answers of each worker were on gold tasks, [W], and how many of those were right, [W]."""
    truth = encoded.gold[encoded.task]
    (asked,) = np.nonzero(truth >= 0)
    workers, right = encoded.worker[asked], encoded.label[asked] == truth[asked]
    size = len(encoded.workers)
    return sum_by(workers, np.ones(len(asked)), size), sum_by(workers, right, size)


def expect_accuracy(encoded: EncodedJudgements) -> Values:
    """Return the accuracy expected of each worker, [W], above 0 and below 1.

        q_w = (right_w + s m) / (asked_w + s)

    the mean of a Beta prior with mean m and weight s = 4 after the worker's gold answers; m itself
    for a worker who met no gold task.
    """
    asked, right = count_gold(encoded)
    accuracy: Values = (right + _PSEUDO_ANSWERS * _EXPECTED) / (asked + _PSEUDO_ANSWERS)
    return accuracy


def weighted(encoded: EncodedJudgements) -> Fit:
    """Weigh each answer by the log-odds of its worker's accuracy, which the gold set tells.

        P(label = k | truth = c) = q_w if k = c else (1 - q_w) / (K - 1)
        log P(truth = c | answers) = const + sum over answers c of log((K - 1) q_w / (1 - q_w))

    with the same prior for all labels. This is the optimal rule for independent workers of known accuracy:
    Nitzan and Paroush 1982 (two labels), Li and Yu 2014 (several). q_w is estimated from gold answers alone
    (``expect_accuracy``); a worker below chance has a negative weight. Without gold all weights are equal, and
    the labels are those of the majority. Ties: the smallest label. The ability of a worker is q_w.
    """
    accuracy = expect_accuracy(encoded)
    others = max(len(encoded.labels) - 1, 1)
    scores = count_votes(encoded, np.log(others * accuracy / (1 - accuracy)))
    return Fit(normalise(scores, encoded.gold), accuracy)
