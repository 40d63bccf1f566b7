"""Child processes that end with their parent, and a lock that waits for them.

A child that outlives a killed parent could still write. Two things prevent that: it watches its
parent, and it holds ``children.lock`` shared, which the next writer takes exclusively first.
"""

import fcntl
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait
from pathlib import Path

from m5data.errors import WorkspaceError
from storage.files import Layout

__all__ = ["die_with_parent", "enter_child", "wait_for_children", "waited_for"]

CHILDREN_SECONDS = 30.0
"""How long a new writer waits for a killed one's children; they notice within milliseconds."""
_STEP_SECONDS = 0.02


def die_with_parent() -> None:
    """End this process at once when its parent ends; call it first in a spawned child.

    Does nothing in a process that ``multiprocessing`` did not start.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_exit_after, args=(parent.sentinel,), daemon=True).start()


def enter_child(root: Path) -> None:
    """Make this process a child of the workspace's writer: it ends with its parent, and is waited for.

    The lock is held until the process ends. A child whose parent is gone by now ends here.
    """
    die_with_parent()
    descriptor = os.open(Layout(root).children_lock, os.O_RDWR | os.O_CREAT, 0o666)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    parent = multiprocessing.parent_process()
    if parent is not None and not parent.is_alive():
        os._exit(1)


@contextmanager
def waited_for(root: Path) -> Iterator[None]:
    """Do work for the workspace's writer in a process that outlives the work: the next writer waits for its end."""
    descriptor = os.open(Layout(root).children_lock, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def wait_for_children(layout: Layout, seconds: float = CHILDREN_SECONDS) -> None:
    """Wait until no child of an earlier writer lives.

    Raises:
        WorkspaceError: One still lives after ``seconds``.
    """
    descriptor = os.open(layout.children_lock, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        deadline = time.monotonic() + seconds
        while not _is_free(descriptor):
            if time.monotonic() > deadline:
                raise WorkspaceError(
                    f"{layout.root}: child processes of an earlier run still live after {seconds:g} s; "
                    f"end them (fuser {layout.children_lock}) and run again"
                )
            time.sleep(_STEP_SECONDS)
    finally:
        os.close(descriptor)


def _exit_after(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


def _is_free(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
