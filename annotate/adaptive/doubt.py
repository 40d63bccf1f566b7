"""How far each task is from being decided."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotate.answers import Answers
from annotate.dawid_skene import Prior, dawid_skene

__all__ = ["EXPECTED", "Doubt", "doubt"]

EXPECTED = Prior(right=4.0, wrong=1.0)
"""Workers are expected to be right in four of five answers, as firmly as five answers say it. Without that, two
answers a task make the model certain of whatever two workers agree on."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """What is known of each task."""

    label: NDArray[np.intp]
    """[T] most probable label; of equally probable ones the smallest."""
    wrong: NDArray[np.float64]
    """[T] probability that it is not the true one: the error that asking on could take away, so the value of a
    further judgement. 0 for gold tasks."""


def doubt(answers: Answers) -> Doubt:
    """Return how open each task is, by Dawid and Skene's model with a prior.

    That model and not GLAD, because it sees through a worker who always leaves the default: such answers say nothing,
    whichever label is the commoner one; and through a spammer, whose matrix has equal rows.
    """
    posteriors = dawid_skene(answers, EXPECTED).posteriors
    label = np.argmax(posteriors, axis=0)
    return Doubt(label, 1.0 - posteriors[label, np.arange(posteriors.shape[1])])
