"""Gold-weighted log-odds voting."""

import numpy as np

from annotate.answers import Answers
from annotate.blocks import count_votes
from annotate.fit import Fit, normalise
from annotate.gold_accuracy import expect_accuracy

__all__ = ["weighted"]


def weighted(answers: Answers) -> Fit:
    """Weigh each answer by the log-odds of its worker's accuracy, which the gold set tells.

        P(label = k | truth = c) = q_w if k = c else (1 - q_w) / (K - 1)
        log P(truth = c | answers) = const + sum over answers c of log((K - 1) q_w / (1 - q_w))

    with the same prior for all labels. This is the optimal rule for independent workers of known accuracy:
    Nitzan and Paroush 1982 (two labels), Li and Yu 2014 (several). q_w is estimated from gold answers alone
    (``expect_accuracy``); a worker below chance has a negative weight. Without gold all weights are equal, and
    the labels are those of the majority. Ties: the smallest label. The ability of a worker is q_w.
    """
    accuracy = expect_accuracy(answers)
    others = max(len(answers.labels) - 1, 1)
    scores = count_votes(answers, np.log(others * accuracy / (1 - accuracy)))
    return Fit(normalise(scores, answers.gold), accuracy)
