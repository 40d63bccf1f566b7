"""Walking over the records of a segment, whether the index knows them or not."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from m5data.errors import CorruptObjectError
from storage.objects.warc import RECORD_END

__all__ = ["SegmentRecord", "segment_records"]

_READ = 1 << 16
_HEAD = 2048
"""Longer than nearly every WARC header."""
_MOST_HEAD = 1 << 20


@dataclass(frozen=True, slots=True)
class SegmentRecord:
    """One WARC record as it lies in its segment."""

    segment: str
    offset: int
    """Where it starts, bytes."""
    length: int
    """As stored, bytes."""
    type: str
    """WARC-Type."""
    url: str
    """WARC-Target-URI, empty where there is none."""
    sha256: str
    """Of the payload, hex; empty where the record does not say."""
    record: bytes
    """The whole record where it is gzipped (pages are); of others its WARC header."""

    @property
    def compressed(self) -> bool:
        """Whether it is a gzip member of its own."""
        return self.segment.endswith(".gz")


def segment_records(path: Path, length: int) -> Iterator[SegmentRecord]:
    """Yield the records in the first ``length`` bytes of a segment, in order; one is in memory at a time.

    Raises:
        CorruptObjectError: The bytes are no records.
    """
    read = _read_member if path.suffix == ".gz" else _read_plain
    with path.open("rb") as file:
        offset = 0
        while offset < length:
            file.seek(offset)
            taken, record = read(file)
            fields = _fields(record)
            if not taken or "WARC-Type" not in fields:
                raise CorruptObjectError(f"objects/{path.name} at {offset}: wanted a WARC record; restore a backup")
            digest = fields.get("WARC-Payload-Digest", "").removeprefix("sha256:")
            url = fields.get("WARC-Target-URI", "")
            yield SegmentRecord(path.name, offset, taken, fields["WARC-Type"], url, digest, record)
            offset += taken


def _read_member(file: BinaryIO) -> tuple[int, bytes]:
    """Return how long the gzip member is, and what it holds."""
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    parts, taken = [], 0
    try:
        while not unpacker.eof and (data := file.read(_READ)):
            parts.append(unpacker.decompress(data))
            taken += len(data)
    except zlib.error:
        return 0, b""
    return (taken - len(unpacker.unused_data) if unpacker.eof else 0), b"".join(parts)


def _read_plain(file: BinaryIO) -> tuple[int, bytes]:
    """Return how long the record is, and its WARC header."""
    head = b""
    while b"\r\n\r\n" not in head and len(head) < _MOST_HEAD and (data := file.read(_HEAD)):
        head += data
    head = head[: head.find(b"\r\n\r\n") + 4]
    length = _fields(head).get("Content-Length", "")
    return (len(head) + int(length) + len(RECORD_END) if length.isdigit() else 0), head


def _fields(record: bytes) -> dict[str, str]:
    lines = record.partition(b"\r\n\r\n")[0].decode(errors="replace").split("\r\n")[1:]
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
