"""Majority vote."""

import numpy as np
from numpy.typing import NDArray

from annotate.aggregation.blocks import blocks, count_votes
from annotate.aggregation.encoding import EncodedJudgements
from annotate.aggregation.fit import Fit, clamp

__all__ = ["majority"]

Values = NDArray[np.float64]


def majority(encoded: EncodedJudgements) -> Fit:
    """Return the share of each label among the answers on a task; equal shares without answers.

    All workers count the same. Tied labels keep equal posteriors, and ``choose_labels`` picks one.
    Gold only clamps its own tasks. The ability of a worker is the mean posterior of the worker's answers.
    """
    votes = count_votes(encoded)
    total = votes.sum(axis=0)
    votes[:, total == 0] = 1.0
    votes /= np.where(total == 0, len(votes), total)
    posteriors = clamp(votes, encoded.gold)
    return Fit(posteriors, _mean_posterior(encoded, posteriors))


def _mean_posterior(encoded: EncodedJudgements, posteriors: Values) -> Values:
    total = np.zeros(len(encoded.workers))
    for block in blocks(encoded):
        np.add.at(total, block.worker, posteriors[:, block.tasks].ravel()[block.cell])
    return total / np.bincount(encoded.worker, minlength=len(total))
