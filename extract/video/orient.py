"""How a frame is turned for display."""

import struct
from typing import cast

from av.sidedata.sidedata import SideDataContainer
from av.video.frame import VideoFrame
from PIL import Image

__all__ = ["orientation"]

_T = Image.Transpose

# Signs of the matrix (a, b, c, d) that maps a pixel (x, y) to (ax + cy, bx + dy); y grows downwards.
_TURNS = {
    (0, 1, -1, 0): _T.ROTATE_270,
    (-1, 0, 0, -1): _T.ROTATE_180,
    (0, -1, 1, 0): _T.ROTATE_90,
    (-1, 0, 0, 1): _T.FLIP_LEFT_RIGHT,
    (1, 0, 0, -1): _T.FLIP_TOP_BOTTOM,
    (0, 1, 1, 0): _T.TRANSPOSE,
    (0, -1, -1, 0): _T.TRANSVERSE,
}


def orientation(frame: VideoFrame) -> Image.Transpose | None:
    """Return the turn that a frame's display matrix asks for; None: it lies right.

    Quarter turns and mirrorings are known; a matrix that asks for anything else is ignored.
    """
    try:
        entries = list(cast("SideDataContainer", frame.side_data))
    except ValueError:  # data of a kind that PyAV has no name for hides all other kinds
        return None
    for entry in entries:
        if entry.type.name == "DISPLAYMATRIX":
            a, b, _, c, d, *_ = struct.unpack("<9i", bytes(entry)[:36])
            return _TURNS.get((_sign(a), _sign(b), _sign(c), _sign(d)))
    return None


def _sign(value: int) -> int:
    return (value > 0) - (value < 0)
