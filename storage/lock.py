"""The only writer of a workspace: its lock, its child processes, and recovery after a killed writer."""

import fcntl
import logging
import multiprocessing
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from socket import gethostname
from typing import Any

from core.errors import M5DataError, WorkspaceError
from core.files import sweep_temporaries
from core.paths import inside
from core.processes.children import die_with_parent
from core.small_files import check, read_json
from storage.files import OWN_SEGMENT, SEGMENT, Layout
from storage.location import FolderLocation
from storage.objects.index import ObjectIndex
from storage.spool import spools_at
from storage.tables import TABLES
from storage.tables.delta import DeltaLog
from storage.untrusted import is_only_read
from storage.versions import VersionRecord
from storage.working_copy import fetch_all

__all__ = [
    "WriterLock",
    "clear_staging",
    "enter_child",
    "held_alone",
    "holder_of",
    "recover",
    "wait_for_children",
]

CHILDREN_SECONDS = 30.0
"""How long a new writer waits for the children of a killed one; they notice within milliseconds."""
_STEP_SECONDS = 0.02
_SHARED = frozenset({"nfs", "nfs4", "cifs", "smb3", "fuse.sshfs"})
"""Network file systems, which may be mounted so that other machines do not see a machine's locks."""

_LOG = logging.getLogger(__name__)


