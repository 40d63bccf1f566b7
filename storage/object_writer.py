"""Storing objects: each once, synced many at a time."""

import hashlib
from datetime import datetime
from types import TracebackType
from typing import Self

from m5data.stage import Clock
from m5data.version import __version__
from storage.layout import Layout
from storage.object_index import ObjectIndex, ObjectKind, ObjectRef
from storage.segment import Segment, open_segment
from storage.warc import (
    RECORD_END,
    Headers,
    http_head,
    payload_head,
    response_head,
    revisit_record,
    warcinfo_record,
)

__all__ = ["ObjectWriter"]

_PENDING = 4096
"""Objects that may wait for their flush: bounds memory where a caller never flushes."""


class ObjectWriter:
    """Appends objects of one kind. One thread at a time; processes each have their own.

    Nothing that was put is found, or safe, before ``flush``. Two processes that store the same
    bytes at the same time may both write them; the index keeps one.
    """

    def __init__(self, layout: Layout, index: ObjectIndex, kind: ObjectKind, clock: Clock, limit: int) -> None:
        self._layout = layout
        self._index = index
        self._kind: ObjectKind = kind
        self._clock = clock
        self._limit = limit
        self._segment: Segment | None = None
        self._pending: dict[str, ObjectRef] = {}

    def put(
        self,
        payload: bytes,
        *,
        mime: str,
        url: str | None = None,
        headers: Headers = (),
        status: int = 200,
        refers_to: str | None = None,
    ) -> str:
        """Store bytes, unless they are stored, and return their SHA-256 in hex.

        Args:
            payload: The bytes; of a page or media, decoded of any transfer or content encoding.
            mime: Type, as told from the bytes.
            url: Address it came from, or, derived, address of what it was made from; None: by no request.
            headers: HTTP headers as received, in order; pages and media alone.
            status: HTTP status; pages and media alone.
            refers_to: SHA-256 of what it was made from; derived objects alone.
        """
        sha256 = hashlib.sha256(payload).hexdigest()
        if sha256 in self._pending or self._index.find(sha256):
            return sha256
        now = self._clock()
        if self._kind == "derived":
            head = payload_head("conversion", url, sha256, mime, refers_to, len(payload), now)
        elif url is None:
            head = payload_head("resource", None, sha256, mime, None, len(payload), now)
        else:
            http = http_head(status, headers, len(payload))
            head = response_head(url, sha256, mime, http, len(payload), now)
        segment = self._ready(now)
        offset, length = self._append(segment, head, payload, RECORD_END)
        payload_offset = -1 if segment.compressed else offset + len(head)
        self._pending[sha256] = ObjectRef(
            sha256, self._kind, mime, segment.name, offset, length, payload_offset, len(payload)
        )
        if len(self._pending) >= _PENDING:
            self.flush()
        return sha256

    def revisit(self, url: str, sha256: str, status: int = 304) -> None:
        """Note that ``url`` was asked again and still is the object ``sha256``."""
        now = self._clock()
        self._append(self._ready(now), revisit_record(url, sha256, status, now))

    def flush(self) -> None:
        """Put everything on the disk: the segment first, then its rows in the index."""
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

    def _ready(self, now: datetime) -> Segment:
        if self._segment is not None and self._segment.length >= self._limit:
            self.close()
        if self._segment is None:
            self._segment = open_segment(self._layout.objects, self._kind, self._index.segments, self._limit)
            if self._segment.length == 0:
                info = warcinfo_record(self._segment.name, f"m5data {__version__}", now)
                self._append(self._segment, info)
        return self._segment

    def _append(self, segment: Segment, *parts: bytes) -> tuple[int, int]:
        """Append a record; where that fails (disk full), nothing since the last flush counts as stored."""
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
