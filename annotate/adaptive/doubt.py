"""How far each task is from being decided, and whose answers would decide it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotate.answers import Answers
from annotate.dawid_skene import Prior, dawid_skene
from annotate.sums import sum_by

__all__ = ["EXPECTED", "Doubt", "doubt", "rests"]

EXPECTED = Prior(right=4.0, wrong=1.0)
"""Workers are expected to be right in four of five answers, as firmly as five answers say it. Without that, two
answers a task make the model certain of whatever two workers agree on."""


_LEAST = 0.5
"""Share of what the middle worker tells below which a worker rests."""

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Doubt:
    """What is known of each task and worker."""

    label: NDArray[np.intp]
    """[T] most probable label; of equally probable ones the smallest."""
    wrong: Values
    """[T] probability that it is not the true one: the error that asking on could take away, so the value of a
    further judgement. 0 for gold tasks."""
    tells: Values
    """[W] what an answer of the worker tells of the truth: their mutual information, nats. 0: nothing, as of one who
    guesses or always leaves the default; who always says the opposite tells as much as who is always right."""


def doubt(answers: Answers) -> Doubt:
    """Return how open each task is, by Dawid and Skene's model with a prior.

    That model and not GLAD, because it sees through a worker who always leaves the default: such answers say nothing,
    whichever label is the commoner one; and through a spammer, whose matrix has equal rows.
    """
    posteriors = dawid_skene(answers, EXPECTED).posteriors
    label = np.argmax(posteriors, axis=0)
    wrong = 1.0 - posteriors[label, np.arange(posteriors.shape[1])]
    return Doubt(label, wrong, _information(answers, posteriors))


def rests(tells: Values) -> NDArray[np.bool_]:
    """Return which workers are not asked again about tasks in doubt, [W]: who tells less than half of the middle one.

    A judgement is spent where it tells most: on a task in doubt, and on a worker who knows.
    """
    return tells < _LEAST * np.median(tells) if len(tells) else np.zeros(0, bool)


def _information(answers: Answers, posteriors: Values) -> Values:
    """Return the mutual information of truth and answer by worker, [W], of confusion matrices with the prior."""
    shape = len(answers.workers), len(answers.labels)
    cell = answers.worker.astype(np.int64) * shape[1] + answers.label
    counts = np.stack([sum_by(cell, p[answers.task], shape[0] * shape[1]).reshape(shape) for p in posteriors])
    right = np.eye(shape[1], dtype=bool)[:, None, :]
    counts += np.where(right, EXPECTED.right, EXPECTED.wrong)
    errors = counts / counts.sum(axis=2, keepdims=True)
    joint = posteriors.mean(axis=1)[:, None, None] * errors
    information: Values = (joint * np.log(errors / joint.sum(axis=0))).sum(axis=(0, 2))
    return information
