"""Copying the files of a workspace, each read back."""

import hashlib
import os
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

from m5data.errors import CorruptObjectError
from storage.durable import sync_file
from storage.layout import OF_A_RUN
from storage.remote.address import OWN_FOLDER
from storage.state import State

__all__ = ["copy_files"]

_STATE = "state.sqlite"
_NOT_COPIED = OF_A_RUN | {OWN_FOLDER}


def copy_files(source: Path, target: Path, *, without: Collection[str] = ()) -> int:
    """Copy a workspace's folder to ``target``, which is made, and return how many bytes were copied.

    Args:
        source: The workspace; its lock is held.
        target: Not there yet.
        without: Names at the top that are left out.

    Raises:
        CorruptObjectError: What was written is not what was read.
    """
    target.mkdir(parents=True)
    skipped = {*_NOT_COPIED, *without}
    total = sum(_copy(path, target / path.relative_to(source)) for path in _files(source, skipped))
    if _STATE not in skipped:
        State(source / _STATE).copy_to(target / _STATE)
    return total


def _files(folder: Path, skipped: Collection[str]) -> Iterator[Path]:
    for top in sorted(folder.iterdir()):
        if top.name in skipped or top.name == _STATE:
            continue
        yield top
        yield from sorted(top.rglob("*"))


def _copy(path: Path, target: Path) -> int:
    if path.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(path, target)
    sync_file(target)
    if _digest(path) != _digest(target):
        raise CorruptObjectError(f"{target}: wanted the bytes of {path}, read others back; check the disk, copy again")
    return target.stat().st_size


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # from the disk, not from memory
        return hashlib.file_digest(file, "sha256").digest()
