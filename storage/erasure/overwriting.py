"""In-place overwriting of records in segments: later records do not move."""

import ctypes
import gzip
import json
import os
import struct
import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.errors import CorruptObjectError
from core.files import replace_file, sync_file, sync_folder
from core.small_files import check, read_json
from storage.erasure.records import BLANK_TYPE, WarcRecord, record_fields
from storage.files import SEGMENT
from storage.objects.index import ObjectKind
from storage.objects.reader import Objects
from storage.objects.warc import RECORD_END, StoredPage, parse_response
from storage.objects.writer import ObjectWriter
from storage.working_copy import segment_file

__all__ = ["blank_record", "erase_records", "finish_erasing", "free_blanks", "store_again", "unfinished_spans"]

_JOURNAL = "takedown.journal"
"""File that lists the byte ranges being overwritten: after a kill, a half-written record could not be parsed."""
_REMEDY = "Restore it from a backup; without it, take the same item down again."
_CHUNK = 1 << 20
_DIGITS = 12
_GZIP_HEAD = bytes.fromhex("1f8b08000000000000ff")
_GZIP_TAIL = struct.Struct("<II")
_BLOCK = struct.Struct("<BHH")
_STORED = 0xFFFF
"""Most bytes of a stored block."""
_PUNCH = 0x01 | 0x02  # FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE


def store_again(
    root: Path, objects: Objects, places: Iterable[WarcRecord], change: Callable[[WarcRecord, StoredPage], StoredPage]
) -> dict[str, str]:
    """Store the objects of records again, changed, and return old object -> new object.

    The old records stay until ``erase_records``. Revisits, and records whose bytes are read from another record,
    are left out.

    Args:
        root: The workspace's folder.
        objects: Its objects.
        places: Records.
        change: Returns the page to store instead; that of an object from no request has the URL "".
    """
    stored: dict[str, str] = {}
    with ExitStack() as stack:
        writers: dict[ObjectKind, ObjectWriter] = {}
        for place in places:
            ref = objects.index.find(place.sha256)
            if place.type == "revisit":
                continue
            page, mime = _read(root, place)
            changed = change(place, page)
            if changed.body == page.body:
                if ref is not None and (ref.segment, ref.offset) != (place.segment, place.offset):
                    continue
                objects.index.remove([place.sha256])  # otherwise the writer would skip it as stored
            kind: ObjectKind = "page" if place.compressed else "media"
            kind = "derived" if place.segment.startswith("derived") else kind
            if kind not in writers:
                writers[kind] = stack.enter_context(objects.writer(kind))
            url = changed.url if kind == "derived" or place.type == "response" else ""
            stored[place.sha256] = writers[kind].put(
                changed.body, mime=mime, url=url or None, headers=changed.headers, status=changed.status
            )
    return stored


def erase_records(
    root: Path, objects: Objects, places: Iterable[WarcRecord], gone: Iterable[str], now: datetime
) -> int:
    """Overwrite records and drop objects from the index; return the number of records.

    If the process is killed, ``finish_erasing`` does the rest.

    Args:
        root: The workspace's folder; its lock is held.
        objects: Its objects.
        places: Records to overwrite.
        gone: Objects to drop from the index.
        now: Date of the records written in their place.
    """
    spans = [(place.segment, place.offset, place.length) for place in places]
    replace_file(root / _JOURNAL, json.dumps(spans).encode())
    objects.index.remove(gone)
    finish_erasing(root, now)
    return len(spans)


def finish_erasing(root: Path, now: datetime) -> None:
    """Overwrite the ranges that the journal lists, already overwritten or not, and remove the journal."""
    spans = unfinished_spans(root)
    for segment, offset, length in spans:
        _overwrite(segment_file(root, segment), offset, length, now)
    for segment in sorted({segment for segment, _, _ in spans}):
        sync_file(segment_file(root, segment))
    (root / _JOURNAL).unlink(missing_ok=True)
    sync_folder(root)


def unfinished_spans(root: Path) -> list[tuple[str, int, int]]:
    """Return segment, offset and length of each range that the journal lists; none if there is no journal.

    Raises:
        CorruptObjectError: The journal is damaged.
    """
    journal = root / _JOURNAL
    return read_json(journal, _spans, _REMEDY) if journal.is_file() else []


