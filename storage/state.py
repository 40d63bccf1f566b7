"""SQLite for data that changes row by row, and the index of objects in it."""

import os
import re
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from m5data.errors import CorruptObjectError
from storage.engine import quote
from storage.files import sync_file

__all__ = [
    "OBJECT_DDL",
    "ObjectIndex",
    "ObjectKind",
    "ObjectRef",
    "State",
    "transaction",
]

_BUSY_SECONDS = 30.0
"""Longest wait for another process's transaction; ours last milliseconds."""

_ROWS = 500
"""Rows of a statement, each of up to some fifty values: SQLite takes 32,766."""
_ADVICE = "Restore it from a backup, or run m5data repair, first with --dry-run."
_MOST_FAULTS = 10_000
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
        if connection.in_transaction:  # a full disk ends it by itself
            connection.execute("ROLLBACK")
        raise


def execute_rows(connection: sqlite3.Connection, statement: str, rows: Sequence[Sequence[object]]) -> None:
    """Run a statement for rows, which replace the mark of its ``VALUES ?`` some hundred at a time.

    ``executemany`` lets another thread in at each row, and then waits for it.
    """
    for start in range(0, len(rows), _ROWS):
        some = rows[start : start + _ROWS]
        marks = ", ".join([f"({', '.join('?' * len(some[0]))})"] * len(some))
        connection.execute(statement.replace("VALUES ?", f"VALUES {marks}"), [value for row in some for value in row])


class State:
    """The workspace's SQLite file in WAL mode; every transaction is synced before it returns."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def create(self) -> None:
        """Create the file if it does not exist: every other method refuses one that is missing or was emptied."""
        with closing(self._open("rwc")) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(_MIGRATIONS)

    def connect(self, *, threads: bool = False) -> sqlite3.Connection:
        """Open a connection in autocommit mode; the caller begins, commits and closes. On a read-only disk it reads.

        A transaction of another process is waited for, at most 30 s, then ``sqlite3.OperationalError`` is raised.

        Args:
            threads: The caller serialises its threads; False: SQLite refuses all threads but this one.

        Raises:
            CorruptObjectError: The file is missing, empty or not an SQLite database.
        """
        if not self.is_writable and self._path.exists():
            return self.connect_reading(threads=threads)  # what then writes is refused by SQLite
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
        """Whether this user may write the file, and its log beside it."""
        return os.access(self._path.parent, os.W_OK) and os.access(self._path, os.W_OK)

    def damage(self) -> str | None:
        """Return what SQLite's own check finds wrong, in one line; None: nothing. Reads the whole file."""
        try:
            with closing(self.connect_reading()) as connection:
                lines = [row[0] for row in connection.execute(f"PRAGMA integrity_check({_MOST_FAULTS})")]
                found = [line for line in lines if line != "ok" and not _is_false_alarm(connection, line)]
        except (CorruptObjectError, sqlite3.DatabaseError) as error:
            return str(error)
        return f"{self._path}: damaged ({'; '.join(' '.join(found[:3]).splitlines())}). {_ADVICE}" if found else None

    def _open(self, mode: str, *, threads: bool = False) -> sqlite3.Connection:
        """Open a connection and check that the file is a workspace's state."""
        if mode != "rwc" and not self._path.is_file():
            raise CorruptObjectError(f"{self._path}: missing. {_ADVICE}")
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

    def copy_to(self, target: Path) -> None:
        """Copy the database as of one moment while other programs may write to it; synced when this returns."""
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


ObjectKind = Literal["page", "media", "derived"]

OBJECT_DDL = (
    """CREATE TABLE objects (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        sha256 BLOB NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        mime TEXT NOT NULL,
        segment TEXT NOT NULL,
        offset INTEGER NOT NULL,
        length INTEGER NOT NULL,
        payload_offset INTEGER NOT NULL,
        payload_length INTEGER NOT NULL
    )""",
    "CREATE TABLE object_segments (name TEXT PRIMARY KEY, length INTEGER NOT NULL)",
)

_COLUMNS = "sha256, kind, mime, segment, offset, length, payload_offset, payload_length"


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """Location of one object's bytes."""

    sha256: str
    """SHA-256 of the payload, hex."""
    kind: ObjectKind
    mime: str
    segment: str
    """File below ``objects/``."""
    offset: int
    """Start of its WARC record in the segment, bytes."""
    length: int
    """Length of the record as stored, bytes."""
    payload_offset: int
    """Start of the payload in the segment; -1: the record is gzipped."""
    payload_length: int
    """Length of the payload, decompressed, bytes."""


