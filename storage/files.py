"""Files of a workspace: their paths, and functions that write, sync and hash them."""

import errno
import fcntl
import hashlib
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

__all__ = [
    "DATABASES",
    "DOWNLOADS",
    "FRONTIERS",
    "INDEX",
    "OF_A_RUN",
    "OWN_SEGMENT",
    "SEGMENT",
    "TEMPORARY",
    "Layout",
    "databases",
    "file_sha256",
    "is_database",
    "remove_database",
    "replace_file",
    "replacing",
    "sweep_temporaries",
    "sync_file",
    "sync_folder",
    "temporary_file",
]

STATE, INDEX, DOWNLOADS = "state.sqlite", "index.sqlite", "downloads.sqlite"
DATABASES = (STATE, INDEX, DOWNLOADS)
"""SQLite files. All except the state are rebuilt from tables if they are missing."""
FRONTIERS = "frontiers"
"""Folder of further SQLite files, one per crawled source."""

OF_A_RUN = frozenset(
    {"lock", "children.lock", "staging", "spool"} | {f"{name}-{log}" for name in DATABASES for log in ("wal", "shm")}
)
"""Top-level names that belong to a run, not to the workspace: a copy omits them."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths of one workspace's store; nothing here touches the disk."""

    root: Path

    @property
    def tables(self) -> Path:
        """Delta tables, one folder per table."""
        return self.root / "tables"

    @property
    def objects(self) -> Path:
        """WARC segments."""
        return self.root / "objects"

    @property
    def versions(self) -> Path:
        """Dataset versions, one JSON file per version."""
        return self.root / "versions"

    @property
    def state(self) -> Path:
        """SQLite file of data that changes row by row."""
        return self.root / STATE

    @property
    def index(self) -> Path:
        """SQLite file of the index of objects."""
        return self.root / INDEX

    @property
    def downloads(self) -> Path:
        """SQLite file of the queue of downloads."""
        return self.root / DOWNLOADS

    @property
    def frontiers(self) -> Path:
        """SQLite files of the crawl's frontiers."""
        return self.root / FRONTIERS

    @property
    def repair(self) -> Path:
        """Journal of an unfinished repair."""
        return self.root / "repair.pending"

    @property
    def staging(self) -> Path:
        """Files of the running stage; empty or absent between runs."""
        return self.root / "staging"

    @property
    def manifest(self) -> Path:
        """Names of the data files that a commit is about to move into place."""
        return self.staging / "manifest.json"

    @property
    def spool(self) -> Path:
        """Finished partitions of stages that have not committed yet."""
        return self.root / "spool"

    @property
    def lock(self) -> Path:
        """File that the only writing process holds locked."""
        return self.root / "lock"

    @property
    def children_lock(self) -> Path:
        """File on which every child process of a stage holds a shared lock."""
        return self.root / "children.lock"

    def table(self, name: str) -> Path:
        """Return the folder of one Delta table."""
        return self.tables / name


SEGMENT = re.compile(r"(page|media|derived)-(\d{6}|[0-9a-f]{12})\.warc(\.gz)?")
"""Names of segments: numbered, or random if several machines write."""
OWN_SEGMENT = re.compile(r"[a-z]+-[0-9a-f]{12}\.warc(\.gz)?")
"""Random names: such a segment is complete as soon as it has its name, or belongs to a working copy."""
TEMPORARY = ".tmp"
"""Suffix of the hidden file that is written first and then renamed."""
_NOT_SWEPT = frozenset({"tables", "objects", "prefect"})
_BUSY_SECONDS = 30.0
_STEP_SECONDS = 0.005


def sync_file(path: Path) -> None:
    """Wait until the bytes of ``path`` are on the disk."""
    _sync(path, os.O_RDONLY)


def sync_folder(path: Path) -> None:
    """Wait until the names inside the folder ``path`` are on the disk."""
    _sync(path, os.O_RDONLY | os.O_DIRECTORY)


