"""Writing of objects to append-only WARC segments, each once, many synced at a time; rows of the table ``objects``."""

import fcntl
import gzip
import hashlib
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Protocol, Required, Self, TypedDict, Unpack

import pyarrow as pa

from core.files import sync_folder
from core.stage import Clock
from core.version import __version__
from storage.objects.index import FIRST, ObjectIndex, ObjectKind, ObjectRef
from storage.objects.warc import (
    RECORD_END,
    Headers,
    http_head,
    payload_head,
    response_head,
    revisit_record,
    warcinfo_record,
)
from storage.tables import TABLES

__all__ = [
    "Facts",
    "ObjectWriter",
    "SegmentIndex",
    "object_rows",
]

_BUFFER = 1 << 20
_MAX_PARTS = 1000
"""Parts above which the buffer is written out; one ``writev`` accepts 1,024."""
_GZIP_LEVEL = 6
_SUFFIX: Mapping[ObjectKind, str] = {"page": ".warc.gz", "media": ".warc", "derived": ".warc"}
_PENDING = 4096
"""Objects that may wait for a flush: bounds memory if a caller never flushes."""


class SegmentIndex(Protocol):
    """The part of an index of objects (``ObjectIndex``) that a writer needs."""

    def known(self, hashes: Sequence[str]) -> set[str]:
        """Return the hashes whose objects are stored."""

    def segments(self) -> dict[str, int]:
        """Return segment -> length of its complete part in bytes."""

    def add(self, refs: Sequence[ObjectRef], segment: str, length: int) -> None:
        """Add objects of one segment, whose first ``length`` bytes are synced."""


class Facts(TypedDict, total=False):
    """Metadata that a record has about its object."""

    mime: Required[str]
    """Type, detected from the bytes."""
    url: str | None
    """URL of the response or, for a derived object, of its origin; None: no request."""
    headers: Headers
    """HTTP headers as received, in order; only for pages and media."""
    status: int
    """HTTP status, 200 if it is not given; only for pages and media."""
    refers_to: str | None
    """SHA-256 of its origin; only for derived objects."""


class _Segment:
    """One segment file, locked for this writer until closed."""

    def __init__(self, path: Path, descriptor: int, length: int) -> None:
        self.name = path.name
        self.length = length
        """Bytes, written or still in the buffer."""
        self.compressed = path.suffix == ".gz"
        self._descriptor = descriptor
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._folder = path.parent
        os.lseek(descriptor, length, os.SEEK_SET)

    def append(self, *parts: bytes) -> tuple[int, int]:
        """Append one record, given in parts; return its start and its length as stored, in bytes."""
        start = self.length
        if self.compressed:
            self._write(gzip.compress(b"".join(parts), _GZIP_LEVEL, mtime=0))
        else:
            self._write(*parts)
        return start, self.length - start

    def sync(self) -> None:
        """Sync everything appended, and the name of the file."""
        self._drain()
        os.fsync(self._descriptor)
        sync_folder(self._folder)

    def close(self) -> None:
        """Release the file; unsynced records are lost."""
        os.close(self._descriptor)

    def _write(self, *parts: bytes) -> None:
        size = sum(map(len, parts))
        self._waiting += parts
        self._waiting_bytes += size
        self.length += size
        if self._waiting_bytes > _BUFFER or len(self._waiting) > _MAX_PARTS:
            self._drain()

    def _drain(self) -> None:
        _write_all(self._descriptor, self._waiting)
        self._waiting.clear()
        self._waiting_bytes = 0


def _open_segment(
    folder: Path, kind: ObjectKind, lengths: Callable[[], Mapping[str, int]], limit: int, *, own: bool
) -> _Segment:
    """Open the first segment of ``kind`` that is not full and not locked, or a new one.

    Args:
        folder: Folder of the segments.
        kind: Kind of its objects.
        lengths: Returns segment -> length known to the index; bytes beyond are left from a dead writer.
        limit: Bytes from which a segment is full.
        own: Whether to open a new one, with a name that no other machine uses.
    """
    known = lengths()
    number = 0
    while True:
        number += 1
        name = secrets.token_hex(6) if own else f"{number:06}"
        path = folder / f"{kind}-{name}{_SUFFIX[kind]}"
        if known.get(path.name, 0) >= limit:
            continue
        descriptor = _open_locked(path, kind)
        if descriptor is None:
            continue
        length = lengths().get(path.name, 0)  # again, because it may have grown before it was locked
        if length < limit:
            os.ftruncate(descriptor, length)
            return _Segment(path, descriptor, length)
        os.close(descriptor)


