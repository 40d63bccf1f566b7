"""Responses in web archives: WARC 1.0 and 1.1, gzipped or not, and WACZ, a ZIP of them. Archives are hostile input."""

import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, cast

from warcio.archiveiterator import ArchiveIterator
from warcio.bufferedreaders import ChunkedDataReader
from warcio.exceptions import ArchiveLoadFailed
from warcio.recordloader import ArcWarcRecord

__all__ = ["ArchivedResponse", "BrokenArchiveError", "Skipped", "is_archive", "read_archive"]

_BETWEEN_RECORDS = 1 << 20
"""Most bytes that are read for the head of a record: a small file can unpack to a line without end."""
_LONGEST_HEAD = 1 << 20
"""Most bytes of the head of an HTTP response."""
_LONGEST_RECORD = 4 << 30
_MAX_EXPANSION = 200
"""Most bytes that an archive unpacks to, as a multiple of its own, beyond ``_LONGEST_RECORD``."""
_HEAD_END = re.compile(rb"\r?\n\r?\n")
"""Some servers send lines without carriage returns."""
_ZIP, _GZIP, _WARC = b"PK\x03\x04", b"\x1f\x8b", b"WARC/"


class Stream(Protocol):
    """What bytes are read from."""

    def read(self, length: int, /) -> bytes:
        """Return up to so many bytes; none at the end."""


class BrokenArchiveError(Exception):
    """The rest of an archive cannot be read. The message says why, without the name of the file."""


@dataclass(frozen=True, slots=True)
class ArchivedResponse:
    """A response as it was archived."""

    url: str
    at: datetime
    """Time of the response, UTC."""
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    """With its content coding, without that of the transfer."""
    is_cut: bool
    """Whether the body was longer than allowed."""


class Skipped(NamedTuple):
    """A record without a response that can be used."""

    reason: Literal["revisit", "unreadable"]
    """``revisit``: the payload is that of another record, which counts by itself."""
    detail: str


def is_archive(path: Path) -> bool:
    """Return whether a file begins like an archive."""
    return _starts_with(path, _ZIP, _GZIP, _WARC)


def _starts_with(path: Path, *marks: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(max(map(len, marks))).startswith(marks)


def read_archive(path: Path, max_bytes: int) -> Iterator[ArchivedResponse | Skipped]:
    """Yield the responses of an archive in their order, and the records that are none that can be used.

    Args:
        path: The file.
        max_bytes: Most bytes of a body that are read.

    Raises:
        BrokenArchiveError: The rest of the file cannot be read.
    """
    try:
        if _starts_with(path, _ZIP):
            with zipfile.ZipFile(path) as archive:
                names = [name for name in archive.namelist() if name.endswith((".warc", ".warc.gz"))]
                for name in sorted(names):
                    with archive.open(name) as member:
                        yield from _read(cast("io.BufferedIOBase", member), archive.getinfo(name).file_size, max_bytes)
            return
        with path.open("rb") as file:
            yield from _read(file, path.stat().st_size, max_bytes)
    except (
        ArchiveLoadFailed,
        EOFError,
        OSError,
        zlib.error,
        zipfile.BadZipFile,
        RuntimeError,
        NotImplementedError,
    ) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise BrokenArchiveError(reason) from error


class _Metered(io.RawIOBase):
    """A file of which only so many bytes may be read."""

    def __init__(self, file: io.BufferedIOBase) -> None:
        self._file = file
        self.allowed = _BETWEEN_RECORDS

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Read on.

        Raises:
            BrokenArchiveError: More than is allowed was read.
        """
        piece = self._file.read(size)
        self.allowed -= len(piece)
        if self.allowed < 0:
            raise BrokenArchiveError("a record is longer than it says, or the file unpacks to too much")
        return piece

    def tell(self) -> int:
        """Return 0: positions are not used."""
        return 0


def _read(file: io.BufferedIOBase, size: int, max_bytes: int) -> Iterator[ArchivedResponse | Skipped]:
    begin = file.read(2)
    file.seek(0)
    metered = _Metered(gzip.GzipFile(fileobj=file) if begin == _GZIP else file)
    room = size * _MAX_EXPANSION + _LONGEST_RECORD
    for record in ArchiveIterator(metered, no_record_parse=True):
        length = _length(record)
        room -= length
        if length > _LONGEST_RECORD or room < 0:
            raise BrokenArchiveError(f"a record of {length:,} bytes; the file unpacks to too much")
        metered.allowed = _BETWEEN_RECORDS + length
        if record.rec_type == "response":
            yield _response(record, max_bytes)
        elif record.rec_type == "revisit":
            yield Skipped("revisit", _url(record))


def _length(record: ArcWarcRecord) -> int:
    text = record.rec_headers.get_header("Content-Length") or "0"
    if not text.isdecimal() or len(text) > 18:
        raise BrokenArchiveError(f"Content-Length: {text[:50]!r} is no number")
    return int(text)


def _response(record: ArcWarcRecord, max_bytes: int) -> ArchivedResponse | Skipped:
    url = _url(record)
    block = _up_to(record.raw_stream, _LONGEST_HEAD + max_bytes + 1)
    end = _HEAD_END.search(block, 0, _LONGEST_HEAD)
    lines = block[: end.start() if end else 0].decode("utf-8", "replace").splitlines() or [""]
    words = lines[0].split(" ")
    if end is None or not words[0].startswith("HTTP/"):
        return Skipped("unreadable", f"{url[:200]}: no HTTP response")
    body = block[end.end() :]
    status, moment = "".join(words[1:2]), _moment(record.rec_headers.get_header("WARC-Date") or "")
    if not (status.isdecimal() and len(status) == 3) or moment is None:
        return Skipped("unreadable", f"{url[:200]}: its status or WARC-Date cannot be read")
    headers = tuple(
        (name.strip(), value.strip()) for name, sign, value in (s.partition(":") for s in lines[1:]) if sign
    )
    if any(name.lower() == "transfer-encoding" and "chunked" in value.lower() for name, value in headers):
        body = _up_to(ChunkedDataReader(io.BytesIO(body)), max_bytes + 1)
    return ArchivedResponse(url, moment, int(status), headers, body[:max_bytes], is_cut=len(body) > max_bytes)


def _url(record: ArcWarcRecord) -> str:
    return (record.rec_headers.get_header("WARC-Target-URI") or "").strip("<> ")


def _up_to(stream: Stream, most: int) -> bytes:
    pieces = []
    while most > 0 and (piece := stream.read(min(most, 1 << 20))):
        pieces.append(piece)
        most -= len(piece)
    return b"".join(pieces)


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
