"""From judgements to one label per task."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from annotate.aggregation.blocks import count_votes
from annotate.aggregation.dawid_skene import dawid_skene
from annotate.aggregation.encoding import EncodedJudgements, Gold, encode
from annotate.aggregation.fit import Fit, choose_labels
from annotate.aggregation.glad import glad
from annotate.aggregation.majority import majority
from annotate.aggregation.weighted import count_gold, weighted
from annotate.settings import Method
from m5data.errors import UsageError

__all__ = ["Aggregation", "aggregate", "fit", "report_workers"]

_METHODS: Mapping[str, Callable[[EncodedJudgements], Fit]] = MappingProxyType(
    {"majority": majority, "dawid-skene": dawid_skene, "glad": glad, "weighted": weighted}
)


@dataclass(frozen=True, slots=True)
class Aggregation:
    """What the judgements say."""

    labels: pa.Table
    """One row a task, sorted: task, label, posterior (of that label), judgements, difficulty. The difficulty is
    1/beta for ``glad``, else the share of the answers that are not the label; null where there are no answers."""
    posteriors: pa.Table
    """One row a task and label, sorted by both: task, label, posterior; by task adding up to 1."""
    workers: pa.Table
    """One row a worker, sorted: worker, judgements, ability, agreement (share of the answers that are the task's
    label), gold_judgements, gold_accuracy (null without gold answers). The ability is alpha for ``glad`` (0:
    guesses, below: answers the opposite), else the probability of a right answer."""
    converged: bool
    """False: an iterative method ended at its bound of iterations."""


def aggregate(judgements: pa.Table, method: Method = "majority", gold: Gold | None = None) -> Aggregation:
    """Find the most probable label of every task; of equally probable ones the smallest.

    Neither the order of the rows nor the names of the workers matter.

    Args:
        judgements: Columns task, worker, label, of any types that sort (text, integers); no nulls. Each row counts.
        method: ``majority``, ``dawid-skene``, ``glad`` or ``weighted``; the module of each has equations and source.
        gold: Task -> true label, of the same types; those tasks get that label. Tasks that nobody judged
            may be among them, and are then in the result.

    Raises:
        DataError: A column is missing or holds nulls, or ``gold`` is of other types.
        UsageError: There is no such method.
    """
    encoded = encode(judgements, gold)
    found = fit(encoded, method)
    chosen = choose_labels(found.posteriors)
    return Aggregation(
        labels=_label_table(encoded, found, chosen),
        posteriors=_posterior_table(encoded, found.posteriors),
        workers=report_workers(encoded, found, chosen),
        converged=found.converged,
    )


def _label_table(encoded: EncodedJudgements, found: Fit, chosen: NDArray[np.intp]) -> pa.Table:
    every = np.arange(len(chosen))
    votes = count_votes(encoded)
    total = votes.sum(axis=0)
    difficulty = 1 - votes[chosen, every] / np.maximum(total, 1) if found.difficulty is None else found.difficulty
    return pa.table(
        {
            "task": encoded.tasks,
            "label": encoded.labels.take(pa.array(chosen)),
            "posterior": found.posteriors[chosen, every],
            "judgements": total.astype(np.int64),
            "difficulty": pa.array(difficulty, mask=total == 0),
        }
    )


def _posterior_table(encoded: EncodedJudgements, posteriors: NDArray[np.float64]) -> pa.Table:
    labels, tasks = (np.arange(size, dtype=np.int32) for size in posteriors.shape)
    return pa.table(
        {
            "task": encoded.tasks.take(pa.array(np.repeat(tasks, len(labels)))),
            "label": encoded.labels.take(pa.array(np.tile(labels, len(tasks)))),
            "posterior": posteriors.T.ravel(),
        }
    )


def fit(encoded: EncodedJudgements, method: str) -> Fit:
    """Apply a method; without any task there is nothing to find.

    Raises:
        UsageError: There is no such method.
    """
    if method not in _METHODS:
        raise UsageError(f"annotate.method: wanted one of {', '.join(_METHODS)}, got {method!r}; name one of them")
    if not len(encoded.gold):
        return Fit(np.zeros((len(encoded.labels), 0)), np.zeros(len(encoded.workers)))
    return _METHODS[method](encoded)


def report_workers(encoded: EncodedJudgements, found: Fit, chosen: NDArray[np.intp]) -> pa.Table:
    """Return one row a worker, sorted: worker, judgements, ability, agreement, gold_judgements, gold_accuracy.

    Args:
        encoded: The judgements.
        found: What a method made of them.
        chosen: [T] the labels it chose.
    """
    size = len(encoded.workers)
    judged = np.bincount(encoded.worker, minlength=size)
    agreed = np.bincount(encoded.worker[encoded.label == chosen[encoded.task]], minlength=size)
    asked, right = count_gold(encoded)
    report = pa.table(
        {
            "worker": encoded.workers,
            "judgements": judged,
            "ability": found.ability,
            "agreement": agreed / judged,
            "gold_judgements": asked.astype(np.int64),
            "gold_accuracy": pa.array(right / np.maximum(asked, 1), mask=asked == 0),
        }
    )
    return report.sort_by("worker")
