"""Sums by number."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["sum_by"]


def sum_by(places: NDArray[np.integer], values: NDArray[np.number | np.bool_], size: int) -> NDArray[np.float64]:
    """Return [size] the sum of the values at each place, added in their order."""
    return np.bincount(places, values, size).astype(np.float64, copy=False)
