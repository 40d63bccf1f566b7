"""Logistic regression on a few hundred reviewed pairs, with weights that cannot have the wrong sign."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from align.learned.vectors import Floats

__all__ = ["LEAST_OF_EACH", "PairModel", "train"]

LEAST_OF_EACH = 3
"""Pairs accepted, and pairs rejected, without which nothing is learned."""
_STRENGTHS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
_FOLDS = 5


@dataclass(frozen=True, slots=True)
class PairModel:
    """Weights of the features."""

    centre: Floats
    """What is taken from each feature, [features]."""
    scale: Floats
    """What it is then divided by, [features]."""
    weights: Floats
    """[features], none below 0: every feature is made so that more of it is more alike."""
    bias: float

    def contributions(self, features: Floats) -> Floats:
        """Return what each feature adds to the log odds, [pairs, features]."""
        return np.asarray((features - self.centre) / self.scale * self.weights)

    def probabilities(self, features: Floats) -> Floats:
        """Return the probability of being one label, [pairs]."""
        return np.asarray(_logistic(self.contributions(features).sum(axis=1) + self.bias))


def train(features: Floats, labels: Sequence[bool], background: Floats) -> PairModel:
    """Fit a model.

    The penalty on squared weights is the one of the least loss on held-out fifths of the pairs. Features
    are scaled by all candidates, reviewed or not.

    Args:
        features: Of the reviewed pairs, [pairs, features].
        labels: Whether each is one label; both answers occur.
        background: Features of all candidates.
    """
    centre, scale = background.mean(axis=0), np.maximum(background.std(axis=0), 1e-6)
    inputs, wanted = (features - centre) / scale, np.array(labels, dtype=np.float64)
    folds = np.arange(len(wanted)) % _FOLDS
    losses = [
        sum(_held_out_loss(inputs, wanted, folds == fold, strength) for fold in range(_FOLDS))
        for strength in _STRENGTHS
    ]
    weights, bias = _fit(inputs, wanted, _STRENGTHS[int(np.argmin(losses))])
    return PairModel(centre, scale, weights, bias)


def _held_out_loss(inputs: Floats, wanted: Floats, out: NDArray[np.bool_], strength: float) -> float:
    weights, bias = _fit(inputs[~out], wanted[~out], strength)
    odds = inputs[out] @ weights + bias
    return float(np.logaddexp(0, np.where(wanted[out] > 0, -odds, odds)).sum())


def _fit(inputs: Floats, wanted: Floats, strength: float) -> tuple[Floats, float]:
    """Return weights and bias of the least penalised loss."""
    signs = np.where(wanted > 0, 1.0, -1.0)
    count = inputs.shape[1]

    def loss(parameters: Floats) -> tuple[float, Floats]:
        odds = signs * (inputs @ parameters[:-1] + parameters[-1])
        slope = -signs * _logistic(-odds) / len(signs)
        penalty = strength * float(parameters[:-1] @ parameters[:-1]) / 2
        gradient = np.append(slope @ inputs + strength * parameters[:-1], slope.sum())
        return float(np.logaddexp(0, -odds).mean()) + penalty, gradient

    bounds = [(0.0, None)] * count + [(None, None)]
    found = minimize(loss, np.zeros(count + 1), jac=True, method="L-BFGS-B", bounds=bounds)
    return np.asarray(found.x[:-1]), float(found.x[-1])


def _logistic(odds: Floats) -> Floats:
    return np.asarray(0.5 * (1 + np.tanh(odds / 2)))
