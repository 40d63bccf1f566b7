"""The decoder's side. This module imports the standard library alone, so that its limits come before any decoder."""

import multiprocessing
import os
import pickle
import resource
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path

from extract.isolation.message import Message, receive, send

__all__ = ["ChildLimits", "Handler", "serve"]

Handler = Callable[[str, bytes], Message]
"""Takes the kind of a job and its bytes."""

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class ChildLimits:
    """What the operating system holds a decoder to."""

    memory_bytes: int
    """Address space beyond what the process has once its libraries are loaded."""
    input_bytes: int
    """Longest job."""
    output_bytes: int
    """Longest file it may write, should it ever write one."""


def serve(connection: "Connection[bytes, bytes]", handler: bytes, limits: ChildLimits) -> None:
    """Answer jobs until the other side closes the connection; ends at once when the parent ends.

    Args:
        connection: Jobs come in and answers go out here.
        handler: A pickled ``Handler``, made by the parent; loading it imports the decoders.
        limits: Set once they are loaded.
    """
    _end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    for name in _ONE_THREAD:
        os.environ[name] = "1"
    handle: Handler = pickle.loads(handler)  # noqa: S301 - from the parent, over its own arguments
    _limit(limits)
    send(connection, Message({"ready": True}))
    while True:
        try:
            job = receive(connection, limits.input_bytes)
        except EOFError:
            return
        send(connection, _answer(handle, job))


def _answer(handle: Handler, job: Message) -> Message:
    try:
        return handle(str(job.head["kind"]), job.bodies[0])
    except MemoryError:
        return Message({"fault": "memory", "detail": "the decoder ran out of memory"})


def _end_with_parent() -> None:
    """Watch the parent; ``storage.children`` does the same, but costs half a second to import."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_exit_after, args=(parent.sentinel,), daemon=True).start()


def _exit_after(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


def _limit(limits: ChildLimits) -> None:
    """Bound memory, written files and core dumps."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.output_bytes, limits.output_bytes))
    statm = Path("/proc/self/statm")
    if statm.exists():  # elsewhere than on Linux, address space is not limited
        used = int(statm.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + limits.memory_bytes, used + limits.memory_bytes))
