"""The index of objects, which locates the bytes of each. SQLite on this machine, filled from the table ``objects``."""

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from core.engine import open_engine
from core.errors import CorruptObjectError
from core.files import sync_file, temporary_file
from storage.files import SEGMENT, Layout
from storage.state import State, execute_rows, transaction
from storage.tables import TABLES
from storage.tables.data_files import DataFile, rows_sql
from storage.versions import Snapshot, latest_number, read_version
from storage.working_copy import store_url_of

__all__ = [
    "FIRST",
    "OBJECT_DDL",
    "ObjectIndex",
    "ObjectKind",
    "ObjectRef",
    "make_index",
    "mark_stale",
]

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
    "CREATE TABLE index_files (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE)",
    "ALTER TABLE objects ADD COLUMN file INTEGER",
)
"""``index_files`` lists the data files of the table ``objects`` from which rows with negative sequences were read."""

FIRST = -(1 << 62)
"""Less than any sequence number."""
_BATCH, _ROWS = 10_000, 500
_BEHIND = 1
"""``user_version`` of an index that lags behind the table ``objects``."""

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

    Rows are added once their segment is synced. An index that is missing or behind is filled on first use.
    """

    def __init__(self, layout: Layout, *, reading: bool = False, file: Path | None = None) -> None:
        """Create the index without opening its file.

        Args:
            layout: Layout of the workspace.
            reading: Whether it is only read, which also works on a read-only disk.
            file: File to use instead of the workspace's; it exists and is never behind.
        """
        self._layout = layout
        self._file = file
        self._state = State(file or layout.index)
        self._reading = reading
        self._mutex = threading.Lock()
        self._open: sqlite3.Connection | None = None

    def find(self, sha256: str) -> ObjectRef | None:
        """Return the location of an object; None: no such object."""
        rows = self._query(f"SELECT {_COLUMNS} FROM objects WHERE sha256 = ?", (bytes.fromhex(sha256),))  # noqa: S608
        return _ref(rows[0]) if rows else None

    def known(self, hashes: Sequence[str]) -> set[str]:
        """Return the hashes whose objects are stored."""
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
        """Return the greatest sequence number ever assigned, including those of removed objects."""
        return int(self._query("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'objects'", ())[0][0])

    def last(self) -> int:
        """Return the greatest sequence number; 0: there are no objects."""
        return int(self._query("SELECT coalesce(max(sequence), 0) FROM objects", ())[0][0])

    def after(self, sequence: int, upto: int, size: int = _BATCH) -> Iterator[list[ObjectRef]]:
        """Yield the objects added after ``sequence`` up to and including ``upto``, in that order, in batches."""
        query = f"SELECT sequence, {_COLUMNS} FROM objects WHERE sequence > ? AND sequence <= ? ORDER BY 1 LIMIT ?"  # noqa: S608
        while rows := self._query(query, (sequence, upto, size)):
            yield [_ref(row[1:]) for row in rows]
            sequence = rows[-1][0]

    def fill_again(self) -> None:
        """Make the next call read the table ``objects`` again."""
        with self._mutex:
            self._connection().execute(f"PRAGMA user_version = {_BEHIND}")
        self.close()

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
            if self._file is None:
                if not self._layout.index.exists():
                    make_index(self._layout)
                if self._state.is_writable:
                    _catch_up(self._layout, self._state)
            only_read = self._reading or not self._state.is_writable
            self._open = (self._state.connect_reading if only_read else self._state.connect)(threads=True)
        return self._open


def _ref(row: Sequence[Any]) -> ObjectRef:
    digest, *rest = row
    return ObjectRef(digest.hex(), *rest)


def make_index(layout: Layout) -> None:
    """Create a missing index, which the next use fills from the tables."""
    with temporary_file(layout.index) as file:
        if layout.index.exists():
            return
        new = State(Path(file.name))
        new.create()
        new.migrate("storage", OBJECT_DDL)
        with closing(new.connect()) as connection:
            connection.execute(f"PRAGMA user_version = {_BEHIND}")
        sync_file(Path(file.name))
        Path(file.name).replace(layout.index)


def mark_stale(layout: Layout, segments: Mapping[str, int]) -> None:
    """Record that the tables have changed, and which segments exist; the next use reads the new rows."""
    if not layout.index.exists():
        make_index(layout)
    with closing(State(layout.index).connect()) as connection, transaction(connection):
        connection.execute("DELETE FROM object_segments")
        connection.executemany("INSERT INTO object_segments VALUES (?, ?)", segments.items())
        connection.execute(f"PRAGMA user_version = {_BEHIND}")


def _catch_up(layout: Layout, state: State) -> None:
    """Fill an index that is behind from the files of the table ``objects`` that it has not read yet."""
    with closing(state.connect_reading()) as connection:
        if not _is_behind(connection):
            return
    with closing(state.connect()) as connection:
        record = read_version(layout, latest_number(layout))
        files = {file.path: file for file in Snapshot(layout, record).files("objects")}
        with transaction(connection):
            if not _is_behind(connection):  # another process was faster
                return
            gone = "path NOT IN (SELECT value FROM json_each(?))"
            paths = json.dumps([*files])
            connection.execute(
                f"DELETE FROM objects WHERE file IS NULL OR file IN (SELECT id FROM index_files WHERE {gone})",  # noqa: S608
                (paths,),
            )
            connection.execute(f"DELETE FROM index_files WHERE {gone}", (paths,))  # noqa: S608
            known = {path for (path,) in connection.execute("SELECT path FROM index_files")}
            for path in sorted(files.keys() - known):
                _fill(connection, layout, files[path])
            _assign(connection, record.indexed)
            if store_url_of(layout.root) is None:
                _enter_segments(connection, layout)
            connection.execute("PRAGMA user_version = 0")


def _fill(connection: sqlite3.Connection, layout: Layout, file: DataFile) -> None:
    """Add the objects in one file of the table, in the order of storage."""
    number = connection.execute("INSERT INTO index_files (path) VALUES (?)", (file.path,)).lastrowid
    least = connection.execute("SELECT coalesce(min(sequence), 0) FROM objects").fetchone()[0]
    sequence = min(0, least) - file.rows
    names = _COLUMNS.replace("offset", '"offset"', 1)
    rows = rows_sql(TABLES["objects"], layout.table("objects"), [file])
    add = f"INSERT OR REPLACE INTO objects (sequence, file, {_COLUMNS}) VALUES ({', '.join('?' * 10)})"  # noqa: S608
    with open_engine() as engine:
        found = engine.execute(f'SELECT {names} FROM ({rows}) ORDER BY segment, "offset"')  # noqa: S608
        while batch := found.fetchmany(_BATCH):
            numbered = enumerate(batch, sequence)
            connection.executemany(add, [(n, number, bytes.fromhex(row[0]), *row[1:]) for n, row in numbered])
            sequence += len(batch)


def _enter_segments(connection: sqlite3.Connection, layout: Layout) -> None:
    """Record the segments of a workspace's folder with their lengths.

    Raises:
        CorruptObjectError: A segment has more than the table knows of: objects that no version holds.
    """
    ends = dict(connection.execute("SELECT segment, max(offset + length) FROM objects GROUP BY segment").fetchall())
    for path in sorted(path for path in layout.objects.glob("*") if SEGMENT.fullmatch(path.name)):
        size = path.stat().st_size
        if size > ends.get(path.name, 0):
            raise CorruptObjectError(
                f"{layout.index}: missing or older, and objects/{path.name} has more than the newest dataset version "
                "knows of. Restore it from a backup, or run m5data repair, first with --dry-run."
            )
        connection.execute("INSERT OR REPLACE INTO object_segments VALUES (?, ?)", (path.name, size))


def _assign(connection: sqlite3.Connection, least: int) -> None:
    """Make the sequence numbers of new objects greater than ``least`` and than all earlier ones."""
    last = connection.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'objects'").fetchone()[0]
    connection.execute("DELETE FROM sqlite_sequence WHERE name = 'objects'")
    connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('objects', ?)", (max(last, least),))


def _is_behind(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("PRAGMA user_version").fetchone()[0])
