"""Which answers a task takes."""

from collections.abc import Collection

from annotate.tasks.records import LABELS, RefusedError, Task

__all__ = ["check_label", "options_of"]

_SHOWN = 40


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
