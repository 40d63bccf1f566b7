"""The task board: the one object that a server of annotators needs."""

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
from annotate.tasks.answering import PARTS, save_answer, undo_last
from annotate.tasks.group_commit import GroupCommit
from annotate.tasks.leasing import lease_tasks, show_task
from annotate.tasks.schema import migrate
from annotate.tasks.task import GoldTask, LeasedTask, Pay, RefusedError, Task, WorkerProgress, check_label, options_of
from m5data.errors import UsageError
from m5data.stage import Clock, utc_now
from storage import State

__all__ = [
    "TaskBoard",
    "add_gold",
    "add_tasks",
    "add_worker",
    "find_worker",
    "hash_token",
    "list_pay",
    "order_key",
    "resume_worker",
]

_ADD = """
insert into annotation_tasks (place, kind, query, candidate, options, added_at, wanted) values (?, ?, ?, ?, ?, ?, ?)
on conflict (kind, query, candidate) do nothing
"""
_GOLD = """
insert into annotation_tasks (place, kind, query, candidate, options, added_at, wanted, truth)
values (?, ?, ?, ?, ?, ?, 0, ?)
on conflict (kind, query, candidate) do update set truth = excluded.truth where truth is not excluded.truth
"""
_LONGEST_NAME = 64
_TAKEN = "gold"
"""Who gives the true answers in the table ``judgements``."""


def add_tasks(connection: sqlite3.Connection, tasks: Iterable[Task], now: datetime, *, workers: int, seed: int) -> int:
    """Add tasks that are not there yet, each for ``workers`` workers; return how many are new.

    Their order is random by the seed alone: tasks added later fall among those that wait.
    """
    before = connection.total_changes
    connection.executemany(_ADD, ((*_columns(task, seed, now), workers) for task in tasks))
    return _added(connection, before)


def add_gold(connection: sqlite3.Connection, truths: Iterable[GoldTask], now: datetime, *, seed: int) -> int:
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
    return order_key(task, seed), task.kind, task.query, task.candidate, options, now.isoformat()


def order_key(task: Task, seed: int) -> int:
    """Return the task's place in the order of ``seed``, 0 to below 2^62."""
    text = json.dumps([seed, task.kind, task.query, task.candidate])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 2


def add_worker(connection: sqlite3.Connection, worker: str, token: str) -> None:
    """Add a worker, or give one that is there a new token; the old one is void.

    Only the token's hash is kept: who reads the state cannot sign in with it.

    Raises:
        UsageError: The name is empty, longer than 64 characters, not of letters, digits and ``._-``, or ``gold``.
    """
    fit = 0 < len(worker) <= _LONGEST_NAME and all(c.isalnum() or c in "._-" for c in worker)
    if not fit or worker == _TAKEN:
        raise UsageError(
            f"annotate links: wanted a name of 1 to {_LONGEST_NAME} letters, digits, dots, dashes or underscores, "
            f"but not {_TAKEN}, got {worker[:_LONGEST_NAME]!r}; choose another"
        )
    connection.execute(
        "insert into annotation_workers (worker, token_hash) values (?, ?) "
        "on conflict (worker) do update set token_hash = excluded.token_hash",
        (worker, hash_token(token)),
    )


def hash_token(token: str) -> str:
    """Return what is kept of a token: SHA-256, hex. Tokens are random and long, so no slow hash is needed."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def find_worker(connection: sqlite3.Connection, token: str) -> str | None:
    """Return the worker whose token this is; None: nobody's."""
    query = "select worker from annotation_workers where token_hash = ?"
    row = connection.execute(query, (hash_token(token),)).fetchone()
    return None if row is None else str(row[0])


def resume_worker(connection: sqlite3.Connection, worker: str) -> None:
    """Let a paused worker go on; what gold said so far is forgotten, or the next slip would pause again."""
    connection.execute(
        "update annotation_workers set paused = null, gold_asked = 0, gold_right = 0 where worker = ?", (worker,)
    )


def list_pay(connection: sqlite3.Connection, rate: Decimal) -> list[Pay]:
    """Return the pay ledger, a line a worker, sorted."""
    query = "select worker, answered, earned, gold_asked, gold_right, paused from annotation_workers order by worker"
    return [
        Pay(worker, answered, rate, Decimal(earned) / PARTS, asked, right, paused)
        for worker, answered, earned, asked, right, paused in connection.execute(query)
    ]


