"""Rebuilding of the index of objects from their segments."""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from core.errors import CorruptObjectError
from core.files import sync_file, temporary_file
from storage.erasure.records import BLANK_TYPE, WarcRecord, record_fields, segment_records
from storage.files import SEGMENT, Layout
from storage.objects.index import OBJECT_DDL, ObjectIndex, ObjectKind, ObjectRef
from storage.objects.warc import RECORD_END
from storage.state import State

__all__ = ["SegmentScan", "rebuild_index", "scan_segments"]

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


def _ref(path: Path, place: WarcRecord, record: bytes) -> ObjectRef | None:
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


def _http_head(path: Path, place: WarcRecord, record: bytes, head: int) -> int:
    """Return the length of the HTTP header that precedes the payload of a response."""
    if place.compressed:
        return record.find(b"\r\n\r\n", head) + 4 - head
    with path.open("rb") as file:
        file.seek(place.offset + head)
        block = file.read(min(_MAX_HEAD, place.length - head - len(RECORD_END)))
    return block.find(b"\r\n\r\n") + 4
