"""Decoder processes and the pool that hands them jobs."""

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
from typing import Self

from extract.isolation.child import ChildLimits, Handler
from extract.isolation.message import Message, receive, send
from extract.results import Fault
from m5data.errors import DataError

__all__ = ["DecoderPool", "DecoderProcess", "Job", "PoolLimits"]

_START_SECONDS = 60.0
_START_GRACE_SECONDS = 1.0
_BOOT = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from extract.isolation.child import main
main(int(sys.argv[2]))
"""
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class DecoderProcess:
    """A process of its own program that answers one job at a time.

    It imports the handler's module and nothing of the main program, which ``multiprocessing`` would
    import again, and which may load much.

    Args:
        handler: A pickled ``extract.isolation.child.Handler``.
        limits: What it is held to.
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
        with suppress(OSError):  # where it has ended already, the first job will say so
            send(self.connection, Message(asdict(limits), (handler,)))
        self._ready = False
        self._since = 0.0

    @property
    def busy_seconds(self) -> float:
        """How long it has been at its present job."""
        return time.monotonic() - self._since

    def submit(self, kind: str, data: bytes) -> None:
        """Hand over a job.

        Raises:
            OSError: The process is gone.
            DataError: It does not even start.
        """
        self._await_start()
        send(self.connection, Message({"kind": kind}, (data,)))
        self._since = time.monotonic()

    def result(self, limit: int) -> Message:
        """Return the answer, which must be there to be read; ``limit`` as in ``receive``.

        Raises:
            EOFError: The process ended itself.
            OSError: Likewise, or the answer is too long.
            ValueError: The answer is none.
        """
        return receive(self.connection, limit)

    def end(self, grace_s: float = 0.0) -> str:
        """End the process, and return how it ended: a signal's name or an exit code.

        Args:
            grace_s: How long it may take to end by itself.
        """
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=grace_s)
        self._process.kill()
        code = self._process.wait()
        self.connection.close()
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def _await_start(self) -> None:
        if self._ready:
            return
        try:
            started = self.connection.poll(_START_SECONDS)
            self._ready = started and bool(receive(self.connection, 0).head.get("ready"))
        except (EOFError, OSError, ValueError):
            self._ready = False
        if not self._ready:
            ended = self.end(_START_GRACE_SECONDS)
            raise DataError(f"decoder process: wanted it to start, got {ended}; see what it wrote above")


_GRACE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Job:
    """Some bytes to be handled."""

    key: str
    """Names it in the answers."""
    kind: str
    data: bytes


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """What one job may cost."""

    seconds: float
    memory_bytes: int
    input_bytes: int
    output_bytes: int


class DecoderPool:
    """A context manager: its processes start with the first job and end with the block.

    Args:
        handler: Called in the processes; importable from its module.
        processes: How many; as many jobs run at a time.
        limits: For each job.
    """

    def __init__(self, handler: Handler, processes: int, limits: PoolLimits) -> None:
        self._handler = pickle.dumps(handler)
        self._processes = processes
        self._limits = limits
        self._idle: list[DecoderProcess] = []
        self._busy: dict[DecoderProcess, Job] = {}

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
        """Yield every job with its answer, in the order in which they are finished.

        One job more than there are processes is held in memory. A process that crashes, hangs or
        answers too much is ended and replaced, and its job gets a fault.

        Raises:
            DataError: Processes do not start.
        """
        upcoming = next(jobs, None)
        if upcoming is not None:
            missing = self._processes - len(self._idle)
            self._idle += [self._spawn() for _ in range(missing)]  # all at once: they load side by side
        while upcoming is not None or self._busy:
            while upcoming is not None and len(self._busy) < self._processes:
                self._start(upcoming)
                upcoming = next(jobs, None)
            for process in self._finished():
                answered = self._collect(process)
                if upcoming is not None:  # before the answer is looked at: no process waits for that
                    self._start(upcoming)
                    upcoming = next(jobs, None)
                yield answered

    def _start(self, job: Job) -> None:
        """Give a job to an idle process, or to a new one."""
        process = self._idle.pop() if self._idle else self._spawn()
        try:
            process.submit(job.kind, job.data)
        except OSError:  # it ended while it was idle, which is not the job's fault
            process.end()
            process = self._spawn()
            process.submit(job.kind, job.data)
        self._busy[process] = job

    def _spawn(self) -> DecoderProcess:
        limits = self._limits
        return DecoderProcess(self._handler, ChildLimits(limits.memory_bytes, limits.input_bytes, limits.output_bytes))

    def _finished(self) -> list[DecoderProcess]:
        """Wait for an answer or a deadline; return the processes that have one of both."""
        left = min(self._limits.seconds - process.busy_seconds for process in self._busy)
        ready = set(wait([process.connection for process in self._busy], timeout=max(left, 0)))
        return [
            process
            for process in self._busy
            if process.connection in ready or process.busy_seconds >= self._limits.seconds
        ]

    def _collect(self, process: DecoderProcess) -> tuple[Job, Message | Fault]:
        """Take a process's answer, or what became of it."""
        job = self._busy.pop(process)
        if not process.connection.poll():
            process.end()
            return job, Fault("timeout", f"wanted an answer within {self._limits.seconds:g} s")
        try:
            answer = process.result(self._limits.output_bytes)
        except (EOFError, ConnectionError):
            return job, Fault("crashed", f"its decoder ended with {process.end(_GRACE_SECONDS)}")
        except OSError:
            process.end()
            return job, Fault("output_limit", f"wanted at most {self._limits.output_bytes} bytes of results")
        except ValueError:
            process.end()
            return job, Fault("crashed", "its decoder's answer makes no sense")
        self._idle.append(process)
        return job, answer