class WriterLock:
    """Exclusive lock of a workspace; its holder may take it again, in any thread.

    The kernel releases it when the process dies. A disk that other machines may write to without seeing the lock is
    guarded by the file's content as well: the holder's process and host, removed when it ends normally.
    """

    def __init__(self, layout: Layout, recover: Callable[[], None], leave: Callable[[], None]) -> None:
        self._layout = layout
        self._recover = recover
        self._leave = leave
        self._mutex = threading.Lock()
        self._depth = 0
        self._descriptor = -1

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the lock; the outermost block recovers from a killed writer first, and ends the run last.

        If the block fails, its error is raised, and an error while ending the run is logged.

        Raises:
            WorkspaceError: Another process, or another ``Store`` of this process, holds it.
        """
        with self._mutex:
            if self._depth == 0:
                self._acquire()
            self._depth += 1
        try:
            yield
        except BaseException:
            try:
                self._end()
            except M5DataError as error:
                _LOG.warning("after a failure: %s", error)
            raise
        self._end()

    def _end(self) -> None:
        with self._mutex:
            self._depth -= 1
            if self._depth == 0:
                try:
                    self._leave()
                finally:
                    with suppress(OSError):  # a disk that has become read-only
                        os.ftruncate(self._descriptor, 0)
                    self._release()

    def _acquire(self) -> None:
        if is_only_read():
            raise WorkspaceError(f"{self._layout.root}: it was opened only to be read. Leave out --untrusted.")
        try:
            try:
                self._descriptor = os.open(self._layout.lock, os.O_RDWR | os.O_CREAT, 0o666)
                self._lock()
            except OSError as error:
                raise WorkspaceError(
                    f"{self._layout.lock}: cannot be written: {error.strerror}. "
                    "Make room, or grant the right to write: m5data doctor says what is wrong."
                ) from None
            self._recover()
        except BaseException:
            self._release()
            raise

    def _lock(self) -> None:
        process, _, host = os.pread(self._descriptor, 300, 0).decode(errors="replace").strip().partition(" ")
        if not _is_free(self._descriptor):
            raise WorkspaceError(
                f"{self._layout.root}: another run (process {process or 'unknown'}) writes to this workspace. "
                "Wait until it ends; reading is possible meanwhile."
            )
        with self._layout.lock.open("a") as other:
            if _is_free(other.fileno()):
                raise WorkspaceError(
                    f"{self._layout.root}: this disk does not keep locks, so that two runs could write at once. "
                    "Move the workspace to a local disk, or with m5data copy to an object store."
                )
        if host not in {"", gethostname()} and _is_shared(self._layout.root):
            raise WorkspaceError(
                f"{self._layout.root}: process {process} on {host} writes to this workspace, or was killed. "
                f"If it runs no more, remove {self._layout.lock} and run again."
            )
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()} {gethostname()}\n".encode(), 0)

    def _release(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1


@contextmanager
def held_alone(folder: Path, what: str) -> Iterator[None]:
    """Lock a folder that is written to outside the workspace's lock; the kernel frees it when the process dies.

    The processes of one torchrun share the lock, which rank 0 takes.

    Raises:
        WorkspaceError: Another process holds it.
    """
    if os.environ.get("RANK", "0") != "0":
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if not _is_free(descriptor):
            raise WorkspaceError(f"{what}: another process works in {folder}. Wait until it ends, or end it.")
        yield
    finally:
        os.close(descriptor)


def holder_of(root: Path) -> int | None:
    """Return the process that holds a workspace for writing, None if none does; takes no lock.

    The lock file names the last holder. On Linux the kernel's list of locks shows whether it still holds the lock;
    elsewhere a live process of that number counts as the holder.
    """
    path = Layout(root).lock
    try:
        process = int(path.read_bytes().split()[0])
        inode = path.stat().st_ino
    except (FileNotFoundError, ValueError, IndexError):
        return None
    locks = Path("/proc/locks")
    if locks.is_file():
        held = (line.split() for line in locks.read_text(encoding="ascii").splitlines())
        return process if any(_is_on(words, inode) for words in held) else None
    try:
        os.kill(process, 0)
    except OSError:
        return None
    return process


def _is_on(words: list[str], inode: int) -> bool:
    """Return whether a line of /proc/locks (number, FLOCK, ADVISORY, WRITE, process, device:inode) has this inode."""
    return words[1:4] == ["FLOCK", "ADVISORY", "WRITE"] and words[5].rpartition(":")[2] == str(inode)


def enter_child(root: Path) -> None:
    """Make this process a child of the workspace's writer: it ends with its parent, and the next writer waits for it.

    The lock is held until the process ends. A child whose parent has already ended exits here.
    """
    die_with_parent()
    descriptor = os.open(Layout(root).children_lock, os.O_RDWR | os.O_CREAT, 0o666)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    parent = multiprocessing.parent_process()
    if parent is not None and not parent.is_alive():
        os._exit(1)


def wait_for_children(layout: Layout, seconds: float = CHILDREN_SECONDS) -> None:
    """Wait until all children of an earlier writer have ended, because they could still write.

    Raises:
        WorkspaceError: One still lives after ``seconds``.
    """
    descriptor = os.open(layout.children_lock, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        deadline = time.monotonic() + seconds
        while not _is_free(descriptor):
            if time.monotonic() > deadline:
                raise WorkspaceError(
                    f"{layout.root}: child processes of an earlier run still live after {seconds:g} s. "
                    f"End them (fuser {layout.children_lock}) and run again."
                )
            time.sleep(_STEP_SECONDS)
    finally:
        os.close(descriptor)


def _is_free(descriptor: int) -> bool:
    """Take the lock of an open file; return whether it was free, as it always is on a disk without locks."""
    with suppress(OSError):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def _is_shared(folder: Path) -> bool:
    """Return whether a folder is on a network file system, which other machines may have mounted."""
    mounts = Path("/proc/self/mounts")
    if not mounts.is_file():
        return False
    kinds = {Path(words[1]): words[2] for words in map(str.split, mounts.read_text(errors="replace").splitlines())}
    return next((kinds[place] in _SHARED for place in (folder, *folder.parents) if place in kinds), False)


def recover(layout: Layout, pinned: VersionRecord, index: ObjectIndex, now: datetime) -> None:
    """Undo everything that the newest version ``pinned`` does not hold. Requires the lock.

    Spooled partitions stay: they are finished work.

    Raises:
        WorkspaceError: A repair was interrupted.
        CorruptObjectError: The index of objects is older than ``pinned``, and segments hold more than the tables know.
    """
    if layout.repair.exists():
        raise WorkspaceError(f"{layout.root}: a repair was interrupted. Run m5data repair, which finishes it.")
    if index.assigned() < pinned.indexed:
        index.fill_again()
    sweep_temporaries(layout.root)
    here = FolderLocation(layout.root)
    for folder in spools_at(here, pinned)[1]:
        here.clear(folder)
    clear_staging(layout, pinned, now)
    _sweep_segments(layout, index.segments())


def clear_staging(layout: Layout, pinned: VersionRecord, now: datetime) -> None:
    """Roll back table commits that ``pinned`` does not hold, and remove files of unfinished commits."""
    for path in _unfinished(layout, pinned):
        path.unlink(missing_ok=True)
    for spec in TABLES.values():
        folder = layout.table(spec.name)
        if not folder.is_dir():
            continue
        if spec.name not in pinned.tables:
            shutil.rmtree(folder)
            continue
        log = DeltaLog(folder, spec)
        log.sweep()
        if log.head() != pinned.tables[spec.name]:
            log.converge(log.files(pinned.tables[spec.name]), now)
    if layout.staging.is_dir():
        shutil.rmtree(layout.staging)


def _unfinished(layout: Layout, pinned: VersionRecord) -> Iterator[Path]:
    """Yield data files that an unfinished commit was moving into place and ``pinned`` does not hold."""
    if not layout.manifest.is_file():
        return
    moving = read_json(layout.manifest, _lists, "Remove the folder that it is in: the stage is run again.")
    for name, paths in moving.items():
        folder = inside(layout.tables, name)
        known = _pinned_paths(layout, name, pinned)
        unfinished = [path for path in paths if path not in known]
        fetch_all(layout.root, tuple(f"tables/{name}/{path}" for path in unfinished))
        yield from (inside(folder, path) for path in unfinished)


def _lists(data: Any) -> dict[str, list[str]]:  # noqa: ANN401 - JSON
    return {name: [check(path, str, name) for path in check(paths, list, name)] for name, paths in data.items()}


def _pinned_paths(layout: Layout, name: str, pinned: VersionRecord) -> set[str]:
    if name not in pinned.tables:
        return set()
    files = DeltaLog(layout.table(name), TABLES[name]).files(pinned.tables[name])
    return {file.path for file in files}


def _sweep_segments(layout: Layout, known: Mapping[str, int]) -> None:
    """Remove segments that the index does not know, and bytes beyond the lengths that it records.

    Segments in use stay and, while a stage has unfinished work, so do those that its tasks may have created.
    """
    spared = any(layout.spool.rglob("*.arrow"))
    for path in sorted(path for path in layout.objects.iterdir() if SEGMENT.fullmatch(path.name)):
        if spared and path.name not in known and OWN_SEGMENT.fullmatch(path.name):
            continue
        descriptor = os.open(path, os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.name not in known:
                path.unlink()
            elif os.fstat(descriptor).st_size > known[path.name]:
                os.ftruncate(descriptor, known[path.name])
        except BlockingIOError:  # a process of this run writes to it
            continue
        finally:
            os.close(descriptor)
