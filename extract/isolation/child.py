"""The decoder's side of a job. This module imports no decoder, so that limits are in force before one runs."""

import pickle
import resource
import signal
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from extract.isolation.message import Message, receive, send
from storage.children import exit_when_closed

__all__ = ["ChildLimits", "Handler", "main"]

Handler = Callable[[str, bytes], Message]
"""Takes the kind of a job and its bytes, and returns the reply."""

_HANDLER_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ChildLimits:
    """Limits of a decoder process that the operating system enforces."""

    memory_bytes: int
    """Address space beyond that of the process with its libraries loaded."""
    input_bytes: int
    """Longest job."""
    output_bytes: int
    """Longest file that it may write."""


def main(descriptor: int) -> None:
    """Handle the jobs that come over a socket, until the other side is closed.

    The first message brings the fields of ``ChildLimits`` and a pickled ``Handler``, whose loading
    imports the decoders.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    connection: Connection[bytes, bytes] = Connection(descriptor)
    exit_when_closed(descriptor)
    try:
        _serve(connection)
    except (EOFError, ConnectionError):  # the parent is gone
        return


def _serve(connection: "Connection[bytes, bytes]") -> None:
    first = receive(connection, _HANDLER_BYTES)
    limits = ChildLimits(**first.head)  # type: ignore[arg-type]  # the parent's own numbers
    handler: Handler = pickle.loads(first.bodies[0])  # noqa: S301 - comes from the parent
    _limit(limits)
    send(connection, Message({"ready": True}))
    while True:
        send(connection, _handle(handler, receive(connection, limits.input_bytes)))


def _handle(handler: Handler, job: Message) -> Message:
    try:
        return handler(str(job.head["kind"]), job.bodies[0])
    except MemoryError:
        return Message({"fault": "memory", "detail": "the decoder ran out of memory"})


def _limit(limits: ChildLimits) -> None:
    """Bound memory, written files and core dumps."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.output_bytes, limits.output_bytes))
    statm = Path("/proc/self/statm")
    if statm.exists():  # elsewhere than on Linux, address space is not limited
        used = int(statm.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + limits.memory_bytes, used + limits.memory_bytes))
