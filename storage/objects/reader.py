"""Reading of objects: one positioned read in a WARC segment per object, checked against its hash."""

import gzip
import hashlib
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.errors import CorruptObjectError, MissingSegmentError
from core.stage import Clock, utc_now
from storage.files import Layout
from storage.objects.index import FIRST, ObjectIndex, ObjectKind, ObjectRef
from storage.objects.warc import RECORD_END, StoredPage, parse_response
from storage.objects.writer import ObjectWriter
from storage.working_copy import segment_file, store_url_of

__all__ = ["SEGMENT_BYTES", "ObjectProblem", "Objects", "verify_objects"]

SEGMENT_BYTES = 1_000_000_000
"""Length from which a segment is full; about 1 GB, as is usual in web archives."""


class Objects:
    """The objects of a workspace. Worker processes create their own from the workspace's path."""

    def __init__(self, root: Path, *, clock: Clock = utc_now, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._layout = Layout(Path(root))
        self.index = ObjectIndex(self._layout)
        self._clock = clock
        self._segment_bytes = segment_bytes

    def writer(self, kind: ObjectKind) -> ObjectWriter:
        """Return a writer (a context manager that flushes and closes) of one kind of object.

        Pages are gzipped and readable only by this user; media and derived objects are stored as they are.
        """
        own = store_url_of(self._layout.root) is not None  # an object in a store cannot be appended to
        return ObjectWriter(self._layout.objects, self.index, kind, self._clock, self._segment_bytes, own=own)

    def __contains__(self, sha256: str) -> bool:
        return self.index.find(sha256) is not None

    def find(self, sha256: str) -> ObjectRef:
        """Return the location of an object.

        Raises:
            CorruptObjectError: The index does not have it.
        """
        ref = self.index.find(sha256)
        if ref is None:
            raise CorruptObjectError(f"object {sha256}: not in the index. Run m5data verify --objects.")
        return ref

    def read(self, sha256: str) -> bytes:
        """Return an object's bytes, checked against its hash.

        Raises:
            CorruptObjectError: It is damaged, or the index does not have it.
            MissingSegmentError: Its segment is missing.
        """
        ref = self.find(sha256)
        payload = self._payload(ref)
        got = hashlib.sha256(payload).hexdigest()
        if got != sha256:
            raise CorruptObjectError(f"{_place(ref)}: not the bytes of {sha256}, but of {got}. Fetch it again.")
        return payload

    def read_slice(self, sha256: str, offset: int, length: int) -> bytes:
        """Return ``length`` bytes from ``offset`` of an object, unchecked because a part has no hash.

        Raises:
            CorruptObjectError: The object is shorter, or the index does not have it.
            MissingSegmentError: Its segment is missing.
        """
        ref = self.find(sha256)
        if offset < 0 or length < 0 or offset + length > ref.payload_length:
            asked = f"bytes {offset} to {offset + length} do not exist"
            raise CorruptObjectError(f"{_place(ref)}: {asked}; the object has {ref.payload_length}.")
        if ref.payload_offset < 0:
            return self._payload(ref)[offset : offset + length]
        return self._pread(ref, ref.payload_offset + offset, length)

    def page(self, sha256: str) -> StoredPage:
        """Return a page or media object with its URL, HTTP status and headers.

        Raises:
            CorruptObjectError: It is damaged, or came from no request, or the index does not have it.
            MissingSegmentError: Its segment is missing.
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
            raise CorruptObjectError(f"{_place(ref)}: damaged gzip record ({error}). Fetch it again.") from error

    def _pread(self, ref: ObjectRef, offset: int, length: int) -> bytes:
        try:
            descriptor = os.open(segment_file(self._layout.root, ref.segment), os.O_RDONLY)
        except FileNotFoundError as error:
            raise MissingSegmentError(
                f"{self._layout.objects / ref.segment}: missing. Mount its disk or restore it from a backup, "
                "and run again."
            ) from error
        try:
            data = os.pread(descriptor, length, offset)
        finally:
            os.close(descriptor)
        if len(data) != length:
            raise CorruptObjectError(
                f"{_place(ref)}: only {len(data)} of {length} bytes at {offset}. Restore a backup."
            )
        return data


def _place(ref: ObjectRef) -> str:
    return f"objects/{ref.segment} at {ref.offset}"


@dataclass(frozen=True, slots=True)
class ObjectProblem:
    """One object that is missing or damaged."""

    sha256: str
    detail: str
    """Its location and the problem."""


def verify_objects(objects: Objects) -> Iterator[ObjectProblem]:
    """Read all objects in the order of storage, and yield those that are missing or damaged.

    Memory holds one object at a time.
    """
    for refs in objects.index.after(FIRST, objects.index.last()):
        for ref in refs:
            try:
                objects.read(ref.sha256)
            except (CorruptObjectError, MissingSegmentError) as error:
                yield ObjectProblem(ref.sha256, str(error))
