"""What the gold set says of each worker."""

import numpy as np
from numpy.typing import NDArray

from annotate.answers import Answers
from annotate.sums import sum_by

__all__ = ["count_gold", "expect_accuracy"]

Values = NDArray[np.float64]

_EXPECTED = 1 / (1 + np.exp(-np.e))
"""Accuracy expected of a worker before any gold answer: .938, that of GLAD's prior means (ability 1, b = 1)."""
_PSEUDO_ANSWERS = 4.0
"""Gold answers that the expectation weighs as much as. Of 2 to 32, fewer suit workers who differ much (the public
set bluebird), more those who hardly differ (RTE); 4 served both."""


def count_gold(answers: Answers) -> tuple[Values, Values]:
    """Return how many answers of each worker were on gold tasks, [W], and how many of those were right, [W]."""
    truth = answers.gold[answers.task]
    (asked,) = np.nonzero(truth >= 0)
    workers, right = answers.worker[asked], answers.label[asked] == truth[asked]
    size = len(answers.workers)
    return sum_by(workers, np.ones(len(asked)), size), sum_by(workers, right, size)


def expect_accuracy(answers: Answers) -> Values:
    """Return the accuracy expected of each worker, [W], above 0 and below 1.

        q_w = (right_w + s m) / (asked_w + s)

    the mean of a Beta prior with mean m and weight s = 4 after the worker's gold answers; m itself
    for a worker who met no gold task.
    """
    asked, right = count_gold(answers)
    accuracy: Values = (right + _PSEUDO_ANSWERS * _EXPECTED) / (asked + _PSEUDO_ANSWERS)
    return accuracy
