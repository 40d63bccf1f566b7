"""Salvage of rows from a damaged state, and of the index of objects from their segments."""

import contextlib
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from core.errors import CorruptObjectError
from storage.engine import quote
from storage.erasure.records import BLANK_TYPE, Place, record_fields, segment_records
from storage.files import SEGMENT, Layout, sync_file, temporary_file
from storage.objects.index import OBJECT_DDL, ObjectIndex, ObjectKind, ObjectRef
from storage.objects.warc import RECORD_END
from storage.state import State, transaction

__all__ = ["SegmentScan", "rebuild_index", "salvage", "scan_segments"]

_OBJECTS_AT_ONCE = 10_000
_STORED = frozenset({"response", "resource", "conversion"})
_MAX_HEAD = 1 << 20


@dataclass(frozen=True, slots=True)
class SegmentScan:
    """Findings of the rebuild in one segment."""

    name: str
    objects: int
    length: int
    """Bytes that hold whole records."""
    unread: int
    """Bytes after them that are not a record: written by a killed run, or damaged."""


def rebuild_index(layout: Layout, after: int) -> list[SegmentScan]:
    """Rebuild the index of objects from the segments, and return the findings in each.

    Args:
        layout: Layout of the workspace, whose lock is held.
        after: Sequence number after which those of the objects begin: that of the newest dataset version.
    """
    with temporary_file(layout.index) as file:
        path = Path(file.name)
        state = State(path)
        state.create()
        state.migrate("storage", OBJECT_DDL)
        with contextlib.closing(state.connect()) as connection:
            connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('objects', ?)", (after,))
        index = ObjectIndex(layout, file=path)
        try:
            found = [_rebuild(segment, index) for segment in scan_segments(layout.root)]
        finally:
            index.close()
        sync_file(path)
        path.replace(layout.index)
    return found


def scan_segments(root: Path) -> list[Path]:
    """Return the existing segments, sorted by name."""
    return sorted(path for path in Layout(root).objects.glob("*") if SEGMENT.fullmatch(path.name))


def _rebuild(path: Path, index: ObjectIndex) -> SegmentScan:
    count, end, batch = 0, 0, list[ObjectRef]()
    size = path.stat().st_size
    with contextlib.suppress(CorruptObjectError):  # the rest is not a record: it is counted as unread
        for place, record in segment_records(path, size):
            if place.offset + place.length > size:
                break
            end = place.offset + place.length
            ref = _ref(path, place, record)
            if ref is not None:
                batch.append(ref)
                count += 1
            if len(batch) == _OBJECTS_AT_ONCE:
                index.add(batch, path.name, end)
                batch.clear()
    index.add(batch, path.name, end)
    return SegmentScan(path.name, count, end, size - end)


def _ref(path: Path, place: Place, record: bytes) -> ObjectRef | None:
    """Return the location of a record's object; None: the record holds none."""
    if place.type not in _STORED or place.type == BLANK_TYPE or not place.sha256:
        return None
    fields = record_fields(record)
    mime = fields.get("WARC-Identified-Payload-Type", fields.get("Content-Type", "application/octet-stream"))
    kind = cast("ObjectKind", path.name.partition("-")[0])
    head = record.find(b"\r\n\r\n") + 4
    http = _http_head(path, place, record, head) if place.type == "response" else 0
    length = int(fields["Content-Length"]) - http
    start = -1 if place.compressed else place.offset + head + http
    return ObjectRef(place.sha256, kind, mime, path.name, place.offset, place.length, start, length)


def _http_head(path: Path, place: Place, record: bytes, head: int) -> int:
    """Return the length of the HTTP header that precedes the payload of a response."""
    if place.compressed:
        return record.find(b"\r\n\r\n", head) + 4 - head
    with path.open("rb") as file:
        file.seek(place.offset + head)
        block = file.read(min(_MAX_HEAD, place.length - head - len(RECORD_END)))
    return block.find(b"\r\n\r\n") + 4


_OBJECTS = frozenset({"objects", "object_segments"})
"""Tables of the index of objects, which has a file of its own."""
_SCHEMA = """SELECT name, type, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'
AND tbl_name <> 'media_urls' ORDER BY type <> 'table', name"""
"""The queue of downloads, which the state once held, is rebuilt from the tables."""
_ROWS_AT_ONCE = 1000


def salvage(old: Path, new: State) -> dict[str, tuple[int, bool]]:
    """Copy the tables of a damaged state to a new one, which stays empty if the list of tables is lost.

    Returns:
        Table -> rows copied, and whether these are all.
    """
    try:
        with closing(sqlite3.connect(f"{old.as_uri()}?mode=ro&immutable=1", uri=True)) as damaged:
            damaged.execute("PRAGMA writable_schema = ON")  # otherwise a truncated file is not read at all
            schema = damaged.execute(_SCHEMA).fetchall()
            known = damaged.execute("SELECT room, statement FROM migrations").fetchall()
            with closing(new.connect()) as connection:
                connection.execute("PRAGMA foreign_keys = OFF")
                return _copy_tables(damaged, connection, schema, known)
    except (sqlite3.DatabaseError, CorruptObjectError):
        return {}


def _copy_tables(
    damaged: sqlite3.Connection,
    connection: sqlite3.Connection,
    schema: list[tuple[str, str, str]],
    known: list[tuple[str, str]],
) -> dict[str, tuple[int, bool]]:
    """Copy tables first, then create indexes and triggers, which would count copied rows again."""
    found = {}
    with transaction(connection):
        connection.executemany("INSERT OR IGNORE INTO migrations VALUES (?, ?)", known)
        for name, kind, sql in schema:
            if name == "migrations" or (kind == "index" and name in _OBJECTS):
                continue
            connection.execute(sql)
            if kind == "table" and name not in _OBJECTS:
                found[name] = _copy_rows(damaged, connection, name)
    return found


def _copy_rows(damaged: sqlite3.Connection, connection: sqlite3.Connection, name: str) -> tuple[int, bool]:
    count = 0
    try:
        rows = damaged.execute(f"SELECT * FROM {quote(name)}")  # noqa: S608
        places = ", ".join("?" * len(rows.description))
        while batch := rows.fetchmany(_ROWS_AT_ONCE):
            connection.executemany(f"INSERT OR IGNORE INTO {quote(name)} VALUES ({places})", batch)  # noqa: S608
            count += len(batch)
    except sqlite3.DatabaseError:
        return count, False
    return count, True
