"""SQLite for data that changes row by row."""

import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from core.engine import quote
from core.errors import CorruptObjectError
from core.files import sync_file
from storage.untrusted import is_only_read

__all__ = ["State", "execute_rows", "transaction"]

_BUSY_SECONDS = 30.0
"""Longest wait for another process's transaction; ours last milliseconds."""

_ROWS = 500
"""Rows per statement, each of up to some fifty values: SQLite accepts 32,766 values."""
_ADVICE = "Restore it from a backup, or run m5data repair, first with --dry-run."
_MAX_FAULTS = 10_000
_NULL_VALUE = re.compile(r"NULL value in (\w+)\.(\w+)")
_HAS_MIGRATIONS = "SELECT 1 FROM sqlite_schema WHERE name = 'migrations'"
_MIGRATIONS = "CREATE TABLE IF NOT EXISTS migrations (room TEXT, statement TEXT, PRIMARY KEY (room, statement))"


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit the statements of the block together, synced, or none of them."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk has ended it already
            connection.execute("ROLLBACK")
        raise


def execute_rows(connection: sqlite3.Connection, statement: str, rows: Sequence[Sequence[object]]) -> None:
    """Run a statement for rows, which replace the placeholder of its ``VALUES ?`` a few hundred at a time.

    ``executemany`` lets another thread run at each row, and then waits for it.
    """
    for start in range(0, len(rows), _ROWS):
        some = rows[start : start + _ROWS]
        marks = ", ".join([f"({', '.join('?' * len(some[0]))})"] * len(some))
        connection.execute(statement.replace("VALUES ?", f"VALUES {marks}"), [value for row in some for value in row])


class State:
    """A SQLite file of the workspace in WAL mode; every transaction is synced before it returns."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def create(self) -> None:
        """Create the file if it does not exist: every other method refuses one that is missing or was emptied."""
        with closing(self._open("rwc")) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(_MIGRATIONS)

    def connect(self, *, threads: bool = False) -> sqlite3.Connection:
        """Open a connection in autocommit mode; the caller begins, commits and closes.

        On a read-only disk it is read-only. It waits at most 30 s for a transaction of another process, then raises
        ``sqlite3.OperationalError``.

        Args:
            threads: Whether the caller serialises its threads; if not, SQLite refuses all threads except this one.

        Raises:
            CorruptObjectError: The file is missing, empty or not an SQLite database.
        """
        if not self.is_writable and self._path.exists():
            return self.connect_reading(threads=threads)  # SQLite then refuses writes
        connection = self._open("rw", threads=threads)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
        except BaseException:
            connection.close()
            raise
        return connection

    def connect_reading(self, *, threads: bool = False) -> sqlite3.Connection:
        """Open a read-only connection, even on a read-only disk; the caller closes it. Otherwise as ``connect``."""
        return self._open("ro" if self.is_writable else "ro&immutable=1", threads=threads)

    @property
    def folder(self) -> Path:
        """Folder that holds the file: the workspace's."""
        return self._path.parent

    @property
    def is_writable(self) -> bool:
        """Whether this user may write the file, and its log next to it, and does not only read the workspace."""
        return not is_only_read() and os.access(self._path.parent, os.W_OK) and os.access(self._path, os.W_OK)

    def damage(self) -> str | None:
        """Return what SQLite's own check finds wrong, in one line; None: nothing. Reads the whole file."""
        try:
            with closing(self.connect_reading()) as connection:
                lines = [row[0] for row in connection.execute(f"PRAGMA integrity_check({_MAX_FAULTS})")]
                found = [line for line in lines if line != "ok" and not _is_false_alarm(connection, line)]
        except (CorruptObjectError, sqlite3.DatabaseError) as error:
            return str(error)
        return f"{self._path}: damaged ({'; '.join(' '.join(found[:3]).splitlines())}). {_ADVICE}" if found else None

    def _open(self, mode: str, *, threads: bool = False) -> sqlite3.Connection:
        """Open a connection and check that the file is a workspace's state."""
        if mode != "rwc" and not self._path.is_file():
            raise CorruptObjectError(f"{self._path}: missing. {_ADVICE}")
        journal = self._path.with_name(f"{self._path.name}-journal")
        if mode != "rwc" and os.path.lexists(journal):  # SQLite would want to write, also where this only reads
            raise CorruptObjectError(f"{journal}: m5data, which keeps logs named -wal, makes no such file. Remove it.")
        uri = f"{self._path.absolute().as_uri()}?mode={mode}"
        connection = sqlite3.connect(
            uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=not threads
        )
        try:
            known = mode == "rwc" or connection.execute(_HAS_MIGRATIONS).fetchone()
        except sqlite3.OperationalError:
            connection.close()
            raise
        except sqlite3.DatabaseError as error:
            connection.close()
            raise CorruptObjectError(f"{self._path}: damaged ({error}). {_ADVICE}") from error
        if not known:
            connection.close()
            raise CorruptObjectError(f"{self._path}: empty, or not the state of a workspace. {_ADVICE}")
        return connection

    def mark(self) -> int:
        """Return the number that ``set_mark`` wrote last; 0 in a new file."""
        with closing(self.connect_reading()) as connection:
            return int(connection.execute("PRAGMA user_version").fetchone()[0])

    def set_mark(self, number: int) -> None:
        """Write a number that identifies the file's content, synced on return."""
        if self.mark() != number:
            with closing(self.connect()) as connection:
                connection.execute(f"PRAGMA user_version = {number}")

    def copy_to(self, target: Path) -> None:
        """Copy the database as of one moment, even while other programs write to it; synced on return."""
        with (
            closing(sqlite3.connect(self._path, timeout=_BUSY_SECONDS)) as old,
            closing(sqlite3.connect(target)) as new,
        ):
            old.backup(new)
        sync_file(target)

    def migrate(self, room: str, ddl: Sequence[str]) -> None:
        """Run the statements of ``ddl`` that have not run for ``room`` yet, all of them or none.

        Append to a room's list when its tables change; never edit a released statement. Does nothing on a read-only
        disk.
        """
        if not self.is_writable and self._path.exists():
            return
        with closing(self.connect()) as connection, transaction(connection):
            rows = connection.execute("SELECT statement FROM migrations WHERE room = ?", (room,))
            done = {row[0] for row in rows}
            for statement in ddl:
                if statement not in done:
                    connection.execute(statement)
                    connection.execute("INSERT INTO migrations VALUES (?, ?)", (room, statement))


def _is_false_alarm(connection: sqlite3.Connection, line: str) -> bool:
    """Return whether the check of some SQLite releases is wrong about a column of a table without rowid."""
    match = _NULL_VALUE.fullmatch(line)
    if match is None:
        return False
    query = f"SELECT 1 FROM {quote(match[1])} WHERE {quote(match[2])} IS NULL LIMIT 1"  # noqa: S608
    return connection.execute(query).fetchone() is None
