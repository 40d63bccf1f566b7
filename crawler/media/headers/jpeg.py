"""JPEG: walk the marker segments to the frame header (ITU T.81, B.2.2)."""

import re
from collections.abc import Iterator

from crawler.media.headers.dimensions import BadHeaderError, Dimensions

__all__ = ["jpeg", "scan_start"]

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0..15 without DHT, JPG, DAC
_SCAN = 0xDA
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length
_END = 0xD9
_FILL = re.compile(rb"\xff*")
_MOST = 10_000  # segments looked at: hostile files hold millions


def jpeg(data: bytes) -> Dimensions:
    """Read the first frame header."""
    for marker, at in _segments(data):
        if marker in _FRAMES:
            height = int.from_bytes(data[at + 3 : at + 5], "big")
            return Dimensions(int.from_bytes(data[at + 5 : at + 7], "big"), height)
        if marker == _SCAN:
            break
    raise BadHeaderError("jpeg: wanted a frame header before the first scan")


def scan_start(data: bytes) -> int:
    """Return where the first scan begins: past every thumbnail with an end marker of its own."""
    for marker, at in _segments(data):
        if marker == _SCAN:
            return at
    raise BadHeaderError("jpeg: wanted a scan, got the end")


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
