"""The task board: the one object that a server for annotators needs."""

import hashlib
import json
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from types import TracebackType
from typing import Self

from annotate.settings import FIRST_ROUND, TaskSettings
from annotate.tasks.adaptive import replan
from annotate.tasks.answering import PARTS, given_answers, reopen_task, save_answer, skip_task
from annotate.tasks.group_commit import GroupCommit
from annotate.tasks.leasing import lease_tasks
from annotate.tasks.schema import migrate
from annotate.tasks.task import (
    GivenAnswer,
    GoldTask,
    LeasedTask,
    Pay,
    RefusedError,
    Task,
    WorkerProgress,
    check_label,
    options_of,
)
from m5data.errors import UsageError
from m5data.stage import Clock, utc_now
from storage import State

__all__ = ["TaskBoard"]

_ADD_TASK = """
insert into annotation_tasks (place, kind, query, candidate, options, added_at, wanted) values (?, ?, ?, ?, ?, ?, ?)
on conflict (kind, query, candidate) do nothing
"""
_ADD_GOLD = """
insert into annotation_tasks (place, kind, query, candidate, options, added_at, wanted, truth)
values (?, ?, ?, ?, ?, ?, 0, ?)
on conflict (kind, query, candidate) do update set truth = excluded.truth where truth is not excluded.truth
"""
_ADD_WORKER = """
insert into annotation_workers (worker, token_hash) values (?, ?)
on conflict (worker) do update set token_hash = excluded.token_hash
"""
_RESUME = (
    "update annotation_counts set changes = changes + 1",
    """update annotation_workers set paused = null, gold_asked = 0, gold_right = 0, trusted = 0,
        judged_from = (select changes from annotation_counts) where worker = :worker""",
    "update annotation_work set live = 1 where worker = :worker and label is not null",
)
_PAY = "select worker, answered, earned, gold_asked, gold_right, paused from annotation_workers order by worker"
_LONGEST_NAME = 64
_GOLD_WORKER = "gold"
"""The worker of the true answers in the table ``judgements``."""


