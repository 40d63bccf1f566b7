"""The adaptive mode: tasks in most doubt are opened for one more worker, the most doubtful first."""

import sqlite3

import numpy as np
import pyarrow as pa

from annotate.adaptive.doubt import doubt
from annotate.answers import encode
from annotate.tasks.settings import TaskSettings

__all__ = ["FIRST", "replan"]

FIRST = 1
"""Workers a task before doubt is known; then rounds. One did better than two in replays of public crowds."""
_ROUNDS = 15
"""Rounds that the judgements are spent in: more see more of the answers before, and wait for more."""
_DECIDED = 0.01
"""Less doubt than this is not worth a judgement, once two workers answered: with one answer a task, the model may
take all tasks for one class, and be sure of it."""
_FEWEST = 2
_PLACES = 1 << 62

_ANSWERS = """
select w.task, w.worker, w.label from annotation_work w join annotation_tasks t using (task)
where t.kind = 'same-product' and w.label in ('matched', 'mismatched') order by 1, 2
"""
_TASKS = "select task, truth, wanted, taken from annotation_tasks where kind = 'same-product' order by task"
_NEWS = "select changes > planned from annotation_counts"


def replan(connection: sqlite3.Connection, settings: TaskSettings) -> int:
    """Open the tasks in most doubt for one more worker, as far as the judgements to be spent reach.

    Does nothing where no answer came since the last plan. Only tasks of the kind ``same-product`` are opened.

    Args:
        connection: Inside a transaction.
        settings: Of the board; ``adaptive`` is set.

    Returns:
        How many were opened.
    """
    if settings.adaptive is None or not connection.execute(_NEWS).fetchone()[0]:
        return 0
    connection.execute("update annotation_counts set planned = changes")
    tasks = connection.execute(_TASKS).fetchall()
    asked = [row for row in tasks if row[1] is None]
    budget = int(settings.adaptive * len(asked)) - sum(wanted for _, _, wanted, _ in asked)
    room = min(budget, max(1, round(settings.adaptive * len(asked) / _ROUNDS)))
    ready = {task: wanted for task, _, wanted, taken in asked if wanted <= taken < settings.most}
    if room <= 0 or not ready:
        return 0
    number, wrong = _doubts(connection, [(task, truth) for task, truth, *_ in tasks])
    order = np.lexsort((number, -wrong))
    chosen = [(task, value) for task, value in zip(number[order].tolist(), wrong[order].tolist(), strict=True)
              if task in ready and (value > _DECIDED or ready[task] < _FEWEST)][:room]  # fmt: skip
    rows = [(ready[task] + 1, int((1 - value) * _PLACES), task) for task, value in chosen]
    connection.executemany("update annotation_tasks set wanted = ?, place = ? where task = ?", rows)
    connection.execute("update annotation_workers set reach = 0")
    return len(rows)


def _doubts(
    connection: sqlite3.Connection, tasks: list[tuple[int, str | None]]
) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """Return the numbers of all tasks, ascending, and the doubt of each."""
    found = connection.execute(_ANSWERS).fetchall()
    columns = list(zip(*found, strict=True)) or [(), (), ()]
    kinds = (pa.int64(), pa.string(), pa.string())
    answers = pa.table([pa.array(c, k) for c, k in zip(columns, kinds, strict=True)], ["task", "worker", "label"])
    gold = {task: truth for task, truth in tasks if truth is not None and truth != "uncertain"}
    numbers = pa.array([task for task, _ in tasks], pa.int64())
    encoded = encode(answers, gold, tasks=numbers, labels=pa.array(["matched", "mismatched"]))
    return numbers.to_numpy(), doubt(encoded).wrong
