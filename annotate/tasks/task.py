"""Tasks, and the records that the task board returns."""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, get_args

from core.errors import UsageError

__all__ = [
    "BROKEN",
    "LABELS",
    "AnnotationTask",
    "GivenAnswer",
    "GoldTask",
    "Kind",
    "LeasedTask",
    "Pay",
    "RefusedError",
    "RefusedReason",
    "WorkerProgress",
    "check_label",
    "options_of",
    "to_kind",
]

Kind = Literal["same-product", "category"]
"""Question of a task: same product or not, or the best of several categories."""
LABELS = ("matched", "mismatched", "uncertain")
"""Answers to ``same-product`` tasks; those to ``category`` tasks are the options and ``uncertain``."""
BROKEN = "broken"
"""Answer to a task with missing images or video; it occupies one of the places of the task but is not a label."""

RefusedReason = Literal["unknown_worker", "not_handed", "answered", "bad_answer"]
_SHOWN = 40


class RefusedError(UsageError):
    """A request that the board refuses; ``reason`` is the broken rule."""

    def __init__(self, reason: RefusedReason, message: str) -> None:
        super().__init__(message)
        self.reason: RefusedReason = reason


def to_kind(word: str) -> Kind:
    """Return a kind of tasks by name.

    Raises:
        UsageError: The kind is unknown.
    """
    for kind in get_args(Kind):
        if word == kind:
            return word  # type: ignore[return-value]  # it is one of them
    raise UsageError(f"The kind of tasks must be one of {', '.join(get_args(Kind))}, not {word!r}.")


@dataclass(frozen=True, slots=True)
class AnnotationTask:
    """A task to add."""

    query: str
    """Product in question."""
    candidate: str = ""
    """Product compared with it; empty for ``category``."""
    options: tuple[str, ...] = ()
    """Categories to choose from, at least two, in the order shown; empty for ``same-product``."""

    @property
    def kind(self) -> Kind:
        """Kind of the task."""
        return "category" if self.options else "same-product"


@dataclass(frozen=True, slots=True)
class GoldTask:
    """A gold task and its true label."""

    task: AnnotationTask
    label: str


@dataclass(frozen=True, slots=True)
class LeasedTask:
    """A task as a worker sees it; gold tasks look like all others."""

    number: int
    """Number for ``TaskBoard.answer``."""
    kind: Kind
    query: str
    candidate: str
    """Empty for ``category``."""
    options: tuple[str, ...]
    """Answers except ``broken``, in display order; the first is the default of ``same-product``."""


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """One answer of a worker, as shown in the worker's history."""

    task: int
    kind: Kind
    query: str
    candidate: str
    label: str | None
    """None: the worker skipped the task."""
    seconds: float | None
    at: str
    """Time of the answer or skip, ISO 8601."""
    comment: str | None


@dataclass(frozen=True, slots=True)
class WorkerProgress:
    """Progress of a worker and of all workers."""

    reviewed: int
    """Number of tasks that the worker answered, including gold."""
    total: int
    """Number of tasks, including gold."""
    answers: int
    """Number of answers of all workers."""
    wanted: int
    """Number of answers wanted, excluding gold."""
    paused: str | None
    """Reason why the worker gets no more tasks; None if not paused."""


@dataclass(frozen=True, slots=True)
class Pay:
    """Pay of one worker."""

    worker: str
    answers: int
    """Number of answers that were not taken back."""
    rate: Decimal
    """Current pay per answer."""
    earned: Decimal
    """Sum over the answers, each at the rate of its time; a take-down does not reduce it."""
    gold_asked: int
    gold_right: int
    paused: str | None


def options_of(task: AnnotationTask) -> tuple[str, ...]:
    """Return the answers of a task in display order, without ``broken``."""
    return (*task.options, "uncertain") if task.options else LABELS


def check_label(label: str, options: Collection[str]) -> None:
    """Raise unless a label is an option of its task.

    Raises:
        RefusedError: The label is not an option; reason ``bad_answer``.
    """
    if label not in options:
        raise RefusedError("bad_answer", f"The answer must be one of {', '.join(options)}, not {label[:_SHOWN]!r}.")
