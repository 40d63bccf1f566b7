"""Matching of two shops: from the odds of single pairs to probabilities over the whole class."""

import numpy as np

from align.pair_features import Places
from align.term_matrices import Floats

__all__ = ["match"]

_LARGEST = 30.0
_ROUNDS = 500
_CLOSE = 1e-9


def match(odds: Floats, left: Places, right: Places) -> tuple[Floats, Floats, Floats]:
    """Return the probability that each pair is one label if a node has at most one partner.

    A node competes for its partners and has the choice to stay alone, with odds of 1. The result is the
    relaxed assignment of greatest weight and entropy (Sinkhorn's scaling with slack): the probabilities of a
    node and of staying alone sum to 1.

    Args:
        odds: Log odds of each pair by itself, [pairs].
        left: One end of each pair, numbered from 0, [pairs].
        right: The other end.

    Returns:
        Probabilities [pairs], and the probabilities that each left and each right node stays alone.
    """
    weight = np.exp(np.clip(odds, -_LARGEST, _LARGEST))
    lefts, rights = int(left.max(initial=-1)) + 1, int(right.max(initial=-1)) + 1
    alone, others_alone = np.ones(lefts), np.ones(rights)
    for _ in range(_ROUNDS):
        before = alone
        alone = 1 / (1 + np.bincount(left, weight * others_alone[right], lefts))
        others_alone = 1 / (1 + np.bincount(right, weight * alone[left], rights))
        if np.abs(alone - before).max(initial=0.0) < _CLOSE:
            break
    return np.minimum(weight * alone[left] * others_alone[right], 1.0), alone, others_alone
