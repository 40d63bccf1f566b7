"""Climbing in many independent parameters at once, each with a normal prior."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["Ascent"]

Values = NDArray[np.float64]

_LONGEST = 1.0
"""Longest step of a parameter: the standard deviation of its prior."""


class Ascent:
    """Parameters on their way up; each log posterior is a log likelihood plus the prior N(mean, 1).

    A step is gradient / curvature, at most ``limit`` long. Where the logistic curve is flat that quotient
    overshoots, and could jump to and fro across the top for ever: so a parameter's limit halves whenever its
    gradient has turned since the step before, and doubles again, up to 1, while it has not.
    """

    def __init__(self, mean: Values) -> None:
        self._mean = mean
        self.value = mean.copy()
        self._gradient = np.zeros_like(mean)
        self._limit = np.full_like(mean, _LONGEST)

    def climb(self, which: slice, gradient: Values, curvature: Values) -> float:
        """Move some parameters one step; return the length of the longest.

        Args:
            which: The parameters.
            gradient: Of their log likelihood.
            curvature: Minus its second derivative, or the expectation of that; at least 0.
        """
        value, limit = self.value[which], self._limit[which]
        uphill = gradient - (value - self._mean[which])
        turned = uphill * self._gradient[which] < 0
        limit *= np.where(turned, 0.5, 2.0)
        np.minimum(limit, _LONGEST, out=limit)
        step = np.clip(uphill / (1 + curvature), -limit, limit)
        value += step
        self._gradient[which] = uphill
        return float(np.abs(step).max(initial=0.0))