class ObjectIndex:
    """The index of objects: SHA-256 -> segment, offset, length. Safe for threads; each process has its own.

    Rows are added once their segment is synced.
    """

    def __init__(self, state: State, *, reading: bool = False) -> None:
        """Open nothing yet.

        Args:
            state: Where the index is.
            reading: It is only read: on a disk that cannot be written, too.
        """
        self._state = state
        self._reading = reading
        self._mutex = threading.Lock()
        self._open: sqlite3.Connection | None = None

    def find(self, sha256: str) -> ObjectRef | None:
        """Return where an object lies; None: no such object."""
        rows = self._query(f"SELECT {_COLUMNS} FROM objects WHERE sha256 = ?", (bytes.fromhex(sha256),))  # noqa: S608
        return _ref(rows[0]) if rows else None

    def known(self, hashes: Sequence[str]) -> set[str]:
        """Return those of the hashes whose objects are stored."""
        found: set[str] = set()
        for start in range(0, len(hashes), _ROWS):
            some = [bytes.fromhex(sha256) for sha256 in hashes[start : start + _ROWS]]
            query = f"SELECT sha256 FROM objects WHERE sha256 IN ({', '.join('?' * len(some))})"  # noqa: S608
            found |= {digest.hex() for (digest,) in self._query(query, some)}
        return found

    def add(self, refs: Sequence[ObjectRef], segment: str, length: int) -> None:
        """Add objects of one segment, whose first ``length`` bytes are synced, in one synced transaction.

        An object that another process added meanwhile keeps its location.
        """
        rows = [(bytes.fromhex(r.sha256), r.kind, r.mime, r.segment, r.offset, r.length, r.payload_offset,
                 r.payload_length) for r in refs]  # fmt: skip
        with self._mutex:
            connection = self._connection()
            with transaction(connection):
                execute_rows(connection, f"INSERT OR IGNORE INTO objects ({_COLUMNS}) VALUES ?", rows)  # noqa: S608
                connection.execute("INSERT OR REPLACE INTO object_segments VALUES (?, ?)", (segment, length))

    def remove(self, hashes: Iterable[str]) -> None:
        """Remove objects in one synced transaction; unknown ones are ignored."""
        rows = [(bytes.fromhex(sha256),) for sha256 in hashes]
        with self._mutex:
            connection = self._connection()
            with transaction(connection):
                connection.executemany("DELETE FROM objects WHERE sha256 = ?", rows)

    def segments(self) -> dict[str, int]:
        """Return segment -> length of its complete part in bytes, in the order of names."""
        return dict(self._query("SELECT name, length FROM object_segments ORDER BY name", ()))

    def knows_segment(self, name: str) -> bool:
        """Return whether a segment was ever added."""
        return bool(self._query("SELECT 1 FROM object_segments WHERE name = ?", (name,)))

    def assigned(self) -> int:
        """Return the greatest sequence number ever assigned, also to objects that are gone."""
        return int(self._query("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'objects'", ())[0][0])

    def last(self) -> int:
        """Return the greatest sequence number; 0: there are no objects."""
        return int(self._query("SELECT coalesce(max(sequence), 0) FROM objects", ())[0][0])

    def after(self, sequence: int, upto: int, size: int = 10_000) -> Iterator[list[ObjectRef]]:
        """Yield the objects added after ``sequence`` up to and including ``upto``, in that order, in batches."""
        query = f"SELECT sequence, {_COLUMNS} FROM objects WHERE sequence > ? AND sequence <= ? ORDER BY 1 LIMIT ?"  # noqa: S608
        while rows := self._query(query, (sequence, upto, size)):
            yield [_ref(row[1:]) for row in rows]
            sequence = rows[-1][0]

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        with self._mutex:
            if self._open is not None:
                self._open.close()
                self._open = None

    def _query(self, sql: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        with self._mutex:
            return self._connection().execute(sql, values).fetchall()

    def _connection(self) -> sqlite3.Connection:
        if self._open is None:
            only_read = self._reading or not self._state.is_writable
            self._open = (self._state.connect_reading if only_read else self._state.connect)(threads=True)
        return self._open


def _ref(row: Sequence[Any]) -> ObjectRef:
    digest, *rest = row
    return ObjectRef(digest.hex(), *rest)