def replace_file(path: Path, data: bytes, *, mode: int | None = None) -> None:
    """Replace the content of ``path`` with ``data`` atomically, even if the process dies; synced on return.

    Args:
        path: The file.
        data: Its new content.
        mode: Permissions; None: the default of new files.

    Raises:
        TimeoutError: Another process has been writing the same file for half a minute.
    """
    with replacing(path, mode=mode) as file:
        file.write(data)


@contextmanager
def replacing(path: Path, *, mode: int | None = None, sync: bool = True) -> Iterator[BinaryIO]:
    """Yield a file that becomes ``path`` when the block ends; an error leaves ``path`` as it is.

    Args:
        path: The file.
        mode: As in ``replace_file``.
        sync: Whether the file must survive a power cut.

    Raises:
        TimeoutError: As in ``replace_file``.
    """
    with temporary_file(path, mode=mode) as file:
        yield file
        file.flush()
        if sync:
            os.fsync(file.fileno())
        Path(file.name).replace(path)
    if sync:
        sync_folder(path.parent)


@contextmanager
def temporary_file(path: Path, *, mode: int | None = None) -> Iterator[BinaryIO]:
    """Yield an empty temporary file next to ``path``; the end of the block removes it unless it was renamed.

    Its name depends only on ``path``, so a killed process leaves at most one file, which the next writer of ``path``
    or the next run of the workspace removes. The file is locked while its writer lives. Arguments and errors are
    those of ``replace_file``.
    """
    temporary = path.with_name(f".{path.name}{TEMPORARY}")
    with open(temporary, "r+b", opener=lambda name, _: _open_locked(Path(name), mode)) as file:
        try:
            yield file
        finally:
            if _is_at(temporary, file.fileno()):
                temporary.unlink()


def sweep_temporaries(root: Path) -> None:
    """Remove the temporary files that killed processes left in a workspace; those of live ones stay.

    Tables and segments are swept according to their own logs, and the scheduler's folder is left alone.
    """
    for folder, folders, names in os.walk(root):
        if Path(folder) == root:
            folders[:] = [name for name in folders if name not in _NOT_SWEPT]
        for path in (Path(folder) / name for name in names if name.startswith(".") and name.endswith(TEMPORARY)):
            with suppress(OSError):  # a link, or another user's file
                descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
                if _lock(descriptor):
                    path.unlink()
                os.close(descriptor)


def is_database(path: str) -> bool:
    """Return whether a path in a workspace is that of a SQLite file."""
    return path in DATABASES or path.startswith(f"{FRONTIERS}/")


def databases(root: Path) -> list[str]:
    """Return the paths of a workspace's SQLite files; frontiers come before the state, which lists them."""
    found = [f"{FRONTIERS}/{path.name}" for path in sorted((root / FRONTIERS).glob("*.sqlite"))]
    return [*found, *(name for name in DATABASES if (root / name).exists())]


def remove_database(path: Path) -> None:
    """Remove a SQLite file and its log; either may be missing."""
    for ending in ("", "-wal", "-shm"):
        path.with_name(f"{path.name}{ending}").unlink(missing_ok=True)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _open_locked(path: Path, mode: int | None) -> int:
    """Create or open a temporary file, wait until no one else writes to it, and empty it."""
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666 if mode is None else mode)
        if _lock(descriptor) and _is_at(path, descriptor):  # else it was renamed or removed meanwhile
            break
        os.close(descriptor)
        if time.monotonic() > deadline:
            raise TimeoutError(errno.ETIMEDOUT, "another process has been writing it for half a minute", str(path))
        time.sleep(_STEP_SECONDS)
    if mode is not None:
        os.fchmod(descriptor, mode)
    os.ftruncate(descriptor, 0)
    return descriptor


def _lock(descriptor: int) -> bool:
    """Lock a file and return whether that worked; a file system without locks counts as success."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in {errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS}
    return True


def _is_at(path: Path, descriptor: int) -> bool:
    """Return whether an open file is still the one at ``path``."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat(follow_symlinks=False))
    except FileNotFoundError:
        return False


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
