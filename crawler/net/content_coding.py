"""Content codings of responses (RFC 9110, 8.4) and gzipped files, undone as leniently as browsers do.

A header that names an unknown coding, or one that the body does not have, leaves the body as it is. Every function is
bounded: a small body that unpacks to a large one costs no more than the limit.
"""

import re
import zlib
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

import brotli
from backports import zstd

__all__ = ["ACCEPTED_CODINGS", "GZIP_MAGIC", "CodingError", "Unpacked", "decode_content", "gunzip"]

ACCEPTED_CODINGS = "gzip, deflate, br, zstd"
"""Value of ``Accept-Encoding`` for pages."""
GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_FRAME = re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18")
"""Start of a frame, or of one that decoders skip (RFC 8878, 3.1)."""
_MAX_FRAMES = 1_000
"""Most frames of a body: each takes a decoder of its own, and a hostile body holds millions of empty ones."""
_CHUNK_BYTES = 16_384
"""Bytes unpacked at once: what follows a member is copied, and a file may consist of many small members."""
_GZIP_BITS, _ZLIB_BITS, _RAW_BITS = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS


class CodingError(ValueError):
    """A body that cannot be unpacked.

    Attributes:
        reason: ``too_large``, ``truncated``, or ``bad_encoding`` for damaged data.
        detail: one line for people.
    """

    def __init__(self, reason: Literal["bad_encoding", "too_large", "truncated"], detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class Unpacked(NamedTuple):
    """What a packed body contains."""

    body: bytes
    ended: bool
    """Whether the data had its end; if not, it is cut off."""


def decode_content(body: bytes, codings: str, max_bytes: int) -> bytes:
    """Return a body without its content codings.

    Args:
        body: as received.
        codings: value of ``Content-Encoding``; several are separated by commas, in the order of their application.
        max_bytes: largest body that is returned.

    Raises:
        CodingError: the body is damaged, cut off or too large.
    """
    for coding in reversed([one.strip().lower() for one in codings.split(",")]):
        unpack = _UNPACK.get(coding)
        if unpack is None or not body:
            continue
        found = unpack(body, max_bytes)
        if found is not None and not found.ended:
            raise CodingError("truncated", f"the {coding} stream lacks its end")
        body = body if found is None else found.body
    return body


def gunzip(body: bytes, max_bytes: int) -> Unpacked:
    """Return what a gzip file contains: all of its members (RFC 1952, 2.2), without what follows them.

    Raises:
        CodingError: damaged, or larger than ``max_bytes``.
    """
    parts: list[bytes] = []
    room = max_bytes
    unzip: zlib._Decompress | None = None
    for chunk in _chunks(body):
        left = chunk if unzip else chunk.lstrip(b"\0")
        while left:
            if unzip is None:
                if parts and not GZIP_MAGIC.startswith(left[:2]):
                    return Unpacked(b"".join(parts), ended=True)
                unzip = zlib.decompressobj(_GZIP_BITS)
            part = _inflate(unzip, left, room, max_bytes)
            parts.append(part)
            room -= len(part)
            left = unzip.unused_data.lstrip(b"\0")  # members may be padded
            unzip = None if unzip.eof else unzip
    return Unpacked(b"".join(parts), ended=unzip is None)


def _chunks(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), _CHUNK_BYTES):
        yield body[start : start + _CHUNK_BYTES]


def _inflate(unzip: "zlib._Decompress", data: bytes, room: int, max_bytes: int) -> bytes:
    try:
        part = unzip.decompress(data, room + 1)
    except zlib.error as error:
        raise CodingError("bad_encoding", f"damaged: {error}") from None
    if len(part) > room:
        raise _too_large(max_bytes)
    return part


def _too_large(max_bytes: int) -> CodingError:
    return CodingError("too_large", f"more than the limit of {max_bytes} bytes when unpacked")


def _ungzip(body: bytes, max_bytes: int) -> Unpacked | None:
    return gunzip(body, max_bytes) if body.startswith(GZIP_MAGIC) else None


def _undeflate(body: bytes, max_bytes: int) -> Unpacked | None:
    """Undo ``deflate``: zlib's format (RFC 9110, 8.4.1.2) or, as some servers send it, the raw one."""
    for bits in (_ZLIB_BITS, _RAW_BITS):
        unzip = zlib.decompressobj(bits)
        try:
            part = _inflate(unzip, body, max_bytes, max_bytes)
        except CodingError as error:
            if error.reason == "too_large":
                raise
            continue
        if unzip.eof or part:
            return Unpacked(part, unzip.eof)
    return None


def _unbrotli(body: bytes, max_bytes: int) -> Unpacked | None:
    unpack = brotli.Decompressor()
    try:
        part = unpack.process(body, output_buffer_limit=max_bytes + 1)
        while len(part) <= max_bytes and not unpack.is_finished() and not unpack.can_accept_more_data():
            part += unpack.process(b"", output_buffer_limit=max_bytes + 1 - len(part))
    except brotli.error:
        return None  # a brotli stream has no mark of its own: plain bytes fail like damaged ones
    if len(part) > max_bytes:
        raise _too_large(max_bytes)
    return Unpacked(part, unpack.is_finished())


def _unzstd(body: bytes, max_bytes: int) -> Unpacked | None:
    """Undo ``zstd``: all frames (RFC 8878, 3.1), without what follows them."""
    parts: list[bytes] = []
    at, room, ended, count = 0, max_bytes, True, 0
    while ended and _ZSTD_FRAME.match(body, at):
        count += 1
        if count > _MAX_FRAMES:
            raise CodingError("bad_encoding", f"more than {_MAX_FRAMES} zstd frames")
        unpack = zstd.ZstdDecompressor()
        while not unpack.eof and at < len(body):
            chunk = body[at : at + _CHUNK_BYTES]
            try:
                parts.append(unpack.decompress(chunk, room + 1))
            except zstd.ZstdError as error:
                raise CodingError("bad_encoding", f"damaged: {error}") from None
            room -= len(parts[-1])
            if room < 0:
                raise _too_large(max_bytes)
            at += len(chunk) - len(unpack.unused_data)
        ended = unpack.eof
    return Unpacked(b"".join(parts), ended) if at else None


_UNPACK: dict[str, Callable[[bytes, int], Unpacked | None]] = {
    "gzip": _ungzip,
    "x-gzip": _ungzip,
    "deflate": _undeflate,
    "br": _unbrotli,
    "zstd": _unzstd,
}
"""Coding -> function that undoes it; None: the body does not have it."""