def _open_locked(path: Path, kind: ObjectKind) -> int | None:
    """Create or open a segment and lock it; None: another process writes to it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600 if kind == "page" else 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    if os.fstat(descriptor).st_nlink == 0:  # swept between opening and locking
        os.close(descriptor)
        return _open_locked(path, kind)
    return descriptor


def _write_all(descriptor: int, parts: Sequence[bytes]) -> None:
    """Write parts one after the other, without joining them first."""
    left = sum(map(len, parts)) - os.writev(descriptor, parts) if parts else 0
    rest = memoryview(b"".join(parts)[-left:]) if left else memoryview(b"")  # a short write is rare
    while rest:
        rest = rest[os.write(descriptor, rest) :]


class ObjectWriter:
    """Writer that appends objects of one kind. For one thread at a time; each process has its own.

    Objects are found, and survive a crash, only after ``flush``. Two processes that store the same bytes at the same
    time may both write them; the index keeps one.
    """

    def __init__(
        self, folder: Path, index: SegmentIndex, kind: ObjectKind, clock: Clock, limit: int, *, own: bool
    ) -> None:
        """Create the writer without opening a segment.

        Args:
            folder: Folder of the segments.
            index: Index to which the objects are added.
            kind: Kind of the objects.
            clock: Source of times.
            limit: Bytes from which a segment is full.
            own: Whether to write only new segments, with names that no other machine uses.
        """
        self._folder = folder
        self._own = own
        self._index = index
        self._kind: ObjectKind = kind
        self._clock = clock
        self._limit = limit
        self._segment: _Segment | None = None
        self._pending: dict[str, ObjectRef] = {}

    def put(self, payload: bytes, **facts: Unpack[Facts]) -> str:
        """Store bytes that are not stored yet, and return their SHA-256 in hex.

        Args:
            payload: The bytes; for a page or media, with any transfer or content encoding removed.
            facts: Metadata for their record.
        """
        sha256 = hashlib.sha256(payload).hexdigest()
        if not self.known([sha256]):
            self.add(sha256, payload, **facts)
        return sha256

    def known(self, hashes: Sequence[str]) -> set[str]:
        """Return the hashes whose objects are stored, or wait for a flush."""
        waiting = self._pending.keys() & hashes
        return waiting | self._index.known([sha256 for sha256 in hashes if sha256 not in waiting])

    def add(self, sha256: str, payload: bytes, **facts: Unpack[Facts]) -> None:
        """Store bytes with this SHA-256 (hex) that are not ``known``; otherwise like ``put``."""
        now, mime, url = self._clock(), facts["mime"], facts.get("url")
        if self._kind == "derived":
            head = payload_head("conversion", url, sha256, mime, facts.get("refers_to"), len(payload), now)
        elif url is None:
            head = payload_head("resource", None, sha256, mime, None, len(payload), now)
        else:
            http = http_head(facts.get("status", 200), facts.get("headers", ()), len(payload))
            head = response_head(url, sha256, mime, http, len(payload), now)
        segment = self._ready(now)
        offset, length = self._append(segment, head, payload, RECORD_END)
        payload_offset = -1 if segment.compressed else offset + len(head)
        self._pending[sha256] = ObjectRef(
            sha256, self._kind, mime, segment.name, offset, length, payload_offset, len(payload)
        )
        if len(self._pending) >= _PENDING:
            self.flush()

    def revisit(self, url: str, sha256: str, status: int = 304) -> None:
        """Record that ``url`` was requested again and its object still is ``sha256``."""
        now = self._clock()
        self._append(self._ready(now), revisit_record(url, sha256, status, now))

    def flush(self) -> None:
        """Sync everything: the segment first, then its rows in the index."""
        segment = self._segment
        if segment is None:
            return
        try:
            segment.sync()
            self._index.add(list(self._pending.values()), segment.name, segment.length)
        except BaseException:
            self._release()
            raise
        self._pending.clear()

    def close(self) -> None:
        """Flush, and release the segment."""
        self.flush()
        self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ready(self, now: datetime) -> _Segment:
        if self._segment is not None and self._segment.length >= self._limit:
            self.close()
        if self._segment is None:
            self._segment = _open_segment(self._folder, self._kind, self._index.segments, self._limit, own=self._own)
            if self._segment.length == 0:
                info = warcinfo_record(self._segment.name, f"m5data {__version__}", now)
                self._append(self._segment, info)
        return self._segment

    def _append(self, segment: _Segment, *parts: bytes) -> tuple[int, int]:
        """Append a record; after a failure (disk full) nothing since the last flush counts as stored."""
        try:
            return segment.append(*parts)
        except BaseException:
            self._release()
            raise

    def _release(self) -> None:
        self._pending.clear()
        if self._segment is not None:
            self._segment.close()
            self._segment = None


def object_rows(index: ObjectIndex, after: int = FIRST, upto: int | None = None) -> pa.RecordBatchReader:
    """Return a reader of the index's objects as rows of the table ``objects``.

    Args:
        index: Index of objects.
        after: Sequence number after which they begin.
        upto: Last sequence number; None: that of the index.
    """
    schema = TABLES["objects"].schema
    some = index.after(after, index.last() if upto is None else upto)
    rows = ({name: [getattr(ref, name) for ref in refs] for name in schema.names} for refs in some)
    return pa.RecordBatchReader.from_batches(schema, (pa.RecordBatch.from_pydict(row, schema) for row in rows))
