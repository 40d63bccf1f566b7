"""Files: written whole or not at all, synced, and hashed."""

import errno
import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

__all__ = [
    "TEMPORARY",
    "file_sha256",
    "replace_file",
    "replacing",
    "sweep_temporaries",
    "sync_file",
    "sync_folder",
    "temporary_file",
]

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
