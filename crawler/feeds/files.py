"""The file of a feed as bytes of UTF-8, whether it is packed with gzip or in another encoding."""

import codecs
import gzip
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from core.errors import FeedError
from core.texts import decode_plain, decode_xml, piecewise_decoder

__all__ = ["as_file", "check_file", "is_parquet", "raw_chunks", "read_head", "utf8_chunks", "utf8_file"]

_HEAD = 65_536
"""Bytes from which encoding and format are recognised."""
_CHUNK = 1 << 20
_GZIP = b"\x1f\x8b"
_PARQUET = b"PAR1"
_ARCHIVES = {
    b"PK\x03\x04": "a ZIP archive or a spreadsheet",
    b"7z\xbc\xaf": "a 7z archive",
    b"BZh": "packed with bzip2",
    b"\xfd7zXZ": "packed with xz",
    b"\x28\xb5\x2f\xfd": "packed with zstd",
}


class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


def check_file(path: Path) -> None:
    """Raise unless the path is a regular file of text or Parquet.

    A pipe or device might never end, and feeds are read several times.

    Raises:
        FeedError: It is something else.
    """
    if not path.exists():
        raise FeedError(f"{path}: there is no such file")
    if not path.is_file():
        raise FeedError(f"{path} is a folder, pipe or device. Save the feed to a file first.")
    if is_parquet(path):
        return
    with _unpacked(path) as file:
        head = file.read(_HEAD)
    kind = next((name for mark, name in _ARCHIVES.items() if head.startswith(mark)), None)
    if kind:
        raise FeedError(f"{path}: the file is {kind}. Save the feed as text in UTF-8, packed with gzip or not.")
    if "\0" in read_head(path):
        raise FeedError(f"{path}: the file is not text. Save the feed as text in UTF-8.")


def is_parquet(path: Path) -> bool:
    """Return whether a file begins like Parquet.

    Raises:
        FeedError: It cannot be read.
    """
    with _unpacked(path) as file:
        return file.read(len(_PARQUET)) == _PARQUET


def read_head(path: Path) -> str:
    """Return the beginning of a text, with U+FFFD for what is not in its encoding.

    Raises:
        FeedError: The file cannot be read.
    """
    return next(utf8_chunks(path), b"")[:_HEAD].decode(errors="replace")


def utf8_file(path: Path) -> BinaryIO:
    """Return a text as a file of UTF-8 without a byte order mark.

    The encoding is what ``core.texts`` finds. Of a text that is UTF-8 for the most part, other bytes stay as they are:
    they cost their item.

    Raises:
        FeedError: The file cannot be read.
    """
    return as_file(utf8_chunks(path))


def as_file(pieces: Iterator[bytes]) -> BinaryIO:
    """Return a file whose content comes in pieces."""
    return io.BufferedReader(_Chunks(pieces), _CHUNK)


def utf8_chunks(path: Path) -> Iterator[bytes]:
    """Yield the content of ``utf8_file`` in pieces of about a megabyte."""
    with _unpacked(path) as file:
        head = file.read(_HEAD)
        encoding = _encoding(head)
        if encoding == "utf-8":
            yield from _pieces(head.removeprefix(codecs.BOM_UTF8), file)
            return
        decoder = piecewise_decoder(encoding)
        yield decoder.decode(head).removeprefix("\ufeff").encode()
        for piece in _pieces(b"", file):
            yield decoder.decode(piece).encode()
        yield decoder.decode(b"", final=True).encode()


def raw_chunks(path: Path) -> Iterator[bytes]:
    """Yield a file in pieces of about a megabyte, as it is or unpacked.

    Raises:
        FeedError: It cannot be read or unpacked.
    """
    with _unpacked(path) as file:
        yield from _pieces(b"", file)


def _pieces(head: bytes, file: _Readable) -> Iterator[bytes]:
    yield head + file.read(_CHUNK)
    while piece := file.read(_CHUNK):
        yield piece


def _encoding(head: bytes) -> str:
    found = decode_xml(head) if head.lstrip(codecs.BOM_UTF8 + b" \t\r\n").startswith(b"<") else decode_plain(head)
    text = head.decode(errors="replace")
    is_mostly_utf8 = sum(sign > "\x7f" for sign in text) > 2 * text.count("\ufffd")
    return "utf-8" if is_mostly_utf8 and b"\0" not in head[:4] else found.encoding


@contextmanager
def _unpacked(path: Path) -> Iterator[_Readable]:
    """Open a file, and unpack it if it is packed with gzip.

    Raises:
        FeedError: It cannot be read or unpacked.
    """
    try:
        with path.open("rb") as file:
            is_packed = file.read(2) == _GZIP
            file.seek(0)
            yield cast("_Readable", gzip.GzipFile(fileobj=file)) if is_packed else file
    except (EOFError, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FeedError(f"{path}: cannot read the file: {reason}") from error


class _Chunks(io.RawIOBase):
    """A file over pieces of its content."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object, /) -> int:
        """Fill the buffer with the next bytes; return their number, 0 at the end."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        target = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        count = min(len(target), len(self._rest))
        target[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
