"""PNG, GIF, BMP and WebP: formats whose size stands at a fixed place."""

import struct

from crawler.media.headers.dimensions import BadHeaderError, Dimensions

__all__ = ["bmp", "gif", "png", "webp"]

_BMP_CORE_HEADER = 12


def png(data: bytes) -> Dimensions:
    """Read the IHDR chunk, which must come first (PNG, 11.2.2)."""
    if data[12:16] != b"IHDR" or len(data) < 24:
        raise BadHeaderError("png: wanted IHDR first")
    return Dimensions(*struct.unpack_from(">II", data, 16))


def gif(data: bytes) -> Dimensions:
    """Read the logical screen descriptor."""
    if len(data) < 10:
        raise BadHeaderError("gif: wanted a logical screen, got the end")
    return Dimensions(*struct.unpack_from("<HH", data, 6))


def bmp(data: bytes) -> Dimensions:
    """Read the core or the info header; a negative height means top-down rows."""
    if len(data) < 26:
        raise BadHeaderError("bmp: wanted an info header, got the end")
    if int.from_bytes(data[14:18], "little") == _BMP_CORE_HEADER:
        return Dimensions(*struct.unpack_from("<HH", data, 18))
    width, height = struct.unpack_from("<ii", data, 18)
    return Dimensions(width, abs(height))


def webp(data: bytes) -> Dimensions:
    """Read the first chunk: extended (VP8X), lossless (VP8L) or lossy (VP8)."""
    if len(data) < 30:
        raise BadHeaderError("webp: wanted a first chunk, got the end")
    chunk = data[12:16]
    if chunk == b"VP8X":
        width = int.from_bytes(data[24:27], "little") + 1
        return Dimensions(width, int.from_bytes(data[27:30], "little") + 1)
    if chunk == b"VP8L" and data[20] == 0x2F:
        bits = int.from_bytes(data[21:25], "little")
        return Dimensions((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if chunk == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", data, 26)
        return Dimensions(width & 0x3FFF, height & 0x3FFF)
    raise BadHeaderError(f"webp: wanted VP8, VP8L or VP8X, got {chunk!r}")
