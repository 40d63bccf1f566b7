"""SQLite for what changes row by row and must never be lost."""

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from m5data.errors import CorruptObjectError
from storage.durable import sync_file

__all__ = ["State"]

_BUSY_SECONDS = 30.0
"""How long one process waits for another's transaction; ours last milliseconds."""

_MIGRATIONS = "CREATE TABLE IF NOT EXISTS migrations (room TEXT, statement TEXT, PRIMARY KEY (room, statement))"


class State:
    """The workspace's SQLite file, in WAL mode, every transaction synced before it is reported done."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def connect(self, *, threads: bool = False) -> sqlite3.Connection:
        """Open a connection in autocommit mode; the caller begins, commits and closes.

        Other processes' transactions are waited for, at most 30 s, then ``sqlite3.OperationalError``.

        Args:
            threads: The caller keeps threads apart itself; False: SQLite refuses all threads but this one.

        Raises:
            CorruptObjectError: The file is no SQLite database.
        """
        connection = sqlite3.connect(
            self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=not threads
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            connection.close()
            raise
        except sqlite3.DatabaseError as error:
            connection.close()
            raise CorruptObjectError(
                f"{self._path}: wanted an SQLite database, got a damaged file ({error}); restore it from a backup"
            ) from error
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    def connect_reading(self) -> sqlite3.Connection:
        """Open a connection that only reads, also on a disk that cannot be written; the caller closes it."""
        fixed = "" if os.access(self._path.parent, os.W_OK) else "&immutable=1"
        uri = f"{self._path.absolute().as_uri()}?mode=ro{fixed}"
        return sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)

    def copy_to(self, target: Path) -> None:
        """Copy the database as of one moment, whatever other programs write to it; synced when this returns."""
        with (
            closing(sqlite3.connect(self._path, timeout=_BUSY_SECONDS)) as old,
            closing(sqlite3.connect(target)) as new,
        ):
            old.backup(new)
        sync_file(target)

    def migrate(self, room: str, ddl: Sequence[str]) -> None:
        """Run each statement of ``ddl`` that has not been run for ``room`` yet, all of them or none.

        Append to a room's list when its tables change; never edit what a release ran.
        """
        with closing(self.connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                connection.execute(_MIGRATIONS)
                done = {
                    row[0] for row in connection.execute("SELECT statement FROM migrations WHERE room = ?", (room,))
                }
                for statement in ddl:
                    if statement not in done:
                        connection.execute(statement)
                        connection.execute("INSERT INTO migrations VALUES (?, ?)", (room, statement))
                connection.execute("COMMIT")
            except BaseException:
                connection.execute("ROLLBACK")
                raise
