"""Errors of the disk, which every library words differently, as one clear error each."""

import errno
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from m5data.errors import CorruptObjectError, DataError
from m5data.settings import MachineSettings

__all__ = ["check_disk", "named_disk_errors"]

_GB = 1_000_000_000
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REFUSED = {errno.EROFS, errno.EACCES, errno.EPERM}
_FULL_WORDS = ("no space left", "disk is full", "disk quota", "file too large")
_REFUSED_WORDS = ("read-only file system", "readonly database", "unable to open database", "permission denied")


def check_disk(root: Path, settings: MachineSettings) -> None:
    """Check that the workspace's disk has room.

    Raises:
        DataError: It has less than ``min_free_gb``.
    """
    free = shutil.disk_usage(root).free / _GB
    if free < settings.min_free_gb:
        raise DataError(
            f"{root}: its disk has {free:.2f} GB free, less than machine.min_free_gb = {settings.min_free_gb:g}; "
            "make room (m5data vacuum), then run again: finished work is kept"
        )


@contextmanager
def named_disk_errors(root: Path, stage: str) -> Iterator[None]:
    """Replace an error that means a full disk, a refused write or a damaged table by one that says so.

    Args:
        root: The workspace's folder.
        stage: Stage that runs.

    Raises:
        DataError: The disk is full or cannot be written.
        CorruptObjectError: A table's file is damaged.
    """
    try:
        yield
    except (OSError, sqlite3.OperationalError, duckdb.Error) as error:
        if _means(error, _FULL, _FULL_WORDS):
            raise DataError(
                f"{stage}: the disk of {root} is full ({_line(error)}); make room, for example with m5data vacuum, "
                "and run again: finished work is kept"
            ) from error
        if _means(error, _REFUSED, _REFUSED_WORDS):
            raise DataError(
                f"{stage}: cannot write in {root} ({_line(error)}); m5data doctor says where: grant the right and run "
                "again: finished work is kept"
            ) from error
        if isinstance(error, duckdb.Error) and str(root.absolute() / "tables") in str(error):
            raise CorruptObjectError(
                f"{stage}: a table's file cannot be read ({_line(error)}); restore it from a backup (m5data copy "
                "makes one), and run again"
            ) from error
        raise


def _means(error: Exception, numbers: set[int], words: tuple[str, ...]) -> bool:
    if isinstance(error, OSError) and error.errno in numbers:
        return True
    text = str(error).lower()
    return any(word in text for word in words)


def _line(error: Exception) -> str:
    return str(error).splitlines()[0]
