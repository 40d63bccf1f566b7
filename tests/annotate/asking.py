"""Helper of the board's tests, which request one task at a time."""

from annotate.tasks import LeasedTask, TaskBoard

__all__ = ["next_task"]


def next_task(board: TaskBoard, worker: str) -> LeasedTask | None:
    """Return the worker's next task, or None if none is left or the worker is paused."""
    return next(iter(board.next_tasks(worker, 1)), None)
