"""One decoder process, seen from the run."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict
from multiprocessing.connection import Connection, Pipe

from extract.isolation.child import ChildLimits
from extract.isolation.message import Message, receive, send
from m5data.errors import DataError

__all__ = ["DecoderProcess"]

_START_SECONDS = 60.0
_GRACE_SECONDS = 1.0
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
            ended = self.end(_GRACE_SECONDS)
            raise DataError(f"decoder process: wanted it to start, got {ended}; see what it wrote above")
