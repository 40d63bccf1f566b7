"""Objects: the bytes in WARC segments, each found by one positioned read."""

import gzip
import hashlib
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from m5data.errors import CorruptObjectError
from m5data.stage import Clock, utc_now
from storage.files import Layout
from storage.objects.warc import RECORD_END, StoredPage, parse_response
from storage.objects.writer import ObjectWriter
from storage.remote import segment_file
from storage.state import ObjectIndex, ObjectKind, ObjectRef, State

__all__ = ["SEGMENT_BYTES", "ObjectProblem", "Objects", "verify_objects"]

SEGMENT_BYTES = 1_000_000_000
"""Length from which a segment is full: web archives' custom of about 1 GB."""


class Objects:
    """The objects of a workspace. Worker processes make their own from the workspace's path."""

    def __init__(self, root: Path, *, clock: Clock = utc_now, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._layout = Layout(Path(root))
        self.index = ObjectIndex(State(self._layout.state))
        self._clock = clock
        self._segment_bytes = segment_bytes

    def writer(self, kind: ObjectKind) -> ObjectWriter:
        """Return a writer (a context manager that flushes and closes) of one kind of object.

        Pages are gzipped and private to this machine's user; media and derived objects lie as they are.
        """
        return ObjectWriter(self._layout, self.index, kind, self._clock, self._segment_bytes)

    def __contains__(self, sha256: str) -> bool:
        return self.index.find(sha256) is not None

    def find(self, sha256: str) -> ObjectRef:
        """Return where an object lies.

        Raises:
            CorruptObjectError: The index does not know it.
        """
        ref = self.index.find(sha256)
        if ref is None:
            raise CorruptObjectError(f"object {sha256}: not in the index; run m5data verify --objects")
        return ref

    def read(self, sha256: str) -> bytes:
        """Return an object's bytes, checked against its hash.

        Raises:
            CorruptObjectError: It is not there, or has other bytes.
        """
        ref = self.find(sha256)
        payload = self._payload(ref)
        got = hashlib.sha256(payload).hexdigest()
        if got != sha256:
            raise CorruptObjectError(f"{_place(ref)}: wanted the bytes of {sha256}, got those of {got}; fetch it again")
        return payload

    def read_slice(self, sha256: str, offset: int, length: int) -> bytes:
        """Return ``length`` bytes from ``offset`` of an object; a part has no hash that could be checked.

        Raises:
            CorruptObjectError: The object is not there, or is shorter.
        """
        ref = self.find(sha256)
        if offset < 0 or length < 0 or offset + length > ref.payload_length:
            wanted = f"bytes {offset} to {offset + length}"
            raise CorruptObjectError(f"{_place(ref)}: wanted {wanted}, it has {ref.payload_length}")
        if ref.payload_offset < 0:
            return self._payload(ref)[offset : offset + length]
        return self._pread(ref, ref.payload_offset + offset, length)

    def page(self, sha256: str) -> StoredPage:
        """Return a page or media object with its address, HTTP status and headers.

        Raises:
            CorruptObjectError: It is not there, is damaged, or came by no request.
        """
        return parse_response(self._record(self.find(sha256)))

    def close(self) -> None:
        """Close the index; the next read opens it again."""
        self.index.close()

    def _payload(self, ref: ObjectRef) -> bytes:
        if ref.payload_offset >= 0:
            return self._pread(ref, ref.payload_offset, ref.payload_length)
        record = self._record(ref).removesuffix(RECORD_END)
        return record[len(record) - ref.payload_length :]

    def _record(self, ref: ObjectRef) -> bytes:
        record = self._pread(ref, ref.offset, ref.length)
        try:
            return gzip.decompress(record) if ref.payload_offset < 0 else record
        except (OSError, EOFError, zlib.error) as error:
            raise CorruptObjectError(f"{_place(ref)}: damaged gzip record ({error}); fetch it again") from error

    def _pread(self, ref: ObjectRef, offset: int, length: int) -> bytes:
        try:
            descriptor = os.open(segment_file(self._layout.root, ref.segment), os.O_RDONLY)
        except FileNotFoundError as error:
            raise CorruptObjectError(f"{_place(ref)}: the segment is gone; restore it from a backup") from error
        try:
            data = os.pread(descriptor, length, offset)
        finally:
            os.close(descriptor)
        if len(data) != length:
            raise CorruptObjectError(f"{_place(ref)}: wanted {length} bytes at {offset}, got {len(data)}")
        return data


def _place(ref: ObjectRef) -> str:
    return f"objects/{ref.segment} at {ref.offset}"


@dataclass(frozen=True, slots=True)
class ObjectProblem:
    """One object that cannot be trusted."""

    sha256: str
    detail: str
    """Where, wanted, got."""


def verify_objects(objects: Objects) -> Iterator[ObjectProblem]:
    """Read every object in the order it was stored, and yield those that are missing or damaged.

    Reads everything once; memory holds one object at a time.
    """
    for refs in objects.index.after(0, objects.index.last()):
        for ref in refs:
            try:
                objects.read(ref.sha256)
            except CorruptObjectError as error:
                yield ObjectProblem(ref.sha256, str(error))
