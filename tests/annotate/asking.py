"""One task at a time, as the tests of the board ask for them."""

from annotate.tasks import LeasedTask, TaskBoard

__all__ = ["next_task"]


def next_task(board: TaskBoard, worker: str) -> LeasedTask | None:
    """Return the first of the worker's tasks; None: none is left, or the worker is paused."""
    return next(iter(board.next_tasks(worker, 1)), None)
