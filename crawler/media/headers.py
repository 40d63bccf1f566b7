"""Sizes and durations in the headers of image and video files.

PNG, GIF, BMP, WebP and JPEG; boxes of MP4, QuickTime and AVIF (ISO 14496-12); Matroska and WebM (RFC 9559); FLV
(Adobe FLV 10.1); AVI (Microsoft AVI RIFF reference).
"""

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from crawler.media.outcome import BadHeaderError, Dimensions

__all__ = [
    "SEGMENT",
    "Box",
    "Element",
    "avi",
    "bmp",
    "boxes",
    "elements",
    "flv",
    "gif",
    "image",
    "jpeg",
    "matroska",
    "movie",
    "png",
    "scan_start",
    "webp",
]


_BMP_CORE_HEADER = 12
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0..15 without DHT, JPG, DAC
_SCAN = 0xDA
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length
_END = 0xD9
_MARKER = re.compile(rb"\xff([^\x00\xff])", re.DOTALL)
_GLOBAL_COLOURS, _IMAGE, _EXTENSION = 0x80, 0x2C, 0x21
_MAX_SEGMENTS = 10_000  # segments looked at: hostile files hold millions
_MAX = 100_000
"""Most boxes read in one span: hostile files hold millions of empty ones."""


class Box(NamedTuple):
    """One box: its four-letter type and the span of its content."""

    type: bytes
    start: int
    """First byte after the box's header."""
    end: int
    """One past its last byte, according to the box; may be beyond the data."""


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """Yield the boxes of a span in order; the last may claim more bytes than there are."""
    at = start
    limit = len(data) if end is None else min(end, len(data))
    for _ in range(_MAX):
        if at + 8 > limit:
            return
        size = int.from_bytes(data[at : at + 4], "big")
        head = 8
        if size == 1:  # the true size follows, in 64 bits
            size, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        elif size == 0:  # to the end of the file
            size = limit - at
        if size < head:
            return
        yield Box(data[at + 4 : at + 8], at + head, at + size)
        at += size


def image(data: bytes) -> Dimensions:
    """Read the largest ``ispe`` property: a grid's tiles are smaller than the image (ISO 23008-12, 6.5.3)."""
    meta = _find(data, 0, len(data), b"meta")
    container = meta and _path(data, meta.start + 4, meta.end, b"iprp", b"ipco")
    if not container:
        raise BadHeaderError("image: no meta/iprp/ipco")
    sizes = [
        struct.unpack_from(">II", data, box.start + 4)
        for box in boxes(data, container.start, container.end)
        if box.type == b"ispe" and box.start + 12 <= len(data)
    ]
    if not sizes:
        raise BadHeaderError("image: no ispe property")
    return Dimensions(*max(sizes, key=lambda size: size[0] * size[1]))


def movie(data: bytes) -> Dimensions:
    """Read ``mvhd`` for the duration and every ``tkhd`` for the largest track.

    A fragmented movie may give 0 as its duration: then ``mehd`` is read, or the duration is unknown.
    """
    moov = _find(data, 0, len(data), b"moov")
    if moov is None or moov.end > len(data):
        raise BadHeaderError("movie: no whole moov box")
    inside = list(boxes(data, moov.start, moov.end))
    tracks = [size for box in inside if box.type == b"trak" if (size := _track_size(data, box))]
    if not tracks:
        raise BadHeaderError("movie: no picture track")
    width, height = max(tracks, key=lambda size: size[0] * size[1])
    return Dimensions(width, height, _duration(data, inside))


def _track_size(data: bytes, trak: Box) -> tuple[int, int] | None:
    """Return a track's size in samples, else the one to show it at; None if it shows nothing."""
    header = _find(data, trak.start, trak.end, b"tkhd")
    if header is None or header.end > len(data) or header.end - header.start < 8:
        return None
    wide, high = struct.unpack_from(">II", data, header.end - 8)
    shown = wide >> 16, high >> 16
    entries = _path(data, trak.start, trak.end, b"mdia", b"minf", b"stbl", b"stsd")
    handler = _path(data, trak.start, trak.end, b"mdia", b"hdlr")
    if handler and data[handler.start + 8 : handler.start + 12] != b"vide":
        return None
    coded = (0, 0)
    if entries and (entry := next(boxes(data, entries.start + 8, entries.end), None)):
        coded = struct.unpack_from(">HH", data.ljust(entry.start + 28), entry.start + 24)
    width, height = coded if all(coded) else shown
    return (width, height) if width and height else None


