"""Dawid and Skene's model: each worker has a confusion matrix."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotate.aggregation.blocks import blocks, sum_by
from annotate.aggregation.encoding import EncodedJudgements
from annotate.aggregation.fit import ITERATIONS, TIE, Fit, Progress, normalise
from annotate.aggregation.majority import majority
from annotate.aggregation.weighted import EXPECTED_ACCURACY

__all__ = ["NO_PRIOR", "WEAK_PRIOR", "Prior", "dawid_skene"]

Values = NDArray[np.float64]

_SMALLEST = 1e-10
"""Weight of the expected confusion matrix, in answers, and least class prior: the paper's estimates can be 0 or 0/0,
which have no logarithm. With any evidence the weight is too small to matter, as in crowd-kit."""


@dataclass(frozen=True, slots=True)
class Prior:
    """Pseudo-counts of the answers of every worker, for tasks of each true label."""

    right: float
    wrong: float
    """Pseudo-count of each wrong label."""


NO_PRIOR = Prior(0.0, 0.0)
"""No prior, as in the paper and in crowd-kit: answers alone determine the matrices."""
WEAK_PRIOR = Prior(right=1.0, wrong=0.2)
"""The default. With a dozen answers or fewer per worker the likelihood alone has its maximum where workers are certain;
``python -m bench.annotate.drawn_worlds`` measures the effect."""


@dataclass(frozen=True, slots=True)
class _GivenLabels:
    """The R pairs (worker, label) that occur; confusion matrices have entries only for these."""

    row: NDArray[np.int32]
    """[N] index of the pair of each answer."""
    worker: NDArray[np.intp]
    """[R]"""
    label: NDArray[np.intp]
    """[R]"""


def dawid_skene(encoded: EncodedJudgements, expected: Prior = WEAK_PRIOR) -> Fit:
    """Estimate class prior, confusion matrices and truth together by EM.

        E: P(truth_t = c) = p_c prod over answers (w, l) on t of e_w[l | c], up to a constant
        M: e_w[l | c] = a_lc + sum over tasks that w labelled l of P(truth_t = c), divided by its sum over all l
           p_c = mean over tasks of P(truth_t = c)

    starting from the vote shares. Dawid and Skene 1979, "Maximum likelihood estimation of observer error-rates using
    the EM algorithm", equations 2.3 to 2.5, with a Dirichlet prior a on the matrix rows (``expected``), which the
    paper has not. Gold tasks are clamped in every E-step and so inform the matrices. EM ends when ``Progress`` says
    that it has converged, or after ``ITERATIONS`` iterations. The ability of a worker is the probability of a correct
    answer, sum over c of p_c e_w[c | c].

    Where the answers determine nothing, the likelihood is flat and EM would drift. Three rules keep it in place:
    tasks without answers do not enter the M-step, gold or not; a worker without answers to tasks of class c has the
    matrix row of all workers, and without those the row of a worker of the expected accuracy; the prior of a label
    that nobody gave is the least.

    Args:
        encoded: The judgements.
        expected: The prior, as counts added in the M-step. Without it, few answers per worker make the matrices too
            certain.
    """
    said = _given_labels(encoded)
    posteriors = majority(encoded).posteriors
    progress = Progress()
    for _ in range(ITERATIONS):
        prior = _class_prior(encoded, said, posteriors)
        counts = _count_answers(encoded, said, posteriors)
        errors = _estimate_errors(encoded, said, counts, expected)
        if progress.has_converged(_update(posteriors, encoded, said, np.log(prior), np.log(errors))):
            break
    right = errors[said.label, np.arange(len(said.label))] * prior[said.label]
    ability = sum_by(said.worker, right, len(encoded.workers))
    return Fit(posteriors, ability, converged=progress.converged, switched=_switched(said, counts))


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


def _class_prior(encoded: EncodedJudgements, said: _GivenLabels, posteriors: Values) -> Values:
    """Return p_c, [K], from the tasks that have answers."""
    judged = np.zeros(posteriors.shape[1], bool)
    judged[encoded.task] = True
    prior = posteriors.sum(axis=1, where=judged) / max(int(judged.sum()), 1)
    given = np.bincount(said.label, minlength=len(prior)) > 0
    return np.maximum(np.where(given, prior, 0.0), _SMALLEST)


def _count_answers(encoded: EncodedJudgements, said: _GivenLabels, posteriors: Values) -> Values:
    """Return the expected number of answers of each pair on tasks of each class, [K (c), R]."""
    counts = np.zeros((len(encoded.labels), len(said.worker)))
    for block in blocks(encoded):
        row = said.row[block.rows]
        for of_class, truth in zip(counts, posteriors[:, block.tasks], strict=True):
            np.add.at(of_class, row, truth[block.task])
    return counts


def _pooled(said: _GivenLabels, counts: Values) -> Values:
    """Return the confusion matrix of all workers together, [K (c), K (l)], as counts."""
    return np.stack([sum_by(said.label, of_class, len(counts)) for of_class in counts])


def _estimate_errors(encoded: EncodedJudgements, said: _GivenLabels, counts: Values, expected: Prior) -> Values:
    """Return e_w[l | c] as [K (c), R]."""
    size = len(counts)
    others = (1 - EXPECTED_ACCURACY) / max(size - 1, 1)
    pooled = _pooled(said, counts) + np.where(np.eye(size, dtype=bool), EXPECTED_ACCURACY, others)
    pooled /= pooled.sum(axis=1, keepdims=True)
    total = np.stack([sum_by(said.worker, of_class, len(encoded.workers)) for of_class in counts])
    total += _SMALLEST + expected.right + (size - 1) * expected.wrong
    errors: Values = counts + _SMALLEST * pooled[:, said.label]
    errors += np.where(np.arange(size)[:, None] == said.label, expected.right, expected.wrong)
    errors /= total[:, said.worker]
    return errors


def _switched(said: _GivenLabels, counts: Values) -> tuple[int, ...]:
    """Return the labels l for which the answer l speaks for another class: e[c | l] of all workers is largest there."""
    pooled = _pooled(said, counts)
    total = pooled.sum(axis=1, keepdims=True)
    rates = np.divide(pooled, total, out=np.zeros_like(pooled), where=total > 0)
    best = rates.max(axis=0)
    return tuple(int(label) for label in np.nonzero(np.diag(rates) < best - TIE)[0])


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
