"""The result of an aggregation method, and the conversion of scores to probabilities and labels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["ITERATIONS", "TIE", "TOLERANCE", "Fit", "Progress", "choose_labels", "clamp", "normalise"]

TOLERANCE = 1e-5
"""Largest move of a posterior in the last iteration of a method that has converged."""
_DISTANCE = 1e-4
"""Largest distance to the fixed point at convergence, as estimated from the last two moves."""
ITERATIONS = 500
"""Maximum number of iterations; the public crowd sets need 20 to 60."""
TIE = 1e-9
"""Posteriors that differ by less are a tie, so that rounding does not decide."""
_DIGITS = 9
"""Decimals to which mean posteriors are compared, for the same reason."""

Values = NDArray[np.float64]


class Progress:
    """Tells when an iterative method has converged.

    EM converges linearly: its moves shrink by a ratio r, so the distance still to go is about move r / (1 - r). A small
    move alone does not end it, because a slow drift makes small moves for ever.
    """

    def __init__(self) -> None:
        self._last = np.inf
        self.converged = False

    def has_converged(self, moved: float) -> bool:
        """Note the largest move of one iteration; return whether it was the last that is needed."""
        ratio = moved / self._last if self._last else 0.0
        is_near = moved <= TIE if np.isinf(self._last) else moved * ratio <= _DISTANCE * (1 - ratio)
        self._last, self.converged = moved, moved <= TOLERANCE and is_near
        return self.converged


@dataclass(frozen=True, slots=True)
class Fit:
    """Result of a method on ``EncodedJudgements``."""

    posteriors: Values
    """[K, T] probability of each label; adds up to 1 for each task."""
    ability: Values
    """[W] ability in the unit of the method."""
    difficulty: Values | None = None
    """[T] 1/beta of GLAD; None for other methods."""
    converged: bool = True
    switched: tuple[int, ...] = ()
    """Labels that workers mostly give where another label is true, by Dawid and Skene's model."""


def normalise(scores: Values, gold: NDArray[np.int32]) -> Values:
    """Turn log probabilities [K, m], known up to a constant per task, into probabilities in place.

    The largest score is subtracted first so that ``exp`` cannot overflow. Gold tasks are clamped: their
    true label has probability 1.
    """
    scores -= scores.max(axis=0)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=0)
    return clamp(scores, gold)


def clamp(posteriors: Values, gold: NDArray[np.int32]) -> Values:
    """Set the probability of the true labels of gold tasks to 1, in place."""
    (known,) = np.nonzero(gold >= 0)
    posteriors[:, known] = 0.0
    posteriors[gold[known], known] = 1.0
    return posteriors


def choose_labels(posteriors: Values) -> NDArray[np.intp]:
    """Return the most probable label of each task, [T].

    Ties go to the label with the larger mean posterior, because a commoner label is the likelier truth; if these are
    equal too, to the smaller label.
    """
    if not posteriors.size:
        return np.zeros(0, np.intp)
    commonest: NDArray[np.intp] = np.argsort(-posteriors.mean(axis=1).round(_DIGITS), kind="stable")
    best = posteriors[commonest] >= posteriors.max(axis=0) - TIE
    chosen: NDArray[np.intp] = commonest[np.argmax(best, axis=0)]
    return chosen
