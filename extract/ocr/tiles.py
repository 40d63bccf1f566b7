"""Tiles of an image: what is read at once, so that long images stay legible and memory is bounded."""

from dataclasses import dataclass

__all__ = ["Tile", "cut_tiles"]

_SHORT = 960
"""Pixels that the shorter side is shrunk to: text of shops' zoom images stays legible."""
_LONG = 1280
"""Pixels of a tile along the longer side."""
_OVERLAP = 128
"""Pixels that neighbours share: a line of text is whole in one of them."""
_LEAST_SHORT = 480
"""Pixels that the shorter side of a small image is enlarged to, at most twice."""
_MOST = 12
"""Tiles of one image; a longer one is shrunk."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of the scaled image, pixels."""

    left: int
    top: int
    right: int
    bottom: int


def cut_tiles(width: int, height: int) -> tuple[float, list[Tile]]:
    """Return the scale to read an image at, and the tiles of the scaled image along its longer side.

    Args:
        width: Of the image, pixels.
        height: Of the image, pixels.
    """
    short, long = sorted((width, height))
    scale = min(1.0, _SHORT / short, (_MOST * (_LONG - _OVERLAP)) / long)
    if short < _LEAST_SHORT and long < _LONG:
        scale = min(2.0, _LEAST_SHORT / short, _LONG / long)
    wide, high = max(1, round(width * scale)), max(1, round(height * scale))
    length, step = max(wide, high), _LONG - _OVERLAP
    starts = range(0, max(1, length - _OVERLAP), step)
    ends = [min(length, start + _LONG) for start in starts]
    if wide >= high:
        return scale, [Tile(start, 0, end, high) for start, end in zip(starts, ends, strict=True)]
    return scale, [Tile(0, start, wide, end) for start, end in zip(starts, ends, strict=True)]
