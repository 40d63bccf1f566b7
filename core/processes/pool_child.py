"""The child's side of a job. This module imports no decoder or parser, so that limits are in force before one runs."""

import gc
import pickle
import resource
import signal
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from core.processes.children import exit_when_closed
from core.processes.message import Message, receive, send

__all__ = ["ChildLimits", "Handler", "main"]

Handler = Callable[[str, bytes], Message]
"""Function of a job's kind and bytes that returns the reply."""

_HANDLER_BYTES = 1 << 20
_STATM = Path("/proc/self/statm")


@dataclass(frozen=True, slots=True)
class ChildLimits:
    """Limits of a process that the operating system enforces."""

    memory_bytes: int
    """Address space beyond that of the process with its libraries loaded."""
    input_bytes: int
    """Largest job."""
    output_bytes: int
    """Largest file that it may write."""


def main(descriptor: int) -> None:
    """Handle the jobs that come over a socket, until the other side is closed.

    The first message brings the fields of ``ChildLimits`` and a pickled ``Handler``, whose loading
    imports the decoder or parser.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    connection: Connection[bytes, bytes] = Connection(descriptor)
    exit_when_closed(descriptor)
    try:
        _serve(connection)
    except (EOFError, ConnectionError):  # the parent has ended
        return


def _serve(connection: "Connection[bytes, bytes]") -> None:
    first = receive(connection, _HANDLER_BYTES)
    limits = ChildLimits(**first.head)  # type: ignore[arg-type]  # the parent's own numbers
    handler: Handler = pickle.loads(first.bodies[0])  # noqa: S301 - comes from the parent
    gc.freeze()  # the handler's modules stay for good; scanning their objects takes 5 % of the time of a page
    most = _limit(limits)
    send(connection, Message({"ready": True}))
    while True:
        reply = _handle(handler, receive(connection, limits.input_bytes))
        last = _used() > most  # the next job must not lack the memory that this one leaves in use
        send(connection, Message({**reply.head, "last": True}, reply.bodies) if last else reply)


def _handle(handler: Handler, job: Message) -> Message:
    try:
        return handler(str(job.head["kind"]), job.bodies[0])
    except MemoryError:
        return Message({"fault": "memory", "detail": "its process ran out of memory"})


def _limit(limits: ChildLimits) -> int:
    """Bound memory, written files and core dumps.

    Returns:
        Address space above which the process is replaced: half of its allowance is in use after a job.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.output_bytes, limits.output_bytes))
    used = _used()
    if used:  # address space is limited only on Linux
        resource.setrlimit(resource.RLIMIT_AS, (used + limits.memory_bytes, used + limits.memory_bytes))
    return used + limits.memory_bytes // 2


def _used() -> int:
    """Return the bytes of this process's address space; 0 if the system does not say."""
    try:
        with _STATM.open("rb") as file:
            return int(file.readline().split()[0]) * resource.getpagesize()
    except FileNotFoundError:
        return 0
