"""Aggregation of judgements into one label per task."""

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
from core.arrow_input import ArrowStream
from core.errors import UsageError

__all__ = ["Aggregation", "aggregate", "fit", "report_workers"]

_METHODS: Mapping[str, Callable[[EncodedJudgements], Fit]] = MappingProxyType(
    {"majority": majority, "dawid-skene": dawid_skene, "glad": glad, "weighted": weighted}
)


@dataclass(frozen=True, slots=True)
class Aggregation:
    """Result of an aggregation: labels, posteriors and worker statistics."""

    labels: pa.Table
    """One row per task, sorted: task, label, posterior (of that label), judgements, difficulty. The difficulty is
    1/beta for ``glad``, otherwise the share of answers that differ from the label; null without answers."""
    posteriors: pa.Table
    """One row per task and label, sorted by both: task, label, posterior; they add up to 1 for each task."""
    workers: pa.Table
    """One row per worker, sorted: worker, judgements, ability, agreement (share of answers equal to the task's
    label), gold_judgements, gold_accuracy (null without gold answers). The ability is alpha for ``glad`` (0 for
    guessing, negative for opposite answers), otherwise the probability of a correct answer."""
    converged: bool
    """False if an iterative method reached its maximum number of iterations before it came near its fixed point."""
    switched: tuple[object, ...] = ()
    """Labels whose answers speak for another label, by ``dawid-skene``: the model may have exchanged the meanings of
    labels. Compare with ``majority``, or add gold."""


def aggregate(judgements: ArrowStream, method: Method = "majority", gold: Gold | None = None) -> Aggregation:
    """Return the most probable label of every task; ties go to the label that is commoner over all tasks.

    The order of rows and the names of workers do not affect the result.

    Args:
        judgements: A table of pyarrow, pandas, polars or DuckDB with the columns task, worker and label, of
            sortable types (text, integers) without nulls. Every row counts, including repeated ones.
        method: ``majority``, ``dawid-skene``, ``glad`` or ``weighted``; each module documents its equations and
            source.
        gold: Task -> true label, of the same types. These tasks get that label, and appear in the result even
            if nobody judged them.

    Raises:
        DataError: A column is missing or has nulls, or ``gold`` has other types.
        UsageError: The method is unknown.

    Example:
        >>> import pyarrow as pa
        >>> rows = {"task": [1, 1, 1, 2], "worker": ["v", "w", "x", "v"], "label": ["a", "a", "b", "b"]}
        >>> aggregate(pa.table(rows)).labels["label"].to_pylist()
        ['a', 'b']
    """
    encoded = encode(judgements, gold)
    found = fit(encoded, method)
    chosen = choose_labels(found.posteriors)
    return Aggregation(
        labels=_label_table(encoded, found, chosen),
        posteriors=_posterior_table(encoded, found.posteriors),
        workers=report_workers(encoded, found, chosen),
        converged=found.converged,
        switched=tuple(encoded.labels[label].as_py() for label in found.switched),
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
    """Apply a method.

    Raises:
        UsageError: The method is unknown.
    """
    if method not in _METHODS:
        raise UsageError(f"annotate.method must be one of {', '.join(_METHODS)}, not {method!r}.")
    if not len(encoded.gold):
        return Fit(np.zeros((len(encoded.labels), 0)), np.zeros(len(encoded.workers)))
    return _METHODS[method](encoded)


def report_workers(encoded: EncodedJudgements, found: Fit, chosen: NDArray[np.intp]) -> pa.Table:
    """Return one row per worker, sorted: worker, judgements, ability, agreement, gold_judgements, gold_accuracy.

    Args:
        encoded: The judgements.
        found: Result of the method.
        chosen: [T] index of the label of each task.
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
