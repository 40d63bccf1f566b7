"""SQLite for data that changes row by row, the index of objects in it, and the workspace's secret key."""

import os
import secrets
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from m5data.errors import CorruptObjectError, WorkspaceError
from storage.files import sync_file, temporary_file

__all__ = [
    "OBJECT_DDL",
    "ObjectIndex",
    "ObjectKind",
    "ObjectRef",
    "State",
    "load_or_create_key",
]

_BUSY_SECONDS = 30.0
"""Longest wait for another process's transaction; ours last milliseconds."""

_MIGRATIONS = "CREATE TABLE IF NOT EXISTS migrations (room TEXT, statement TEXT, PRIMARY KEY (room, statement))"


class State:
    """The workspace's SQLite file in WAL mode; every transaction is synced before it returns."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def connect(self, *, threads: bool = False) -> sqlite3.Connection:
        """Open a connection in autocommit mode; the caller begins, commits and closes.

        A transaction of another process is waited for, at most 30 s, then ``sqlite3.OperationalError`` is raised.

        Args:
            threads: The caller serialises its threads; False: SQLite refuses all threads but this one.

        Raises:
            CorruptObjectError: The file is not an SQLite database.
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
                f"{self._path}: damaged or not an SQLite database ({error}). Restore it from a backup."
            ) from error
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    def connect_reading(self) -> sqlite3.Connection:
        """Open a read-only connection, even on a read-only disk; the caller closes it."""
        fixed = "" if os.access(self._path.parent, os.W_OK) else "&immutable=1"
        uri = f"{self._path.absolute().as_uri()}?mode=ro{fixed}"
        return sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)

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

        Append to a room's list when its tables change; never edit a released statement.
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

    def __init__(self, state: State) -> None:
        self._state = state
        self._mutex = threading.Lock()
        self._open: sqlite3.Connection | None = None

    def find(self, sha256: str) -> ObjectRef | None:
        """Return where an object lies; None: no such object."""
        rows = self._query(f"SELECT {_COLUMNS} FROM objects WHERE sha256 = ?", (bytes.fromhex(sha256),))  # noqa: S608
        return _ref(rows[0]) if rows else None

    def add(self, refs: Sequence[ObjectRef], segment: str, length: int) -> None:
        """Add objects of one segment, whose first ``length`` bytes are synced, in one synced transaction.

        An object that another process added meanwhile keeps its location.
        """
        rows = [(bytes.fromhex(r.sha256), r.kind, r.mime, r.segment, r.offset, r.length, r.payload_offset,
                 r.payload_length) for r in refs]  # fmt: skip
        with self._mutex:
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                connection.executemany(f"INSERT OR IGNORE INTO objects ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?)", rows)  # noqa: S608
                connection.execute("INSERT OR REPLACE INTO object_segments VALUES (?, ?)", (segment, length))
                connection.execute("COMMIT")
            except BaseException:
                connection.execute("ROLLBACK")
                raise

    def remove(self, hashes: Iterable[str]) -> None:
        """Remove objects in one synced transaction; unknown ones are ignored."""
        rows = [(bytes.fromhex(sha256),) for sha256 in hashes]
        with self._mutex:
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("DELETE FROM objects WHERE sha256 = ?", rows)
            connection.execute("COMMIT")

    def segments(self) -> dict[str, int]:
        """Return segment -> length of its complete part in bytes, in the order of names."""
        return dict(self._query("SELECT name, length FROM object_segments ORDER BY name", ()))

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
            self._open = self._state.connect(threads=True)
        return self._open


def _ref(row: Sequence[Any]) -> ObjectRef:
    digest, *rest = row
    return ObjectRef(digest.hex(), *rest)


_BYTES = 32


def load_or_create_key(root: Path) -> bytes:
    """Return the key of a workspace, made on first use; readable by its owner alone, never exported.

    Without it nobody can recognise a merchant or a take-down of yesterday.

    Raises:
        WorkspaceError: the file is not a key.
    """
    path = root / "secret.key"
    if not path.exists():
        _create(path)
    key = path.read_bytes()
    if len(key) != _BYTES:
        raise WorkspaceError(f"{path} has {len(key)} bytes, but a key has {_BYTES}. Restore it from a backup.")
    return key


def _create(path: Path) -> None:
    """Write a new key, whole or not at all; one that another process made meanwhile stays."""
    with temporary_file(path, mode=0o600) as file:
        file.write(secrets.token_bytes(_BYTES))
        file.flush()
        os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(file.name, path)
