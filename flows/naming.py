"""Faults of the disk, which every library words in its own way, in our words."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from m5data.errors import CorruptObjectError, DataError

__all__ = ["disk_faults_named"]

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_SHUT = {errno.EROFS, errno.EACCES, errno.EPERM}
_FULL_WORDS = ("no space left", "disk is full", "disk quota", "file too large")
_SHUT_WORDS = ("read-only file system", "readonly database", "unable to open database", "permission denied")


@contextmanager
def disk_faults_named(root: Path, stage: str) -> Iterator[None]:
    """Turn what says that the disk is full, is shut, or holds a damaged table, into an error of that meaning.

    Args:
        root: The workspace's folder.
        stage: What runs.

    Raises:
        DataError: Instead of the library's error.
        CorruptObjectError: A table's file is damaged.
    """
    try:
        yield
    except (OSError, sqlite3.OperationalError, duckdb.Error) as error:
        if _says(error, _FULL, _FULL_WORDS):
            raise DataError(
                f"{stage}: the disk of {root} is full ({_line(error)}); make room, with m5data vacuum for one, and run "
                "again: what was done is kept"
            ) from error
        if _says(error, _SHUT, _SHUT_WORDS):
            raise DataError(
                f"{stage}: wanted to write in {root}: {_line(error)}; m5data doctor says where, give the right to and "
                "run again: what was done is kept"
            ) from error
        if isinstance(error, duckdb.Error) and str(root.absolute() / "tables") in str(error):
            raise CorruptObjectError(
                f"{stage}: a table's file cannot be read ({_line(error)}); restore it from a backup (m5data copy "
                "makes one), and run again"
            ) from error
        raise


def _says(error: Exception, numbers: set[int], words: tuple[str, ...]) -> bool:
    if isinstance(error, OSError) and error.errno in numbers:
        return True
    text = str(error).lower()
    return any(word in text for word in words)


def _line(error: Exception) -> str:
    return str(error).splitlines()[0]