class TaskBoard:
    """Tasks, workers and answers of one workspace, as state: what a method returned is synced to the disk.

    Every method may be called from any thread, and from several processes; writes that wait for each other are
    synced together. Nothing is held in memory between calls: a board that was killed is opened again where it was.
    Workers are told apart by name; ``worker_of`` turns the token of a personal link into the name, and every other
    method trusts the name that it is given.

    Args:
        state: The workspace's state (``store.state``).
        settings: How tasks go to workers.
        clock: For leases and times of answers.
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
        """Close the state; no call may be under way."""
        self._commits.close()

    def add_tasks(self, tasks: Iterable[Task]) -> int:
        """Add tasks that are not there yet; return how many are new. Their order is random by the seed."""
        settings, listed, now = self._settings, list(tasks), self._clock()
        workers = settings.workers if settings.adaptive is None else FIRST_ROUND
        return self._commits.write(lambda c: add_tasks(c, listed, now, workers=workers, seed=settings.seed))

    def add_gold(self, truths: Iterable[GoldTask]) -> int:
        """Add gold tasks, or give tasks their true label; return how many are new or changed.

        Raises:
            RefusedError: A label is none of its task's; nothing is added.
        """
        listed, now = list(truths), self._clock()
        return self._commits.write(lambda c: add_gold(c, listed, now, seed=self._settings.seed))

    def invite(self, workers: Sequence[str], token: Callable[[], str] = secrets.token_urlsafe) -> dict[str, str]:
        """Add workers, or renew the tokens of those that are there; return worker -> token, which is kept nowhere.

        Args:
            workers: Names: 1 to 64 letters, digits, dots, dashes or underscores.
            token: Where tokens come from.

        Raises:
            UsageError: A name is of another form; nobody is added.
        """
        tokens = {worker: token() for worker in workers}

        def write(connection: sqlite3.Connection) -> None:
            for worker, secret in tokens.items():
                add_worker(connection, worker, secret)

        self._commits.write(write)
        return tokens

    def worker_of(self, token: str) -> str | None:
        """Return whose personal link holds this token; None: nobody's."""
        return self._commits.read(lambda c: find_worker(c, token))

    def next_tasks(self, worker: str, count: int) -> list[LeasedTask]:
        """Return up to ``count`` tasks to answer in this order: the second can be loaded while the first is judged.

        They are the worker's until ``lease_minutes`` have passed since the last call; asked again, the same ones
        come back. Gold is among them, by the settings' share, and looks like any other task. In the adaptive mode,
        where nothing is left to hand out, the tasks in most doubt are opened for one more worker; one whose answers
        tell little gets none of those.

        Raises:
            RefusedError: There is no such worker.
        """

        def write(connection: sqlite3.Connection) -> list[LeasedTask]:
            _check_worker(connection, worker)
            handed = lease_tasks(connection, worker, count, self._clock(), self._settings)
            if len(handed) < count and replan(connection, self._settings):
                handed = lease_tasks(connection, worker, count, self._clock(), self._settings)
            return handed

        return self._commits.write(write)

    def answer(self, worker: str, task: int, label: str, seconds: float) -> bool:
        """Save an answer; sent again, it changes nothing.

        A worker whose share of right gold answers is then too low is paused, with the reason (``progress``).

        Args:
            worker: Who answers.
            task: ``Handed.number``.
            label: One of ``Handed.options``, or ``broken``.
            seconds: How long it took.

        Returns:
            Whether it was new.

        Raises:
            RefusedError: ``reason`` not_handed: the task was never this worker's; answered: it has another answer of
                the worker; bad_answer: no such label or time.
        """
        return self._commits.write(
            lambda c: save_answer(c, worker, task, label, seconds, self._clock(), self._settings)
        )

    def undo(self, worker: str, only: int | None = None) -> LeasedTask | None:
        """Take back the worker's last answer and hand that task out again; called again, the one before it.

        Args:
            worker: Who takes an answer back.
            only: Do nothing unless this task was answered last: who sends it twice takes back one answer; None: any.

        Returns:
            The task, which is also the first of ``next_tasks``; None where there is no such answer.
        """

        def write(connection: sqlite3.Connection) -> LeasedTask | None:
            task = undo_last(connection, worker, self._clock(), self._settings, only)
            return None if task is None else show_task(connection, task)

        return self._commits.write(write)

    def progress(self, worker: str) -> WorkerProgress:
        """Return how far the worker, and the crowd, is.

        Raises:
            RefusedError: There is no such worker.
        """

        def read(connection: sqlite3.Connection) -> WorkerProgress:
            reviewed, paused = _check_worker(connection, worker)
            query = "select tasks, answers, wanted from annotation_counts"
            total, answers, wanted = connection.execute(query).fetchone()
            return WorkerProgress(reviewed, total, answers, wanted, paused)

        return self._commits.read(read)

    def resume(self, worker: str) -> None:
        """Let a paused worker go on; gold measures anew."""
        self._commits.write(lambda c: resume_worker(c, worker))

    def pay(self) -> list[Pay]:
        """Return the pay ledger, a line a worker, sorted by name."""
        return self._commits.read(lambda c: list_pay(c, self._settings.rate))


def _check_worker(connection: sqlite3.Connection, worker: str) -> tuple[int, str | None]:
    query = "select answered, paused from annotation_workers where worker = ?"
    row: tuple[int, str | None] | None = connection.execute(query, (worker,)).fetchone()
    if row is None:
        raise RefusedError("unknown_worker", f"worker {worker!r}: not invited; make a link with: m5data annotate links")
    return row
