"""Tasks, and the records that the task board returns."""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, get_args

from m5data.errors import UsageError

__all__ = [
    "BROKEN",
    "LABELS",
    "GoldTask",
    "Kind",
    "LeasedTask",
    "Pay",
    "RefusedError",
    "RefusedReason",
    "Task",
    "WorkerProgress",
    "check_label",
    "options_of",
    "to_kind",
]

Kind = Literal["same-product", "category"]
"""Same product or not; best category of several."""
LABELS = ("matched", "mismatched", "uncertain")
"""Answers to ``same-product``; those to ``category`` are the task's options and ``uncertain``."""
BROKEN = "broken"
"""Answer to any task whose images or video do not show; it takes one of the task's places and no side."""

RefusedReason = Literal["unknown_worker", "not_handed", "answered", "bad_answer"]
_SHOWN = 40


class RefusedError(UsageError):
    """The board refuses a request; ``reason`` says which rule it breaks."""

    def __init__(self, reason: RefusedReason, message: str) -> None:
        super().__init__(message)
        self.reason: RefusedReason = reason


def to_kind(word: str) -> Kind:
    """Return the kind of tasks that a person named.

    Raises:
        UsageError: There is no such kind.
    """
    for kind in get_args(Kind):
        if word == kind:
            return word  # type: ignore[return-value]  # it is one of them
    raise UsageError(f"kind of tasks: wanted one of {', '.join(get_args(Kind))}, got {word!r}; name one of them")


@dataclass(frozen=True, slots=True)
class Task:
    """A task to be added."""

    query: str
    """Product asked about."""
    candidate: str = ""
    """Product compared with it; empty for ``category``."""
    options: tuple[str, ...] = ()
    """Categories to choose from, at least two, in the order shown; empty for ``same-product``."""

    @property
    def kind(self) -> Kind:
        """What is asked."""
        return "category" if self.options else "same-product"


@dataclass(frozen=True, slots=True)
class GoldTask:
    """A gold task and its true label."""

    task: Task
    label: str


@dataclass(frozen=True, slots=True)
class LeasedTask:
    """A task as a worker sees it; nothing tells gold from other tasks."""

    number: int
    """What ``TaskBoard.answer`` is given."""
    kind: Kind
    query: str
    candidate: str
    """Empty for ``category``."""
    options: tuple[str, ...]
    """Answers to choose from beside ``broken``, in order; the first is the default of ``same-product``."""


@dataclass(frozen=True, slots=True)
class WorkerProgress:
    """How far a worker, and the crowd, is."""

    reviewed: int
    """Tasks that the worker answered, gold among them."""
    total: int
    """Tasks there are, gold among them."""
    answers: int
    """Answers of all workers."""
    wanted: int
    """Answers wanted in all, those on gold left out."""
    paused: str | None
    """Why the worker gets no more tasks; None: not paused."""


@dataclass(frozen=True, slots=True)
class Pay:
    """One line of the pay ledger."""

    worker: str
    answers: int
    """Answers given and not taken back."""
    rate: Decimal
    """Paid for an answer now."""
    earned: Decimal
    """Sum over the answers at the rate of their time; a take-down of a product takes nothing away."""
    gold_asked: int
    gold_right: int
    paused: str | None


def options_of(task: Task) -> tuple[str, ...]:
    """Return the answers to choose from, in the order shown, ``broken`` left out."""
    return (*task.options, "uncertain") if task.options else LABELS


def check_label(label: str, options: Collection[str]) -> None:
    """See that an answer is one of those that the task takes.

    Raises:
        RefusedError: It is not; reason ``bad_answer``.
    """
    if label not in options:
        raise RefusedError(
            "bad_answer", f"answer: wanted one of {', '.join(options)}, got {label[:_SHOWN]!r}; choose one of them"
        )
