"""The adaptive mode: tasks in most doubt are opened for one more worker, the most doubtful first."""

import sqlite3
from collections.abc import Collection

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from annotate.adaptive.doubt import doubt, rests
from annotate.answers import encode
from annotate.tasks.settings import TaskSettings

__all__ = ["replan"]

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
_WORKERS = "select worker from annotation_workers where paused is null"
_SEEN = "select task, worker from annotation_work"
_NEWS = "select changes > planned from annotation_counts"


def replan(connection: sqlite3.Connection, settings: TaskSettings) -> int:
    """Open the tasks in most doubt for one more worker, as far as the judgements to be spent reach.

    Does nothing where no answer came since the last plan. Only tasks of the kind ``same-product`` are opened, and only
    such as a worker can take who neither rests nor saw it; where none can, nobody rests.

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
    number, wrong, resting = _doubts(connection, [(task, truth) for task, truth, *_ in tasks])
    takers = _takers(connection, ready, resting)
    if not takers:
        resting, takers = frozenset(), _takers(connection, ready, ())
    order = np.lexsort((number, -wrong))
    chosen = [(task, value) for task, value in zip(number[order].tolist(), wrong[order].tolist(), strict=True)
              if task in takers and (value > _DECIDED or ready[task] < _FEWEST)][:room]  # fmt: skip
    rows = [(ready[task] + 1, int((1 - value) * _PLACES), task) for task, value in chosen]
    connection.executemany("update annotation_tasks set wanted = ?, place = ? where task = ?", rows)
    connection.execute("update annotation_workers set reach = 0, resting = 0")
    connection.executemany("update annotation_workers set resting = 1 where worker = ?", [(w,) for w in resting])
    return len(rows)


def _takers(connection: sqlite3.Connection, ready: Collection[int], resting: Collection[str]) -> set[int]:
    """Return the tasks that a worker is there for who is not paused, does not rest and has not seen it."""
    awake = {worker for (worker,) in connection.execute(_WORKERS)} - set(resting)
    left = dict.fromkeys(ready, len(awake))
    for task, worker in connection.execute(_SEEN):
        if task in left and worker in awake:
            left[task] -= 1
    return {task for task, count in left.items() if count}


def _doubts(
    connection: sqlite3.Connection, tasks: list[tuple[int, str | None]]
) -> tuple[NDArray[np.int64], NDArray[np.float64], frozenset[str]]:
    """Return the numbers of all tasks, ascending, the doubt of each, and the workers who rest."""
    found = connection.execute(_ANSWERS).fetchall()
    columns = list(zip(*found, strict=True)) or [(), (), ()]
    kinds = (pa.int64(), pa.string(), pa.string())
    answers = pa.table([pa.array(c, k) for c, k in zip(columns, kinds, strict=True)], ["task", "worker", "label"])
    gold = {task: truth for task, truth in tasks if truth is not None and truth != "uncertain"}
    numbers = pa.array([task for task, _ in tasks], pa.int64())
    encoded = encode(answers, gold, tasks=numbers, labels=pa.array(["matched", "mismatched"]))
    doubts = doubt(encoded)
    resting = encoded.workers.filter(pa.array(rests(doubts.tells)))
    return numbers.to_numpy(), doubts.wrong, frozenset(resting.to_pylist())
