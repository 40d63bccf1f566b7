"""Trust in a worker's answers: a sequential test on gold, and the time that answers took."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, lgamma, log, log1p
from statistics import median

__all__ = ["FAST_ANSWERS", "GoldAnswer", "find_fault", "weigh_gold"]

FAST_ANSWERS = 20
"""Answers whose duration is judged together."""
_HABIT = 2 / 3
"""Share of one answer above which the reason names it."""
_WRONG, _UNSURE = 0.8, 0.45
"""Shares of the answers of a worker with knowledge that are not true: another label, and ``uncertain``. Together they
are more than one, since nobody knows how a worker errs; simulated workers of any kind stay within the risk."""
_PERFECT = 0.995
"""A worker who is nearly always right is no less trusted for it."""
_SPARE = 0.02
"""Share of ``uncertain`` among the answers of someone who guesses between the others."""


@dataclass(frozen=True, slots=True)
class GoldAnswer:
    """A worker's answer to a gold task."""

    truth: str
    label: str
    labels: int
    """Number of answers to choose from, without ``broken``."""


def weigh_gold(answers: Sequence[GoldAnswer], honest: float) -> float:
    """Return the log-odds that a worker's gold answers have nothing to do with the truth.

    The odds are P(answers | no knowledge) / P(answers | knowledge). A worker with knowledge gives the true answer with
    probability ``honest`` or more. One without gives, as likely as not, each answer but ``uncertain`` with equal
    probability, or answers by a fixed habit of any kind, such as always the same (Krichevsky and Trofimov 1981, "The
    performance of universal encoding": a Dirichlet prior of 1/2). So chance agreement never counts as knowledge.
    A worker with knowledge ever reaches odds of 1 / r with probability about r at most, however often one looks
    (Ville 1939).

    Args:
        answers: All gold answers of the worker.
        honest: Least probability of a true answer with knowledge.
    """
    known = max(_knowledge(answers, right) for right in (honest, (1 + honest) / 2, _PERFECT))
    guessed = 0.0
    for answer in answers:
        guessed += log(_SPARE) if answer.label == "uncertain" else log((1 - _SPARE) / max(answer.labels - 1, 1))
    habit = _habit(Counter(answer.label for answer in answers), max((answer.labels for answer in answers), default=1))
    larger, smaller = max(guessed, habit), min(guessed, habit)
    return larger + log1p(exp(smaller - larger)) - log(2) - known


def _knowledge(answers: Sequence[GoldAnswer], right: float) -> float:
    """Return the log probability of answers that are true with probability ``right``."""
    wrong = log((1 - right) * _WRONG), log((1 - right) * _UNSURE)
    return sum(log(right) if a.label == a.truth else wrong[a.label == "uncertain"] for a in answers)


def _habit(counts: Counter[str], labels: int) -> float:
    """Return the log probability of answers under an unknown distribution that does not depend on the task."""
    labels = max(labels, len(counts))
    prior = lgamma(labels / 2) - lgamma(counts.total() + labels / 2)
    return prior + sum(lgamma(count + 0.5) - lgamma(0.5) for count in counts.values())


def find_fault(
    gold: Sequence[GoldAnswer], odds: float, seconds: Sequence[float], risk: float, fastest: float
) -> str | None:
    """Return why a worker is to be paused, beginning with ``speed:`` or ``gold:``, or None.

    Args:
        gold: All gold answers of the worker.
        odds: As from ``weigh_gold``.
        seconds: Duration of the worker's last answers.
        risk: Probability with which an honest worker may ever be paused by gold.
        fastest: Half of ``FAST_ANSWERS`` answers that took less are a fault, seconds.
    """
    if len(seconds) >= FAST_ANSWERS and median(seconds) < fastest:
        return f"speed: half of the last {FAST_ANSWERS} answers took less than {fastest:g} s"
    if odds < -log(risk):
        return None
    right = sum(answer.label == answer.truth for answer in gold)
    common, times = Counter(answer.label for answer in gold).most_common(1)[0]
    habit = f", {times} of them {common}," if times > _HABIT * len(gold) else ""
    return f"gold: {right} of {len(gold)} gold tasks right{habit} is no better than answers without a look"
