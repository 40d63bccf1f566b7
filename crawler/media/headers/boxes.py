"""The box structure that MP4, QuickTime, AVIF and HEIC share (ISO 14496-12, 4.2)."""

from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Box", "boxes"]

_MOST = 100_000
"""Boxes looked at in one span: a file of nothing but empty boxes must not hold anyone up."""


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
