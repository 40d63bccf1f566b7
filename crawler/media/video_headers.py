"""Headers of Matroska and WebM (RFC 9559), FLV (Adobe FLV 10.1) and AVI (Microsoft AVI RIFF reference)."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from crawler.media.outcome import BadHeaderError, Dimensions

__all__ = ["SEGMENT", "Element", "avi", "elements", "flv", "matroska"]

SEGMENT = 0x18538067
"""Id of the element that holds everything but the first header."""

_MOST = 100_000  # elements looked at in one span: hostile files hold millions
_INFO = 0x1549A966
_SCALE = 0x2AD7B1
_DURATION = 0x4489
_TRACKS = 0x1654AE6B
_TRACK = 0xAE
_VIDEO = 0xE0
_WIDTH = 0xB0
_HEIGHT = 0xBA
_CLUSTER = 0x1F43B675
_DEFAULT_SCALE = 1_000_000  # nanoseconds a tick
_SCRIPT_TAG = 18
_LOOK = 64 * 1024


class Element(NamedTuple):
    """One element: its id and the span of its content."""

    id: int
    start: int
    end: int | None
    """None: of unknown size, as live recordings write."""


def elements(data: bytes, start: int, end: int) -> Iterator[Element]:
    """Yield the elements of a span in order; one of unknown size is the last."""
    at = start
    for _ in range(_MOST):
        identity, at = _number(data, at, end, keep_marker=True)
        size, at = _number(data, at, end, keep_marker=False)
        if identity is None or at > end:
            return
        if size is None:
            yield Element(identity, at, None)
            return
        yield Element(identity, at, at + size)
        at += size


def matroska(data: bytes) -> Dimensions:
    """Read Info and Tracks, which stand before the first cluster in any file made for the web."""
    segment = next((e for e in elements(data, 0, len(data)) if e.id == SEGMENT), None)
    if segment is None:
        raise BadHeaderError("matroska: no segment")
    duration: float | None = None
    sizes: list[tuple[int, int]] = []
    for element in _within(data, segment):
        if element.id == _INFO:
            duration = _seconds(data, element)
        elif element.id == _TRACKS:
            sizes = [size for track in _within(data, element) if (size := _size(data, track))]
        elif element.id == _CLUSTER and sizes:
            break
    if not sizes:
        raise BadHeaderError("matroska: no picture track")
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    return Dimensions(width, height, duration)


def _seconds(data: bytes, info: Element) -> float | None:
    scale, ticks = _DEFAULT_SCALE, 0.0
    for element in _within(data, info):
        raw = data[element.start : element.end]
        if element.id == _SCALE:
            scale = int.from_bytes(raw, "big")
        elif element.id == _DURATION and len(raw) in (4, 8):
            ticks = struct.unpack(">f" if len(raw) == 4 else ">d", raw)[0]
    seconds = ticks * scale / 1e9
    return seconds if 0 < seconds < float("inf") else None


def _size(data: bytes, track: Element) -> tuple[int, int] | None:
    if track.id != _TRACK:
        return None
    video = next((e for e in _within(data, track) if e.id == _VIDEO), None)
    if video is None:
        return None
    found = {e.id: int.from_bytes(data[e.start : e.end], "big") for e in _within(data, video)}
    width, height = found.get(_WIDTH, 0), found.get(_HEIGHT, 0)
    return (width, height) if width and height else None


def _within(data: bytes, element: Element) -> Iterator[Element]:
    end = len(data) if element.end is None else min(element.end, len(data))
    return elements(data, element.start, end)


def _number(data: bytes, at: int, end: int, *, keep_marker: bool) -> tuple[int | None, int]:
    """Read a variable-size number (RFC 8794, 4); None where it is unknown or cut short."""
    if at >= end or not data[at]:
        return None, end + 1
    length = 9 - data[at].bit_length()
    if at + length > end:
        return None, end + 1
    value = int.from_bytes(data[at : at + length], "big")
    if keep_marker:
        return value, at + length
    value &= (1 << 7 * length) - 1
    unknown = value == (1 << 7 * length) - 1
    return (None if unknown else value), at + length


def flv(data: bytes) -> Dimensions:
    """Read the numbers named width, height and duration; all may be missing."""
    if len(data) < 24:
        raise BadHeaderError("flv: the file ends before the first tag")
    first = int.from_bytes(data[5:9], "big") + 4
    if first >= len(data) or data[first] & 0x1F != _SCRIPT_TAG:
        return Dimensions(None, None)
    script = data[first : first + _LOOK]
    width, height = _named(script, b"width"), _named(script, b"height")
    return Dimensions(round(width) if width else None, round(height) if height else None, _named(script, b"duration"))


def _named(script: bytes, name: bytes) -> float | None:
    """Find an AMF number by the property name before it: length, name, type 0, a double."""
    key = struct.pack(">H", len(name)) + name + b"\x00"
    at = script.find(key)
    if at < 0 or at + len(key) + 8 > len(script):
        return None
    value: float = struct.unpack_from(">d", script, at + len(key))[0]
    return value if 0 < value < 1e9 else None


def avi(data: bytes) -> Dimensions:
    """Read ``avih``, which must be the first chunk of the first list."""
    if data[12:16] != b"LIST" or data[20:28] != b"hdrlavih" or len(data) < 72:
        raise BadHeaderError("avi: does not begin with LIST hdrl and avih")
    frame_us, frames = struct.unpack_from("<I12xI", data, 32)
    width, height = struct.unpack_from("<II", data, 64)
    return Dimensions(width, height, frame_us * frames / 1e6 or None)
