"""Iteration over the records of segments, including those that the index does not know."""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from core.errors import CorruptObjectError
from storage.objects.reader import Objects
from storage.objects.warc import RECORD_END
from storage.working_copy import segment_file

__all__ = ["BLANK_TYPE", "WarcRecord", "find_records", "record_fields", "segment_records"]

BLANK_TYPE = "metadata"
"""WARC type of a record that replaces an erased one; no other stored record has it."""

_READ = 1 << 16
_HEAD = 2048
"""Longer than nearly every WARC header."""
_MAX_HEAD = 1 << 20


@dataclass(frozen=True, slots=True)
class WarcRecord:
    """Place and header of a WARC record."""

    segment: str
    offset: int
    """Start of the record, bytes."""
    length: int
    """As stored, bytes."""
    type: str = ""
    """WARC-Type."""
    url: str = ""
    """WARC-Target-URI, empty if the record has none."""
    sha256: str = ""
    """Of the payload, hex; empty if the record does not say."""

    @property
    def compressed(self) -> bool:
        """Whether the record is a separate gzip member, as pages are."""
        return self.segment.endswith(".gz")


def find_records(
    root: Path, objects: Objects, is_item: Callable[[WarcRecord], bool], names_it: Callable[[bytes], bool]
) -> tuple[list[WarcRecord], list[WarcRecord]]:
    """Search all segments for the records of an item, and for other stored pages that name it.

    Args:
        root: The workspace's folder.
        objects: Its objects.
        is_item: Whether a record is the item's: a page, media, derived media, or a revisit of one of these.
        names_it: Whether another page's whole record names the item.

    Returns:
        Both in the order of segments and offsets.
    """
    items, mentions = [], []
    for name, length in objects.index.segments().items():
        for place, record in segment_records(segment_file(root, name), length):
            if place.type in {BLANK_TYPE, "warcinfo"}:
                continue
            if is_item(place):
                items.append(place)
            elif place.compressed and place.type == "response" and names_it(record):
                mentions.append(place)
    return items, mentions


def segment_records(path: Path, length: int) -> Iterator[tuple[WarcRecord, bytes]]:
    """Yield the records in the first ``length`` bytes of a segment, in order; one is in memory at a time.

    Each comes with its bytes: the whole record if it is gzipped, otherwise only the WARC header.

    Raises:
        CorruptObjectError: The bytes are not WARC records.
    """
    read = _read_member if path.suffix == ".gz" else _read_plain
    with path.open("rb") as file:
        offset = 0
        while offset < length:
            file.seek(offset)
            size, record = read(file)
            fields = record_fields(record)
            if not size or "WARC-Type" not in fields:
                raise CorruptObjectError(f"objects/{path.name}: no WARC record at byte {offset}. Restore a backup.")
            digest = fields.get("WARC-Payload-Digest", "").removeprefix("sha256:")
            url = fields.get("WARC-Target-URI", "")
            yield WarcRecord(path.name, offset, size, fields["WARC-Type"], url, digest), record
            offset += size


def _read_member(file: BinaryIO) -> tuple[int, bytes]:
    """Return the length of the gzip member, and its content."""
    decompressor = zlib.decompressobj(16 + zlib.MAX_WBITS)
    parts, size = [], 0
    try:
        while not decompressor.eof and (data := file.read(_READ)):
            parts.append(decompressor.decompress(data))
            size += len(data)
    except zlib.error:
        return 0, b""
    return (size - len(decompressor.unused_data) if decompressor.eof else 0), b"".join(parts)


def _read_plain(file: BinaryIO) -> tuple[int, bytes]:
    """Return the length of the record, and its WARC header."""
    head = b""
    while b"\r\n\r\n" not in head and len(head) < _MAX_HEAD and (data := file.read(_HEAD)):
        head += data
    head = head[: head.find(b"\r\n\r\n") + 4]
    length = record_fields(head).get("Content-Length", "")
    return (len(head) + int(length) + len(RECORD_END) if length.isdigit() else 0), head


def record_fields(record: bytes) -> dict[str, str]:
    """Return the WARC header of a record, or of its beginning."""
    lines = record.partition(b"\r\n\r\n")[0].decode(errors="replace").split("\r\n")[1:]
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