def _duration(data: bytes, inside: list[Box]) -> float | None:
    scale, ticks = 0, 0
    for box in inside:
        if box.type == b"mvhd":
            scale, ticks = _times(data, box, skip=8, wide_skip=16)
        elif box.type == b"mvex" and not ticks and (mehd := _find(data, box.start, box.end, b"mehd")):
            wide = data[mehd.start] == 1
            ticks = int.from_bytes(data[mehd.start + 4 : mehd.start + (12 if wide else 8)], "big")
    return ticks / scale if scale and ticks else None


def _times(data: bytes, box: Box, *, skip: int, wide_skip: int) -> tuple[int, int]:
    """Return time scale and duration of a header box, whose version determines their widths."""
    wide = data[box.start] == 1
    layout, at = (">IQ", wide_skip) if wide else (">II", skip)
    if box.start + 4 + at + struct.calcsize(layout) > len(data):
        raise BadHeaderError("movie: mvhd ends before its times")
    scale, ticks = struct.unpack_from(layout, data, box.start + 4 + at)
    unknown = 0xFFFFFFFFFFFFFFFF if wide else 0xFFFFFFFF
    return scale, 0 if ticks == unknown else ticks


def _path(data: bytes, start: int, end: int, *types: bytes) -> Box | None:
    """Return the box that a path of types leads to."""
    box: Box | None = None
    for name in types:
        box = _find(data, start, end, name)
        if box is None:
            return None
        start, end = box.start, box.end
    return box


def _find(data: bytes, start: int, end: int, name: bytes) -> Box | None:
    return next((box for box in boxes(data, start, end) if box.type == name), None)


SEGMENT = 0x18538067
"""Id of the element that contains everything except the first header."""

_MAX_ELEMENTS = 100_000  # elements looked at in one span: hostile files hold millions
_INFO = 0x1549A966
_SCALE = 0x2AD7B1
_DURATION = 0x4489
_TRACKS = 0x1654AE6B
_TRACK = 0xAE
_VIDEO = 0xE0
_WIDTH = 0xB0
_HEIGHT = 0xBA
_CLUSTER = 0x1F43B675
_DEFAULT_SCALE = 1_000_000  # nanoseconds per tick
_SCRIPT_TAG = 18
_LOOK = 64 * 1024


class Element(NamedTuple):
    """One element: its id and the span of its content."""

    id: int
    start: int
    end: int | None
    """None: of unknown size, as in live recordings."""


def elements(data: bytes, start: int, end: int) -> Iterator[Element]:
    """Yield the elements of a span in order; one of unknown size is the last."""
    at = start
    for _ in range(_MAX_ELEMENTS):
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
    """Read Info and Tracks, which precede the first cluster in any file made for the web."""
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
    """Read a variable-size number (RFC 8794, 4); None if it is unknown or cut short."""
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


def png(data: bytes) -> Dimensions:
    """Read the IHDR chunk, which must come first (PNG, 11.2.2)."""
    if data[12:16] != b"IHDR" or len(data) < 24:
        raise BadHeaderError("png: does not begin with IHDR")
    return Dimensions(*struct.unpack_from(">II", data, 16))


def gif(data: bytes) -> Dimensions:
    """Read the logical screen and the first image, which decoders do not cut to the screen."""
    if len(data) < 13:
        raise BadHeaderError("gif: the file ends before the logical screen")
    width, height = struct.unpack_from("<HH", data, 6)
    at = 13 + (3 << (data[10] & 7) + 1 if data[10] & _GLOBAL_COLOURS else 0)
    for _ in range(_MAX):
        if data[at] == _IMAGE:
            left, top, wide, high = struct.unpack_from("<HHHH", data, at + 1)
            return Dimensions(max(width, left + wide), max(height, top + high))
        if data[at] != _EXTENSION:
            break
        at += 2
        while data[at]:  # blocks of a length byte and content, up to an empty one
            at += data[at] + 1
        at += 1
    raise BadHeaderError("gif: no image")


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
    """Return where the first scan begins, after every thumbnail that has its own end marker."""
    for marker, at in _segments(data):
        if marker == _SCAN:
            return at
    raise BadHeaderError("jpeg: the file ends before the scan")


def _segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield each marker and the position of its length field, up to and including the first scan."""
    at, last = 2, len(data) - 9
    for _ in range(_MAX_SEGMENTS):
        found = _MARKER.search(data, at)  # like libjpeg, past bytes that belong to no segment
        if found is None or found.end() > last + 2:
            return
        marker, at = found[1][0], found.end()
        if marker in _BARE:
            continue
        yield marker, at
        if marker in (_SCAN, _END):
            return
        at += max(2, int.from_bytes(data[at : at + 2], "big"))
