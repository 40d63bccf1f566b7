"""Rewrite a SQLite file so that no page of it holds what was deleted."""

import sqlite3
from contextlib import closing
from pathlib import Path

from m5data.errors import DataError

__all__ = ["compact_state"]

WAIT_S = 30.0
"""How long another program is waited for."""


def compact_state(path: Path) -> None:
    """Rewrite the file and empty its write-ahead log.

    Raises:
        DataError: Another program is reading from it.
    """
    try:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=WAIT_S)) as connection:
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute("VACUUM")
            busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    except sqlite3.OperationalError as error:
        raise DataError(f"{path}: {error}; end the program that uses it and run again") from error
    if busy:
        raise DataError(f"{path}: wanted its log emptied, another program reads from it; end that and run again")
