"""Headers of JPEG, PNG, GIF, BMP and WebP."""

import re
import struct
from collections.abc import Iterator

from crawler.media.outcome import BadHeaderError, Dimensions

__all__ = ["bmp", "gif", "jpeg", "png", "scan_start", "webp"]

_BMP_CORE_HEADER = 12
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0..15 without DHT, JPG, DAC
_SCAN = 0xDA
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length
_END = 0xD9
_FILL = re.compile(rb"\xff*")
_MOST = 10_000  # segments looked at: hostile files hold millions


def png(data: bytes) -> Dimensions:
    """Read the IHDR chunk, which must come first (PNG, 11.2.2)."""
    if data[12:16] != b"IHDR" or len(data) < 24:
        raise BadHeaderError("png: does not begin with IHDR")
    return Dimensions(*struct.unpack_from(">II", data, 16))


def gif(data: bytes) -> Dimensions:
    """Read the logical screen descriptor."""
    if len(data) < 10:
        raise BadHeaderError("gif: the file ends before the logical screen")
    return Dimensions(*struct.unpack_from("<HH", data, 6))


def bmp(data: bytes) -> Dimensions:
    """Read the core or the info header; a negative height means top-down rows."""
    if len(data) < 26:
        raise BadHeaderError("bmp: the file ends before the info header")
    if int.from_bytes(data[14:18], "little") == _BMP_CORE_HEADER:
        return Dimensions(*struct.unpack_from("<HH", data, 18))
    width, height = struct.unpack_from("<ii", data, 18)
    return Dimensions(width, abs(height))


def webp(data: bytes) -> Dimensions:
    """Read the first chunk: extended (VP8X), lossless (VP8L) or lossy (VP8)."""
    if len(data) < 30:
        raise BadHeaderError("webp: the file ends before the first chunk")
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
    raise BadHeaderError(f"webp: the first chunk is {chunk!r}, not VP8, VP8L or VP8X")


def jpeg(data: bytes) -> Dimensions:
    """Read the first frame header."""
    for marker, at in _segments(data):
        if marker in _FRAMES:
            height = int.from_bytes(data[at + 3 : at + 5], "big")
            return Dimensions(int.from_bytes(data[at + 5 : at + 7], "big"), height)
        if marker == _SCAN:
            break
    raise BadHeaderError("jpeg: no frame header before the first scan")


def scan_start(data: bytes) -> int:
    """Return where the first scan begins: past every thumbnail with an end marker of its own."""
    for marker, at in _segments(data):
        if marker == _SCAN:
            return at
    raise BadHeaderError("jpeg: the file ends before the scan")


def _segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield marker and place of its length field, up to and with the first scan."""
    at, last = 2, len(data) - 9
    for _ in range(_MOST):
        if at > last or data[at] != 0xFF:
            return
        marker, at = data[at + 1], at + 2
        if marker == 0xFF:
            fill = _FILL.match(data, at)
            if fill is None or fill.end() > last:
                return
            marker, at = data[fill.end()], fill.end() + 1
        if marker in _BARE:
            continue
        yield marker, at
        if marker in (_SCAN, _END):
            return
        at += max(2, int.from_bytes(data[at : at + 2], "big"))