def _spans(data: Any) -> list[tuple[str, int, int]]:  # noqa: ANN401 - JSON
    """Return segment, offset and length of each range; another value is a ``ValueError``."""
    found = [
        (check(name, str, "segment"), check(at, int, "offset"), check(size, int, "length")) for name, at, size in data
    ]
    if wrong := [span for span in found if not SEGMENT.fullmatch(span[0]) or span[1] < 0 or span[2] <= 0]:
        raise ValueError(f"{wrong[0]} is no range of a segment")
    return found


def blank_record(length: int, *, compressed: bool, now: datetime) -> list[bytes | int]:
    """Return an empty record of ``length`` bytes, in parts: bytes, or a number of zero bytes.

    A gzipped record consists of stored blocks, so that its zeros are zeros on the disk as well.

    Raises:
        CorruptObjectError: No record is that short.
    """
    zeros = length - len(_blank_head(0, now)) - len(RECORD_END)
    runs = []
    if compressed:
        zeros -= len(_GZIP_HEAD) + _GZIP_TAIL.size + 2 * _BLOCK.size  # the blocks of head and end
        count = -(-zeros // (_STORED + _BLOCK.size))
        zeros -= count * _BLOCK.size
        runs = [max(0, min(_STORED, zeros - start * _STORED)) for start in range(count)]
    if zeros < 0:
        raise CorruptObjectError(f"{length} bytes are too few for a WARC record. Run m5data verify --objects.")
    head = _blank_head(zeros, now)
    if not compressed:
        return [head, zeros, RECORD_END]
    check = zlib.crc32(head)
    for data in (*_zeros(zeros), RECORD_END):
        check = zlib.crc32(data, check)
    tail = _GZIP_TAIL.pack(check, len(head) + zeros + len(RECORD_END) & 0xFFFFFFFF)
    between = [part for run in runs for part in (_block(run), run)]
    return [_GZIP_HEAD + _block(len(head)) + head, *between, _block(len(RECORD_END), last=1) + RECORD_END + tail]


def _block(length: int, last: int = 0) -> bytes:
    """Return the header of a stored block (RFC 1951, 3.2.4)."""
    return _BLOCK.pack(last, length, length ^ _STORED)


def free_blanks(path: Path, offset: int, length: int, now: datetime) -> None:
    """Free the disk blocks of an erased record's zeros, if the file system can."""
    fallocate = ctypes.CDLL(None).fallocate
    fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    with path.open("r+b", buffering=0) as file:
        for part in blank_record(length, compressed=path.suffix == ".gz", now=now):
            size = part if isinstance(part, int) else len(part)
            if isinstance(part, int):
                fallocate(file.fileno(), _PUNCH, offset, size)
            offset += size


def _blank_head(length: int, now: datetime) -> bytes:
    lines = [
        "WARC/1.1",
        f"WARC-Type: {BLANK_TYPE}",
        f"WARC-Record-ID: <{uuid.uuid4().urn}>",
        f"WARC-Date: {now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        f"Content-Length: {length:0{_DIGITS}}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def _overwrite(path: Path, offset: int, length: int, now: datetime) -> None:
    with path.open("r+b", buffering=0) as file:
        for part in blank_record(length, compressed=path.suffix == ".gz", now=now):
            for data in [part] if isinstance(part, bytes) else _zeros(part):
                _write(file.fileno(), offset, data)
                offset += len(data)


def _zeros(count: int) -> Iterator[bytes]:
    for start in range(0, count, _CHUNK):
        yield bytes(min(_CHUNK, count - start))


def _write(descriptor: int, offset: int, data: bytes) -> None:
    while data:
        written = os.pwrite(descriptor, data, offset)
        data, offset = data[written:], offset + written


def _read(root: Path, place: WarcRecord) -> tuple[StoredPage, str]:
    """Return a record's content and its MIME type."""
    with segment_file(root, place.segment).open("rb") as file:
        file.seek(place.offset)
        data = file.read(place.length)
    data = gzip.decompress(data) if place.compressed else data
    fields = record_fields(data)
    mime = fields.get("WARC-Identified-Payload-Type", fields.get("Content-Type", "application/octet-stream"))
    if place.type == "response":
        return parse_response(data), mime
    return StoredPage("", 200, (), data.removesuffix(RECORD_END).partition(b"\r\n\r\n")[2]), mime
