"""One writer a workspace."""

import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from m5data.errors import WorkspaceError
from storage.layout import Layout

__all__ = ["WriterLock"]


class WriterLock:
    """Exclusive lock of a workspace, held by this object, however often and by whichever thread it is taken.

    The kernel drops it when the process dies, however that happens.
    """

    def __init__(self, layout: Layout, recover: Callable[[], None]) -> None:
        self._layout = layout
        self._recover = recover
        self._mutex = threading.Lock()
        self._depth = 0
        self._descriptor = -1

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the lock; the outermost holder first repairs what a killed writer left.

        Raises:
            WorkspaceError: Another process, or another ``Store`` of this process, holds it.
        """
        with self._mutex:
            if self._depth == 0:
                self._acquire()
            self._depth += 1
        try:
            yield
        finally:
            with self._mutex:
                self._depth -= 1
                if self._depth == 0:
                    self._release()

    def _acquire(self) -> None:
        self._descriptor = os.open(self._layout.lock, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            self._lock()
            self._recover()
        except BaseException:
            self._release()
            raise

    def _lock(self) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            raise WorkspaceError(
                f"{self._layout.root}: another run (process {holder}) writes to this workspace; "
                "wait until it ends, reading is possible meanwhile"
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def _release(self) -> None:
        os.close(self._descriptor)
        self._descriptor = -1
