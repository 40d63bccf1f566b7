"""The file of a feed as bytes of UTF-8, whether it is packed with gzip or in another encoding."""

import codecs
import gzip
import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from core.errors import FeedError

__all__ = ["as_file", "check_file", "is_parquet", "read_head", "utf8_chunks", "utf8_file"]

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
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_ZEROS: Mapping[tuple[bool, ...], str] = {
    (False, True, False, True): "utf-16-le",
    (True, False, True, False): "utf-16-be",
}
"""Which of the first bytes are zero -> encoding (XML 1.0, appendix F)."""
_DECLARED = re.compile(rb"""\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._:-]+)["']""")


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

    The encoding is that of the byte order mark, of the XML declaration, or UTF-8. Bytes that are not UTF-8 stay in a
    file that should be.

    Raises:
        FeedError: The file cannot be read, or declares an encoding that does not exist.
    """
    return as_file(utf8_chunks(path))


def as_file(pieces: Iterator[bytes]) -> BinaryIO:
    """Return a file whose content comes in pieces."""
    return io.BufferedReader(_Chunks(pieces), _CHUNK)


def utf8_chunks(path: Path) -> Iterator[bytes]:
    """Yield the content of ``utf8_file`` in pieces of about a megabyte."""
    with _unpacked(path) as file:
        head = file.read(_HEAD)
        mark, encoding = _encoding(path, head)
        pieces = _pieces(head[len(mark) :], file)
        yield from pieces if encoding == "utf-8" else _transcoded(path, pieces, encoding)


def _pieces(head: bytes, file: _Readable) -> Iterator[bytes]:
    yield head + file.read(_CHUNK)
    while piece := file.read(_CHUNK):
        yield piece


def _transcoded(path: Path, pieces: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)()
    done = 0
    try:
        for piece in pieces:
            yield decoder.decode(piece).encode("utf-8", "surrogatepass")
            done += len(piece)
        yield decoder.decode(b"", final=True).encode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise FeedError(
            f"{path}: byte {done + error.start} is not {encoding}, the encoding of the file. Save it as UTF-8."
        ) from error


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


def _encoding(path: Path, head: bytes) -> tuple[bytes, str]:
    """Return the byte order mark of a text, and the name of its encoding."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return mark, name
    if by_zeros := _ZEROS.get(tuple(byte == 0 for byte in head[:4])):
        return b"", by_zeros
    declared = _DECLARED.match(head)
    return b"", _codec(path, declared[1].decode("ascii")) if declared else "utf-8"


def _codec(path: Path, label: str) -> str:
    try:
        name = codecs.lookup(label).name
        b"".decode(name)  # refused by codecs that are no encodings of text
    except LookupError as error:
        raise FeedError(
            f"{path}: the XML declares the encoding {label}, which is unknown. Save it as UTF-8."
        ) from error
    return "utf-8" if name.startswith("utf") else name  # a declaration in ASCII is not in UTF-16


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
