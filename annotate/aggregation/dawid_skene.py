"""Dawid and Skene's model: each worker has a confusion matrix."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotate.aggregation.blocks import blocks, sum_by
from annotate.aggregation.encoding import EncodedJudgements
from annotate.aggregation.fit import ITERATIONS, TOLERANCE, Fit, normalise
from annotate.aggregation.majority import majority

__all__ = ["NO_PRIOR", "Prior", "dawid_skene"]

Values = NDArray[np.float64]

_SMALLEST = 1e-10
"""Minimum error count and class prior, as in crowd-kit: the paper's estimates can be 0, which has no logarithm."""


@dataclass(frozen=True, slots=True)
class Prior:
    """Pseudo-counts of the answers of every worker, for tasks of each true label."""

    right: float
    wrong: float
    """Pseudo-count of each wrong label."""


NO_PRIOR = Prior(0.0, 0.0)
"""No prior, as in the paper: answers alone determine the matrices."""


@dataclass(frozen=True, slots=True)
class _GivenLabels:
    """The R pairs (worker, label) that occur; confusion matrices have entries only for these."""

    row: NDArray[np.int32]
    """[N] index of the pair of each answer."""
    worker: NDArray[np.intp]
    """[R]"""
    label: NDArray[np.intp]
    """[R]"""


def dawid_skene(encoded: EncodedJudgements, expected: Prior = NO_PRIOR) -> Fit:
    """Estimate class prior, confusion matrices and truth together by EM.

        E: P(truth_t = c) = p_c prod over answers (w, l) on t of e_w[l | c], up to a constant
        M: e_w[l | c] = sum over tasks that w labelled l of P(truth_t = c), divided by its sum over all l
           p_c = mean over tasks of P(truth_t = c)

    starting from the vote shares. Dawid and Skene 1979, "Maximum likelihood estimation of observer
    error-rates using the EM algorithm", equations 2.3 to 2.5. Gold tasks are clamped in every E-step and
    so inform the matrices. Ties go to the smallest label. EM ends when no posterior moves by more than
    ``TOLERANCE``, or after ``ITERATIONS`` iterations. The ability of a worker is the probability of a correct
    answer, sum over c of p_c e_w[c | c].

    Args:
        encoded: The judgements.
        expected: Dirichlet prior of the matrix rows, as counts added in the M-step. Without it, few answers
            per worker make the matrices too certain.
    """
    said = _given_labels(encoded)
    posteriors = majority(encoded).posteriors
    moved = np.inf
    for _ in range(ITERATIONS):
        prior = np.maximum(posteriors.mean(axis=1), _SMALLEST)
        errors = _estimate_errors(encoded, said, posteriors, expected)
        moved = _update(posteriors, encoded, said, np.log(prior), np.log(errors))
        if moved <= TOLERANCE:
            break
    right = errors[said.label, np.arange(len(said.label))] * prior[said.label]
    ability = sum_by(said.worker, right, len(encoded.workers))
    return Fit(posteriors, ability, converged=bool(moved <= TOLERANCE))


def _given_labels(encoded: EncodedJudgements) -> _GivenLabels:
    size = len(encoded.labels)
    pair = encoded.worker.astype(np.int64)
    pair *= size
    pair += encoded.label
    occurs = np.zeros(len(encoded.workers) * size, bool)
    occurs[pair] = True
    (pairs,) = np.nonzero(occurs)
    row = (np.cumsum(occurs) - 1).astype(np.int32)[pair]
    return _GivenLabels(row, pairs // size, pairs % size)


def _estimate_errors(encoded: EncodedJudgements, said: _GivenLabels, posteriors: Values, expected: Prior) -> Values:
    """Return e_w[l | c] as [K (c), R]."""
    errors = np.zeros((len(encoded.labels), len(said.worker)))
    for block in blocks(encoded):
        row = said.row[block.rows]
        for counts, truth in zip(errors, posteriors[:, block.tasks], strict=True):
            np.add.at(counts, row, truth[block.task])
    np.maximum(errors, _SMALLEST, out=errors)
    total = np.stack([sum_by(said.worker, counts, len(encoded.workers)) for counts in errors])
    total += expected.right + (len(errors) - 1) * expected.wrong
    errors += np.where(np.arange(len(errors))[:, None] == said.label, expected.right, expected.wrong)
    errors /= total[:, said.worker]
    return errors


def _update(
    posteriors: Values, encoded: EncodedJudgements, said: _GivenLabels, log_prior: Values, log_errors: Values
) -> float:
    """Run the E-step in place and return the largest change of a posterior."""
    moved = 0.0
    for block in blocks(encoded):
        row = said.row[block.rows]
        scores = np.stack([block.sum_by_task(errors[row]) for errors in log_errors])
        scores += log_prior[:, None]
        new = normalise(scores, encoded.gold[block.tasks])
        moved = max(moved, float(np.abs(new - posteriors[:, block.tasks]).max()))
        posteriors[:, block.tasks] = new
    return moved
