"""Tasks for annotators: every answer is stored once, even across crashes.

with TaskBoard(store.state, settings.annotate.tasks) as board:
    board.add_tasks([Task("shop:1", "shop:2")])
    worker = board.worker_of(token)
    for task in board.next_tasks(worker, 2):
        board.answer(worker, task.number, "matched", seconds=4.2)
"""

from annotate.settings import TaskSettings
from annotate.tasks.answering import LONGEST_COMMENT
from annotate.tasks.board import TaskBoard
from annotate.tasks.task import (
    BROKEN,
    LABELS,
    AnnotationTask,
    GivenAnswer,
    GoldTask,
    Kind,
    LeasedTask,
    Pay,
    RefusedError,
    RefusedReason,
    WorkerProgress,
    to_kind,
)

__all__ = [
    "BROKEN",
    "LABELS",
    "LONGEST_COMMENT",
    "AnnotationTask",
    "GivenAnswer",
    "GoldTask",
    "Kind",
    "LeasedTask",
    "Pay",
    "RefusedError",
    "RefusedReason",
    "TaskBoard",
    "TaskSettings",
    "WorkerProgress",
    "to_kind",
]
