"""What a scheduler's result file says once its wrappings are taken off."""

import base64
import binascii
import bz2
import lzma
import re
import zlib
from collections.abc import Iterator

__all__ = ["unpacked"]

_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/_-]|\\n|\n){24,}={0,2}")
_BREAKS = re.compile(rb"\\n|\n")
_DEEPEST = 4
_MOST = 200_000_000
"""Bytes that one compressed stretch may become."""


def unpacked(data: bytes, depth: int = 0) -> Iterator[bytes]:
    """Yield the bytes themselves, and whatever is in them as base64 or compressed, wrapped up to four times."""
    yield data
    if depth == _DEEPEST:
        return
    for inner in (*_decompressed(data), *(_decoded(match[0]) for match in _BASE64.finditer(data))):
        if inner:
            yield from unpacked(inner, depth + 1)


def _decoded(text: bytes) -> bytes:
    plain = _BREAKS.sub(b"", text).rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
    try:
        return base64.b64decode(plain[: len(plain) - (len(plain) % 4 == 1)] + b"===")
    except binascii.Error:
        return b""


def _decompressed(data: bytes) -> Iterator[bytes]:
    for unpacker in (zlib.decompressobj(32 + zlib.MAX_WBITS), bz2.BZ2Decompressor(), lzma.LZMADecompressor()):
        try:
            yield unpacker.decompress(data, _MOST)
        except (zlib.error, OSError, EOFError, lzma.LZMAError):
            continue