class TaskBoard:
    """The tasks, workers and answers of one workspace, in its state; a method returns after its writes are synced.

    Methods may be called from any thread and from several processes; concurrent writes are synced together. The
    board keeps nothing in memory between calls, so a killed server resumes where it stopped. Workers are identified
    by name: ``worker_of`` maps the token of a personal link to a name, and all other methods trust the given name.

    Args:
        state: The workspace's state (``store.state``).
        settings: How tasks go to workers.
        clock: Clock for leases and times of answers.
    """

    def __init__(self, state: State, settings: TaskSettings | None = None, clock: Clock = utc_now) -> None:
        migrate(state)
        self._settings = settings or TaskSettings()
        self._clock = clock
        self._commits = GroupCommit(lambda: state.connect(threads=True))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the state; no call may be in progress."""
        self._commits.close()

    def add_tasks(self, tasks: Iterable[Task]) -> int:
        """Add tasks that do not exist yet and return their number.

        The seed alone decides their random order; tasks that are added later fall among the waiting ones.
        """
        settings, now = self._settings, self._clock()
        workers = settings.workers if settings.adaptive is None else FIRST_ROUND
        rows = [(*_columns(task, settings.seed, now), workers) for task in tasks]
        return self._commits.write(lambda connection: _insert(connection, _ADD_TASK, rows))

    def add_gold(self, truths: Iterable[GoldTask]) -> int:
        """Add gold tasks, or set the true label of existing tasks; return the number of changes.

        Raises:
            RefusedError: A label is not an option of its task; nothing is added.
        """
        now, rows = self._clock(), []
        for truth in truths:
            check_label(truth.label, options_of(truth.task))
            rows.append((*_columns(truth.task, self._settings.seed, now), truth.label))
        return self._commits.write(lambda connection: _insert(connection, _ADD_GOLD, rows))

    def invite(self, workers: Sequence[str], token: Callable[[], str] = secrets.token_urlsafe) -> dict[str, str]:
        """Add workers, or renew the tokens of existing ones; return worker -> token.

        A new token voids the old one. Only hashes of tokens are stored, so the state lets nobody sign in.

        Args:
            workers: Names of 1 to 64 letters, digits, dots, dashes or underscores, except ``gold``.
            token: Source of tokens.

        Raises:
            UsageError: A name has another form; nobody is added.
        """
        for worker in workers:
            _check_name(worker)
        tokens = {worker: token() for worker in workers}
        rows = [(worker, _hash_token(secret)) for worker, secret in tokens.items()]
        self._commits.write(lambda connection: connection.executemany(_ADD_WORKER, rows))
        return tokens

    def worker_of(self, token: str) -> str | None:
        """Return the worker whose personal link has this token, or None."""
        query = "select worker from annotation_workers where token_hash = ?"
        row = self._commits.read(lambda connection: connection.execute(query, (_hash_token(token),)).fetchone())
        return None if row is None else str(row[0])

    def next_tasks(self, worker: str, count: int) -> list[LeasedTask]:
        """Return up to ``count`` tasks to answer in this order; a page can load the second during the first.

        The worker holds them until ``lease_minutes`` after the last call; another call returns the same tasks. Gold
        tasks are among them by the share of the settings and look like any other task. In the adaptive mode, when
        no task is left, the most uncertain tasks are opened for one more worker. Uninformative workers get no
        disputed tasks.

        Raises:
            RefusedError: The worker is unknown.
        """

        def write(connection: sqlite3.Connection) -> list[LeasedTask]:
            _read_worker(connection, worker)
            leased = lease_tasks(connection, worker, count, self._clock(), self._settings)
            if len(leased) < count and replan(connection, self._settings):
                leased = lease_tasks(connection, worker, count, self._clock(), self._settings)
            return leased

        return self._commits.write(write)

    def answer(self, worker: str, task: int, label: str, seconds: float, comment: str = "") -> bool:
        """Save an answer; a repeated call changes nothing.

        A worker whose answers show no knowledge, or come too fast, is paused with the reason (``progress``).

        Args:
            worker: Name of the worker.
            task: ``LeasedTask.number``.
            label: One of ``LeasedTask.options``, or ``broken``.
            seconds: Duration of the answer.
            comment: What the worker adds to it.

        Returns:
            Whether the answer is new.

        Raises:
            RefusedError: ``reason`` not_handed: the worker never held the task; answered: the worker gave another
                answer; bad_answer: the label or the duration is invalid.
        """
        return self._commits.write(
            lambda connection: save_answer(
                connection, worker, task, label, seconds, self._clock(), self._settings, comment
            )
        )

    def skip(self, worker: str, task: int, comment: str = "") -> None:
        """Pass a task on to other workers; a repeated call changes nothing.

        Raises:
            RefusedError: ``reason`` not_handed or answered, as in ``answer``.
        """
        self._commits.write(lambda connection: skip_task(connection, worker, task, comment, self._clock()))

    def answers(self, worker: str, limit: int, offset: int = 0) -> list[GivenAnswer]:
        """Return answers and skips of a worker, newest first."""
        return self._commits.read(lambda connection: given_answers(connection, worker, limit, offset))

    def reopen(self, worker: str, task: int) -> bool:
        """Take back any own answer or skip, and lease the task again; it is the first of ``next_tasks``.

        Returns:
            False if there is no such answer, or the worker is paused.
        """
        now = self._clock()
        reopened = self._commits.write(lambda connection: reopen_task(connection, worker, task, now, self._settings))
        return reopened is not None

    def progress(self, worker: str) -> WorkerProgress:
        """Return the progress of the worker and of all workers.

        Raises:
            RefusedError: The worker is unknown.
        """

        def read(connection: sqlite3.Connection) -> WorkerProgress:
            reviewed, paused = _read_worker(connection, worker)
            query = "select tasks, answers, wanted from annotation_counts"
            total, answers, wanted = connection.execute(query).fetchone()
            return WorkerProgress(reviewed, total, answers, wanted, paused)

        return self._commits.read(read)

    def resume(self, worker: str) -> None:
        """Let a paused worker continue; earlier answers count again, but not in the judgement of the worker."""

        def write(connection: sqlite3.Connection) -> None:
            for statement in _RESUME:
                connection.execute(statement, {"worker": worker})

        self._commits.write(write)

    def pay(self) -> list[Pay]:
        """Return the pay of each worker, sorted by name."""
        rate = self._settings.rate
        rows = self._commits.read(lambda connection: connection.execute(_PAY).fetchall())
        return [
            Pay(worker, answered, rate, Decimal(earned) / PARTS, asked, right, paused)
            for worker, answered, earned, asked, right, paused in rows
        ]


def _insert(connection: sqlite3.Connection, query: str, rows: Sequence[tuple[object, ...]]) -> int:
    """Insert task rows and return the number of changed rows."""
    before = connection.total_changes
    connection.executemany(query, rows)
    return (connection.total_changes - before) // 2  # a trigger changes the row of counts with each task


def _columns(task: Task, seed: int, now: datetime) -> tuple[int, str, str, str, str, str]:
    options = json.dumps(task.options, ensure_ascii=False)
    return _order_key(task, seed), task.kind, task.query, task.candidate, options, now.isoformat()


def _order_key(task: Task, seed: int) -> int:
    """Return the sort key of a task in the order of ``seed``, 0 to below 2^62."""
    text = json.dumps([seed, task.kind, task.query, task.candidate])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 2


def _check_name(worker: str) -> None:
    valid = 0 < len(worker) <= _LONGEST_NAME and all(c.isalnum() or c in "._-" for c in worker)
    if not valid or worker == _GOLD_WORKER:
        raise UsageError(
            f"annotate links: {worker[:_LONGEST_NAME]!r} cannot be the name of a worker. Use 1 to {_LONGEST_NAME} "
            f"letters, digits, dots, dashes or underscores, but not {_GOLD_WORKER}."
        )


def _hash_token(token: str) -> str:
    """Return the SHA-256 of a token in hex; tokens are long and random, so a slow hash is unnecessary."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def _read_worker(connection: sqlite3.Connection, worker: str) -> tuple[int, str | None]:
    query = "select answered, paused from annotation_workers where worker = ?"
    row: tuple[int, str | None] | None = connection.execute(query, (worker,)).fetchone()
    if row is None:
        raise RefusedError("unknown_worker", f"The worker {worker!r} is not invited. Run m5data annotate links NAME.")
    return row
