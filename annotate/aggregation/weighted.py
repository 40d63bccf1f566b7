"""Gold-weighted log-odds voting."""

import numpy as np
from numpy.typing import NDArray

from annotate.aggregation.blocks import count_votes, sum_by
from annotate.aggregation.encoding import EncodedJudgements
from annotate.aggregation.fit import Fit, normalise

__all__ = ["EXPECTED_ACCURACY", "count_gold", "expect_accuracy", "weighted"]

Values = NDArray[np.float64]

EXPECTED_ACCURACY = 1 / (1 + np.exp(-np.e))
"""Accuracy expected before any gold answer: .938, from the prior means of GLAD (ability 1, b = 1)."""
_PSEUDO_ANSWERS = 4.0
"""Weight of the expectation in gold answers. Among 2 to 32, smaller values suit workers who differ widely (the public
set bluebird), larger ones workers who hardly differ (RTE); 4 suits both."""


def count_gold(encoded: EncodedJudgements) -> tuple[Values, Values]:
    """Return the number of gold answers of each worker, [W], and of correct ones, [W]."""
    truth = encoded.gold[encoded.task]
    (asked,) = np.nonzero(truth >= 0)
    workers, right = encoded.worker[asked], encoded.label[asked] == truth[asked]
    size = len(encoded.workers)
    return sum_by(workers, np.ones(len(asked)), size), sum_by(workers, right, size)


def expect_accuracy(encoded: EncodedJudgements) -> Values:
    """Return the accuracy expected of each worker, [W], above 0 and below 1.

        q_w = (right_w + s m) / (asked_w + s)

    This is the posterior mean under a Beta prior with mean m and weight s = 4; it is m for a worker without
    gold answers.
    """
    asked, right = count_gold(encoded)
    accuracy: Values = (right + _PSEUDO_ANSWERS * EXPECTED_ACCURACY) / (asked + _PSEUDO_ANSWERS)
    return accuracy


def weighted(encoded: EncodedJudgements) -> Fit:
    """Weight each answer by the log-odds of its worker's accuracy on the gold set.

        P(label = k | truth = c) = q_w if k = c else (1 - q_w) / (K - 1)
        log P(truth = c | answers) = const + sum over answers c of log((K - 1) q_w / (1 - q_w))

    with equal priors for all labels. This is the optimal rule for independent workers of known accuracy:
    Nitzan and Paroush 1982 (two labels), Li and Yu 2014 (several). q_w comes from gold answers alone
    (``expect_accuracy``); workers below chance have negative weights. Without gold all weights are equal, and
    the result is the majority. The ability of a worker is q_w.
    """
    accuracy = expect_accuracy(encoded)
    others = max(len(encoded.labels) - 1, 1)
    scores = count_votes(encoded, np.log(others * accuracy / (1 - accuracy)))
    return Fit(normalise(scores, encoded.gold), accuracy)
