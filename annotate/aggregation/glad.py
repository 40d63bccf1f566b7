"""GLAD: workers have abilities, tasks have difficulties."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotate.aggregation.blocks import TaskBlock, blocks
from annotate.aggregation.encoding import EncodedJudgements
from annotate.aggregation.fit import ITERATIONS, Fit, Progress, normalise
from annotate.aggregation.weighted import expect_accuracy

__all__ = ["NewtonSteps", "glad"]

Values = NDArray[np.float64]

_LONGEST = 1.0
"""Maximum step of a parameter: the standard deviation of its prior."""


class NewtonSteps:
    """Newton steps of many independent parameters; each log posterior is a log likelihood plus a prior N(mean, 1).

    A step is gradient / curvature, limited in length. Where the logistic curve is flat, the quotient
    overshoots and could oscillate around the maximum. The limit of a parameter therefore halves when its
    gradient changes sign, and doubles again, up to 1, while it does not.
    """

    def __init__(self, mean: Values) -> None:
        self._mean = mean
        self.value = mean.copy()
        self._gradient = np.zeros_like(mean)
        self._limit = np.full_like(mean, _LONGEST)

    def step(self, which: slice, gradient: Values, curvature: Values) -> float:
        """Move some parameters by one step and return the length of the longest step.

        Args:
            which: The parameters.
            gradient: Gradient of their log likelihood.
            curvature: Negative second derivative of their log likelihood, or its expectation; at least 0.
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


def glad(encoded: EncodedJudgements) -> Fit:
    """Estimate abilities, difficulties and truth together by EM; with gold, "weighted GLAD".

        P(label = truth) = s(alpha_w beta_t), s(x) = 1 / (1 + exp(-x)), beta_t = exp(b_t)
        P(label = k) = (1 - s(alpha_w beta_t)) / (K - 1) for each other label k
        alpha_w ~ N(1, 1), b_t ~ N(1, 1), all labels equally probable before the answers

    Whitehill, Ruvolo, Wu, Bergsma and Movellan 2009, "Whose vote should count more", sections 2 and 3 and
    its supplement for the priors; several labels as in crowd-kit. Since log s(x) - log(1 - s(x)) = x,

        E: log P(truth_t = c) = const + sum over answers c on t of (alpha_w beta_t + log(K - 1))
        M: d/d alpha_w = sum (p - s) beta_t - (alpha_w - 1),  d/d b_t = sum (p - s) alpha_w beta_t - (b_t - 1)

    where p is the posterior of the given label. The M-step is partial: a Newton step of the abilities, new
    posteriors, then a step of b by Fisher scoring (``NewtonSteps``). The fixed points are those of full EM. It
    starts from the prior means and ends when posteriors, abilities and b have converged (``Progress``), or after
    ``ITERATIONS`` iterations. The ability of a worker is alpha_w, the difficulty of a task 1 / beta_t.

    "Weighted GLAD" produced the final labels of M5Product but has no public definition. Interpretation here:
    gold tasks are clamped to their true label in every E-step, and the prior mean of a worker's ability is
    log(q_w / (1 - q_w)) / e, with q_w from ``expect_accuracy`` on the worker's gold answers. This ability gives
    accuracy q_w on a task of mean difficulty. It is 1 for a worker without gold answers, so without gold the
    method is plain GLAD.
    """
    accuracy = expect_accuracy(encoded)
    abilities = NewtonSteps(np.log(accuracy / (1 - accuracy)) / np.e)
    ease = NewtonSteps(np.ones(len(encoded.gold)))
    posteriors = np.zeros((len(encoded.labels), len(encoded.gold)))
    progress, moved = Progress(), 0.0
    for _ in range(ITERATIONS):
        if progress.has_converged(max(moved, _step_abilities(encoded, abilities, ease, posteriors))):
            break
        moved = _step_ease(encoded, abilities, ease)
    return Fit(posteriors, abilities.value, np.exp(-ease.value), converged=progress.converged)


def _step_abilities(encoded: EncodedJudgements, abilities: NewtonSteps, ease: NewtonSteps, posteriors: Values) -> float:
    """Update posteriors and abilities in place; return the largest change of either."""
    gradient, curvature, moved = np.zeros_like(abilities.value), np.zeros_like(abilities.value), 0.0
    for block in blocks(encoded):
        found = _expect(block, encoded, abilities.value, ease.value)
        np.add.at(gradient, block.worker, found.surprise * found.beta)
        np.add.at(curvature, block.worker, found.slope * found.beta**2)
        moved = max(moved, float(np.abs(found.posteriors - posteriors[:, block.tasks]).max()))
        posteriors[:, block.tasks] = found.posteriors
    return max(moved, abilities.step(slice(None), gradient, curvature))


def _step_ease(encoded: EncodedJudgements, abilities: NewtonSteps, ease: NewtonSteps) -> float:
    """Update b in place; return its largest change."""
    moved = 0.0
    for block in blocks(encoded):
        found = _expect(block, encoded, abilities.value, ease.value)
        gradient = block.sum_by_task(found.surprise * found.product)
        moved = max(moved, ease.step(block.tasks, gradient, block.sum_by_task(found.slope * found.product**2)))
    return moved


@dataclass(frozen=True, slots=True)
class _Expectation:
    posteriors: Values
    """[K, m]"""
    beta: Values
    """[n], like all below: one value per answer."""
    product: Values
    """alpha beta."""
    surprise: Values
    """p - s(alpha beta)."""
    slope: Values
    """s'(alpha beta)."""


def _expect(block: TaskBlock, encoded: EncodedJudgements, abilities: Values, ease: Values) -> _Expectation:
    beta = np.exp(ease[block.tasks])[block.task]
    product = abilities[block.worker] * beta
    scores = block.sum_votes(product + np.log(max(len(encoded.labels) - 1, 1)))
    posteriors = normalise(scores, encoded.gold[block.tasks])
    half = np.tanh(product / 2) / 2  # s(x) - 1/2: tanh cannot overflow, exp(-x) can
    return _Expectation(posteriors, beta, product, posteriors.ravel()[block.cell] - 0.5 - half, 0.25 - half**2)
