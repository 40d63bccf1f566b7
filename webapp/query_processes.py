"""Processes for the queries of people: their memory, time and place are limited from outside, by a kill if need be."""

import json
import pickle
import shutil
import tempfile
import threading
import time
from pathlib import Path

from core.errors import DataError, QueryError
from core.processes.pool import PoolProcess
from core.processes.pool_child import ChildLimits
from storage import Snapshot
from webapp.query_result import MAX_FILE_BYTES, QueryResult, answer
from webapp.requests import Stop

__all__ = ["MAX_SECONDS", "QueryProcesses"]

MAX_SECONDS = 10.0
"""Seconds after which a query is stopped, waiting for a process included."""
_GRACE_S = 1.0
"""Seconds more after which its process is killed: single values cannot be interrupted."""
_PROCESSES = 2
_LIMITS = ChildLimits(memory_bytes=3 << 29, input_bytes=1 << 20, output_bytes=1 << 31)
_LARGEST_RESULT = MAX_FILE_BYTES + (1 << 20)
"""Bytes of a reply."""
_STEP_S = 0.2
_BUSY = "sql: other queries keep this server busy. Ask again in a moment."
_TOO_LONG = "sql: the query was stopped, because it took too long. Narrow it or add a LIMIT."
_TOO_LARGE = "sql: the query was stopped, because it needs too much memory. Select or compute less in one value."


class QueryProcesses:
    """At most two processes that each run one query at a time; thread-safe."""

    def __init__(self) -> None:
        self._handler = pickle.dumps(answer)
        self._free = threading.Semaphore(_PROCESSES)
        self._idle: list[_Process] = []
        self._busy: set[_Process] = set()
        self._mutex = threading.Lock()
        self._closed = False

    def run(self, snapshot: Snapshot, query: str, stop: Stop) -> QueryResult:
        """Return the first rows of one SELECT; wait for a free process.

        Args:
            snapshot: The dataset version.
            query: SQL.
            stop: Set when nobody waits for the result any more.

        Raises:
            QueryError: The query is wrong, exceeds its limits, was stopped, or no process was free in time.
        """
        fields = json.loads(self._run("page", snapshot, query, stop))
        rows, bars = (tuple(map(tuple, fields[name])) for name in ("rows", "bars"))
        return QueryResult(tuple(fields["columns"]), rows, fields["more"], bars)

    def file(self, snapshot: Snapshot, query: str, form: str, stop: Stop) -> bytes:
        """Return a file of all rows of one SELECT, at most ``MAX_FILE_BYTES`` long; otherwise like ``run``.

        Args:
            snapshot: The dataset version.
            query: SQL.
            form: ``csv`` (for spreadsheets) or ``parquet``.
            stop: As in ``run``.

        Raises:
            QueryError: As in ``run``; or the file would be longer.
        """
        return self._run(form, snapshot, query, stop)

    def _run(self, kind: str, snapshot: Snapshot, query: str, stop: Stop) -> bytes:
        deadline = time.monotonic() + MAX_SECONDS
        while not self._free.acquire(timeout=_STEP_S):
            if stop.is_set() or self._closed or time.monotonic() >= deadline:
                raise QueryError(_BUSY)
        try:
            process, is_reusable = self._take(), False
            try:
                if not process.starts_by(deadline, stop):
                    is_reusable = True  # by the next query
                    raise QueryError(_BUSY)
                result = process.ask(kind, snapshot, query, deadline, stop)
                is_reusable = True
                return result
            finally:
                with self._mutex:
                    self._busy.discard(process)
                if is_reusable:
                    self._give_back(process)
                else:
                    process.end()
        finally:
            self._free.release()
            self.warm()

    def close(self) -> None:
        """Kill all processes."""
        with self._mutex:
            self._closed = True
            ending, self._idle = [*self._idle, *self._busy], []
        for process in ending:
            process.end()

    def _take(self) -> "_Process":
        with self._mutex:
            if self._closed:
                raise QueryError(_BUSY)
            process = self._idle.pop() if self._idle else _Process(self._handler)
            self._busy.add(process)
            return process

    def _give_back(self, process: "_Process") -> None:
        with self._mutex:
            if not process.is_used_up and not self._closed:
                self._idle.append(process)
                return
        process.end()

    def warm(self) -> None:
        """Start a process, if none is idle and one more is allowed, so that the next query need not wait for it."""
        with self._mutex:
            if not self._idle and len(self._busy) < _PROCESSES and not self._closed:
                self._idle.append(_Process(self._handler))


class _Process:
    """One process, and its folder for data beyond its memory."""

    def __init__(self, handler: bytes) -> None:
        self._scratch = Path(tempfile.mkdtemp(prefix="m5data-query-"))
        self._process = PoolProcess(handler, _LIMITS)
        self._ending = threading.Lock()
        self.is_used_up = False
        """Whether it keeps so much memory that it should be replaced."""

    def starts_by(self, deadline: float, stop: Stop) -> bool:
        """Return whether the process is ready before a moment, and before nobody waits for it any more.

        Raises:
            QueryError: It cannot be started.
        """
        try:
            while not self._process.is_ready(_STEP_S):
                if stop.is_set() or time.monotonic() >= deadline:
                    return False
        except DataError as error:
            raise QueryError(f"sql: {error}") from error
        return True

    def ask(self, kind: str, snapshot: Snapshot, query: str, deadline: float, stop: Stop) -> bytes:
        """Return the result of a query, in the form that ``kind`` names in ``answer``.

        Raises:
            QueryError: As ``QueryProcesses.run``; other errors are raised so, too, because the process has ended.
        """
        asked = {
            "root": str(snapshot.root),
            "version": snapshot.number,
            "query": query,
            "seconds": max(deadline - time.monotonic(), _STEP_S),
            "scratch": str(self._scratch),
        }
        try:
            self._process.submit(kind, json.dumps(asked).encode())
            while not self._process.connection.poll(_STEP_S):
                if stop.is_set() or time.monotonic() >= deadline + _GRACE_S:
                    raise QueryError(_TOO_LONG)
            reply = self._process.result(_LARGEST_RESULT)
        except (EOFError, OSError, ValueError, DataError) as error:
            if isinstance(error, QueryError):
                raise
            raise QueryError(_TOO_LARGE) from error
        self.is_used_up = bool(reply.head.get("last"))
        if reply.head.get("fault") == "memory":
            raise QueryError(_TOO_LARGE)
        if "error" in reply.head:
            said = str(reply.head["error"])
            raise QueryError(_TOO_LARGE if "Out of Memory" in said else said)
        return reply.bodies[0]

    def end(self) -> None:
        """Kill the process and remove its folder."""
        with self._ending:
            self._process.end()
            shutil.rmtree(self._scratch, ignore_errors=True)
