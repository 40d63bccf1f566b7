"""The result of an aggregation method, and how scores become probabilities and labels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["ITERATIONS", "TIE", "TOLERANCE", "Fit", "choose_labels", "clamp", "normalise"]

TOLERANCE = 1e-5
"""An iterative method has converged where no posterior moved further in an iteration. On the public crowd sets each
iteration goes at least a tenth of the way that is left: posteriors are then within 1e-4 of the fixed point."""
ITERATIONS = 500
"""Most iterations; convergence takes 20 to 60 on the public crowd sets."""
TIE = 1e-9
"""Posteriors that differ by less are a tie: rounding must not decide."""

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fit:
    """One method's result on ``Answers``."""

    posteriors: Values
    """[K, T] probability of each label, by task adding up to 1."""
    ability: Values
    """[W] in the method's own unit."""
    difficulty: Values | None = None
    """[T] 1/beta of GLAD; None: the method knows no such thing."""
    converged: bool = True


def normalise(scores: Values, gold: NDArray[np.int32]) -> Values:
    """Turn log probabilities [K, m], known up to a constant by task, into probabilities, in place.

    The largest score is subtracted first, so that ``exp`` cannot overflow. Tasks of the gold set are
    clamped: their true label has probability 1.
    """
    scores -= scores.max(axis=0)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=0)
    return clamp(scores, gold)


def clamp(posteriors: Values, gold: NDArray[np.int32]) -> Values:
    """Give the true labels of gold tasks probability 1, in place."""
    (known,) = np.nonzero(gold >= 0)
    posteriors[:, known] = 0.0
    posteriors[gold[known], known] = 1.0
    return posteriors


def choose_labels(posteriors: Values) -> NDArray[np.intp]:
    """Return the most probable label of each task, [T]; of equally probable ones the smallest."""
    if not posteriors.size:
        return np.zeros(0, np.intp)
    best: NDArray[np.intp] = np.argmax(posteriors >= posteriors.max(axis=0) - TIE, axis=0)
    return best
