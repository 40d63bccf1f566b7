"""Group commit: the writes of many threads in one synced transaction."""

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
        self.turn = threading.Event()
        """Set when the job is done, or when its thread must run the waiting jobs."""
        self.done = False
        self.result: Result | None = None
        self.error: BaseException | None = None


class GroupCommit:
    """Connections shared by threads; writes that wait during a sync share the next transaction.

    A sync takes milliseconds for any amount of data, so 50 concurrent answers cost two syncs instead of fifty. The
    thread of the first waiting job runs all waiting jobs in order.

    Args:
        connect: Opens a connection in autocommit mode that several threads can use.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._writer, self._reader = connect(), connect()
        self._reading = threading.Lock()
        self._guard = threading.Lock()
        self._waiting: list[_Job[object]] = []
        self._busy = False

    def write(self, write: Write[Result]) -> Result:
        """Run ``write`` inside a transaction and return when it is synced.

        Raises:
            BaseException: Any error of ``write``, whose changes are rolled back, or of the commit.
        """
        job: _Job[Result] = _Job(write)
        if not self._leads(job):
            job.turn.wait()
        if not job.done:
            self._run_waiting()
        if job.error is not None:
            raise job.error
        return job.result  # type: ignore[return-value]  # set if there is no error

    def read(self, read: Write[Result]) -> Result:
        """Run ``read`` on the committed data, without waiting for writes."""
        with self._reading:
            return read(self._reader)

    def close(self) -> None:
        """Close the connections; no call may be in progress."""
        self._writer.close()
        self._reader.close()

    def _leads(self, job: _Job[Result]) -> bool:
        """Queue a job and return whether its thread must run the waiting jobs."""
        with self._guard:
            self._waiting.append(job)  # type: ignore[arg-type]  # each job keeps its own type
            leads, self._busy = not self._busy, True
        return leads

    def _run_waiting(self) -> None:
        """Run all waiting jobs, then wake their threads and the thread of the next waiting job."""
        with self._guard:
            jobs, self._waiting = self._waiting, []
        try:
            self._run(jobs)
        finally:
            with self._guard:
                self._busy = bool(self._waiting)
                following = self._waiting[:1]
            for job in (*following, *jobs):
                job.turn.set()

    def _run(self, jobs: list[_Job[object]]) -> None:
        try:
            self._writer.execute("begin immediate")
            for job in jobs:
                self._run_one(job)
            self._writer.execute("commit")
        except BaseException as error:  # noqa: BLE001 - raised by each thread whose job it was
            with suppress(sqlite3.Error):
                self._writer.execute("rollback")
            for job in jobs:
                job.error = job.error or error
        finally:
            for job in jobs:
                job.done = True

    def _run_one(self, job: _Job[object]) -> None:
        self._writer.execute("savepoint job")
        try:
            job.result = job.write(self._writer)
        except Exception as error:  # noqa: BLE001 - handed to the thread whose job it is
            job.error = error
            self._writer.execute("rollback to job")
        self._writer.execute("release job")
