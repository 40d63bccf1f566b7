"""Headers of MP4, QuickTime, AVIF and HEIC: boxes of the ISO base media file format (ISO 14496-12)."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from crawler.media.outcome import BadHeaderError, Dimensions

__all__ = ["Box", "boxes", "image", "movie"]

_MOST = 100_000
"""Most boxes read in one span: hostile files hold millions of empty ones."""


class Box(NamedTuple):
    """One box: its four-letter type and the span of what it holds."""

    type: bytes
    start: int
    """First byte after the box's header."""
    end: int
    """One past its last byte, as the box says: may lie beyond the data."""


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """Yield the boxes of a span in order; the last may claim more than there is."""
    at = start
    limit = len(data) if end is None else min(end, len(data))
    for _ in range(_MOST):
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

    A fragmented movie may say 0 for the duration: then ``mehd`` is asked, else the duration is unknown.
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
    """Return a track's size as its sample entry codes it, else as ``tkhd`` shows it; None: it shows nothing."""
    header = _find(data, trak.start, trak.end, b"tkhd")
    if header is None or header.end > len(data) or header.end - header.start < 8:
        return None
    shown = tuple(size >> 16 for size in struct.unpack_from(">II", data, header.end - 8))
    entries = _path(data, trak.start, trak.end, b"mdia", b"minf", b"stbl", b"stsd")
    handler = _path(data, trak.start, trak.end, b"mdia", b"hdlr")
    if handler and data[handler.start + 8 : handler.start + 12] != b"vide":
        return None
    coded = (0, 0)
    if entries and (entry := next(boxes(data, entries.start + 8, entries.end), None)):
        coded = struct.unpack_from(">HH", data.ljust(entry.start + 28), entry.start + 24)
    width, height = max(shown[0], coded[0]), max(shown[1], coded[1])
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
    """Return time scale and duration of a header box, whose version says how wide they are."""
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
