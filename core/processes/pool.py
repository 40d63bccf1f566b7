"""A pool of processes, each of which handles one job at a time."""

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection, Pipe, wait
from types import TracebackType
from typing import NoReturn, Self

from core.errors import DataError
from core.processes.message import Fault, Message, receive, send
from core.processes.pool_child import ChildLimits, Handler

__all__ = ["ChildPool", "Job", "PoolLimits", "PoolProcess", "processes_for"]

_START_SECONDS = 60.0
_START_GRACE_SECONDS = 1.0
_BOOT = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from core.processes.pool_child import main
main(int(sys.argv[2]))
"""
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class PoolProcess:
    """A separate program that handles one job at a time.

    It imports the handler's module and nothing else; ``multiprocessing`` would import the main program again.

    Args:
        handler: A pickled ``core.processes.pool_child.Handler``.
        limits: Enforced by the operating system.
    """

    def __init__(self, handler: bytes, limits: ChildLimits) -> None:
        self.connection: Connection[bytes, bytes]
        self.connection, theirs = Pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _BOOT, json.dumps(sys.path), str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            env={**os.environ, **_ONE_THREAD},
        )
        theirs.close()
        with suppress(OSError):  # it has ended already: the first job will report it
            send(self.connection, Message(asdict(limits), (handler,)))
        self._ready = False
        self._since = 0.0

    @property
    def busy_seconds(self) -> float:
        """Seconds since its job was submitted."""
        return time.monotonic() - self._since

    def submit(self, kind: str, data: bytes) -> None:
        """Send a job.

        Raises:
            OSError: The process has ended.
            DataError: It did not start.
        """
        self._await_start()
        send(self.connection, Message({"kind": kind}, (data,)))
        self._since = time.monotonic()

    def result(self, limit: int) -> Message:
        """Return the reply, which must be ready; ``limit`` as in ``receive``.

        Raises:
            EOFError: The process has ended.
            OSError: Likewise, or the reply is too long.
            ValueError: The reply is malformed.
        """
        return receive(self.connection, limit)

    def end(self, grace_s: float = 0.0) -> str:
        """End the process, and return a signal's name or its exit code.

        Args:
            grace_s: Seconds that it gets to end by itself.
        """
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=grace_s)
        self._process.kill()
        code = self._process.wait()
        self.connection.close()
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def is_ready(self, seconds: float) -> bool:
        """Return whether the process has started, after waiting for that for at most some seconds.

        Raises:
            DataError: It has ended instead.
        """
        if self._ready or not self.connection.poll(seconds):
            return self._ready
        try:
            self._ready = bool(receive(self.connection, 0).head.get("ready"))
        except (EOFError, OSError, ValueError):
            self._ready = False
        if not self._ready:
            self._refuse()
        return True

    def _await_start(self) -> None:
        if not self.is_ready(_START_SECONDS):
            self._refuse()

    def _refuse(self) -> NoReturn:
        ended = self.end(_START_GRACE_SECONDS)
        raise DataError(f"a child process did not start: {ended}. See its message above.")


_GRACE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Job:
    """Bytes for a process of the pool."""

    key: str
    """Name of the job."""
    kind: str
    data: bytes


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """Limits of one job."""

    seconds: float
    memory_bytes: int
    input_bytes: int
    output_bytes: int


class ChildPool:
    """A context manager for a pool; its processes start with the first job and end with the block.

    Args:
        handler: Called in the processes; importable from its module.
        processes: Number of processes, and of jobs that run at a time.
        limits: Limits of each job.
    """

    def __init__(self, handler: Handler, processes: int, limits: PoolLimits) -> None:
        self._handler = pickle.dumps(handler)
        self._processes = processes
        self._limits = limits
        self._idle: list[PoolProcess] = []
        self._busy: dict[PoolProcess, Job] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in (*self._idle, *self._busy):
            process.end()
        self._idle.clear()
        self._busy.clear()

    def run(self, jobs: Iterator[Job]) -> Iterator[tuple[Job, Message | Fault]]:
        """Yield every job with its reply, in order of completion.

        One job more than there are processes is held in memory. A process that crashes, hangs or
        sends too large a reply is ended and replaced, and its job gets a fault.

        Raises:
            DataError: Processes do not start.
        """
        upcoming = next(jobs, None)
        if upcoming is not None:
            missing = self._processes - len(self._idle)
            self._idle += [self._spawn() for _ in range(missing)]  # all at once, so that they load in parallel
        while upcoming is not None or self._busy:
            while upcoming is not None and len(self._busy) < self._processes:
                self._start(upcoming)
                upcoming = next(jobs, None)
            for process in self._finished():
                finished = self._collect(process)
                if upcoming is not None:  # before the reply is processed, so that no process waits for that
                    self._start(upcoming)
                    upcoming = next(jobs, None)
                yield finished

    def _start(self, job: Job) -> None:
        """Send a job to an idle process, or to a new one."""
        process = self._idle.pop() if self._idle else self._spawn()
        try:
            process.submit(job.kind, job.data)
        except OSError:  # it ended while it was idle: not the job's fault
            process.end()
            process = self._spawn()
            process.submit(job.kind, job.data)
        self._busy[process] = job

    def _spawn(self) -> PoolProcess:
        limits = self._limits
        return PoolProcess(self._handler, ChildLimits(limits.memory_bytes, limits.input_bytes, limits.output_bytes))

    def _finished(self) -> list[PoolProcess]:
        """Wait for a reply or a deadline; return the processes that have either."""
        left = min(self._limits.seconds - process.busy_seconds for process in self._busy)
        ready = set(wait([process.connection for process in self._busy], timeout=max(left, 0)))
        return [
            process
            for process in self._busy
            if process.connection in ready or process.busy_seconds >= self._limits.seconds
        ]

    def _collect(self, process: PoolProcess) -> tuple[Job, Message | Fault]:
        """Return a job with the reply of its process, or the fault."""
        job = self._busy.pop(process)
        if not process.connection.poll():
            process.end()
            return job, Fault("timeout", f"no result within {self._limits.seconds:g} s")
        try:
            reply = process.result(self._limits.output_bytes)
        except (EOFError, ConnectionError):
            return job, Fault("crashed", f"its process ended with {process.end(_GRACE_SECONDS)}")
        except OSError:
            process.end()
            return job, Fault("output_limit", f"the results take more than {self._limits.output_bytes} bytes")
        except ValueError:
            process.end()
            return job, Fault("crashed", "its process's reply is invalid")
        if reply.head.get("last"):
            process.end()
        else:
            self._idle.append(process)
        return job, reply


def processes_for(workers: int | None, items: int) -> int:
    """Return how many processes to start: ``workers``, else one per core, and at most one per item."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(workers or cores, items))
