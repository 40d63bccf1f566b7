"""Many threads' writes in one synced transaction."""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

__all__ = ["GroupCommit"]

Result = TypeVar("Result")
Write = Callable[[sqlite3.Connection], Result]


class _Job(Generic[Result]):
    def __init__(self, write: Write[Result]) -> None:
        self.write = write
        self.done = False
        self.result: Result | None = None
        self.error: BaseException | None = None


class GroupCommit:
    """One connection shared by threads; what waits while a transaction is synced goes into the next one together.

    A sync takes milliseconds whatever it syncs: 50 answers that come at once cost two of them, not fifty.

    Args:
        connection: In autocommit mode, opened for several threads; closed by ``close``.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._leader = threading.Lock()
        self._guard = threading.Lock()
        self._waiting: list[_Job[object]] = []

    def write(self, write: Write[Result]) -> Result:
        """Run ``write`` inside a transaction; return once it is synced.

        Raises:
            BaseException: What ``write`` raised: nothing that it wrote stays. Or what the commit raised.
        """
        job: _Job[Result] = _Job(write)
        with self._guard:
            self._waiting.append(job)  # type: ignore[arg-type]  # each job keeps its own type
        with self._leader:
            if not job.done:
                self._run(self._take())
        if job.error is not None:
            raise job.error
        return job.result  # type: ignore[return-value]  # set where there is no error

    def read(self, read: Write[Result]) -> Result:
        """Run ``read`` on what was committed."""
        with self._leader:
            return read(self._connection)

    def close(self) -> None:
        """Wait for the transaction under way and close the connection."""
        with self._leader:
            self._connection.close()

    def _take(self) -> list[_Job[object]]:
        with self._guard:
            jobs, self._waiting = self._waiting, []
        return jobs

    def _run(self, jobs: list[_Job[object]]) -> None:
        try:
            self._connection.execute("begin immediate")
            for job in jobs:
                self._run_one(job)
            self._connection.execute("commit")
        except BaseException as error:  # noqa: BLE001 - raised by each thread whose job it was
            with suppress(sqlite3.Error):
                self._connection.execute("rollback")
            for job in jobs:
                job.error = job.error or error
        finally:
            for job in jobs:
                job.done = True

    def _run_one(self, job: _Job[object]) -> None:
        self._connection.execute("savepoint job")
        try:
            job.result = job.write(self._connection)
        except Exception as error:  # noqa: BLE001 - handed to the thread whose job it is
            job.error = error
            self._connection.execute("rollback to job")
        self._connection.execute("release job")
