"""Tasks and gold onto the board."""

import hashlib
import json
import sqlite3
from collections.abc import Iterable
from datetime import datetime

from annotate.tasks.options import check_label, options_of
from annotate.tasks.records import Task, Truth

__all__ = ["add_gold", "add_tasks", "place_of"]

_ADD = """
insert into annotation_tasks (place, kind, query, candidate, options, added_at, wanted) values (?, ?, ?, ?, ?, ?, ?)
on conflict (kind, query, candidate) do nothing
"""
_GOLD = """
insert into annotation_tasks (place, kind, query, candidate, options, added_at, wanted, truth)
values (?, ?, ?, ?, ?, ?, 0, ?)
on conflict (kind, query, candidate) do update set truth = excluded.truth where truth is not excluded.truth
"""


def add_tasks(connection: sqlite3.Connection, tasks: Iterable[Task], now: datetime, *, workers: int, seed: int) -> int:
    """Add tasks that are not there yet, each for ``workers`` workers; return how many are new.

    Their order is random by the seed alone: tasks added later fall among those that wait.
    """
    before = connection.total_changes
    connection.executemany(_ADD, ((*_columns(task, seed, now), workers) for task in tasks))
    return _added(connection, before)


def add_gold(connection: sqlite3.Connection, truths: Iterable[Truth], now: datetime, *, seed: int) -> int:
    """Add gold tasks, or give tasks that are there their true label; return how many are new or changed.

    Raises:
        RefusedError: A label is none of its task's; nothing is added.
    """
    rows = []
    for truth in truths:
        check_label(truth.label, options_of(truth.task))
        rows.append((*_columns(truth.task, seed, now), truth.label))
    before = connection.total_changes
    connection.executemany(_GOLD, rows)
    return _added(connection, before)


def _added(connection: sqlite3.Connection, before: int) -> int:
    """Each row that was written also changed the row of counts."""
    return (connection.total_changes - before) // 2


def _columns(task: Task, seed: int, now: datetime) -> tuple[int, str, str, str, str, str]:
    options = json.dumps(task.options, ensure_ascii=False)
    return place_of(task, seed), task.kind, task.query, task.candidate, options, now.isoformat()


def place_of(task: Task, seed: int) -> int:
    """Return the task's place in the order of ``seed``, 0 to below 2^62."""
    text = json.dumps([seed, task.kind, task.query, task.candidate])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 2
