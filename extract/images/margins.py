"""What lies along the edges of a grey picture: plain borders, or detail such as watermarks."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["border_share", "margin_detail"]

Greys = NDArray[np.uint8]

_TOLERANCE = 8
_STEP = 24
_MARGIN = 10


def border_share(grey: Image.Image) -> float:
    """Return the share of a picture of mode ``L`` that is plain border, 0 to 1.

    From each edge inwards a row belongs to the border as long as every pixel of it lies within
    8/255 of the middle grey (median) of the outermost row; first from the top and the bottom, then
    columns from the left and the right over the rows that are left. 8/255 is above what JPEG adds
    to a plain ground. 1.0 is a plain picture; goods cut out on white have as much border as there
    is room around them; bars of a video frame count. The measure is this project's own.
    """
    pixels: Greys = np.asarray(grey)  # [H, W]
    rows = pixels[_leading(pixels) : len(pixels) - _leading(pixels[::-1])]
    columns = rows.T
    inner = columns[_leading(columns) : len(columns) - _leading(columns[::-1])] if rows.size else columns
    return 1 - inner.size / pixels.size


def margin_detail(grey: Image.Image) -> float:
    """Return the share of steps in the outer tenth of a picture of mode ``L``, 0 to 1.

    The outer tenth is what lies nearer to an edge than a tenth of the shorter side, at least one
    pixel. A pixel of it is a step where its grey differs by 24/255 or more from that of its right
    or its lower neighbour. Shops print logos, slogans and watermarks there, and goods on a plain
    ground leave it empty; goods that fill the picture raise it too, and a faint mark across the
    middle does not: it ranks pictures, it is no detector. The measure is this project's own.
    """
    pixels = np.asarray(grey).astype(np.int16)  # [H, W]
    steps = np.zeros(pixels.shape, dtype=np.bool_)
    steps[:, :-1] |= np.abs(np.diff(pixels, axis=1)) >= _STEP
    steps[:-1] |= np.abs(np.diff(pixels, axis=0)) >= _STEP
    width = max(1, min(pixels.shape) // _MARGIN)
    inner = steps[width:-width, width:-width]
    return (int(steps.sum()) - int(inner.sum())) / (steps.size - inner.size)


def _leading(rows: Greys) -> int:
    """Return how many rows from the first one on are of its middle grey."""
    if not rows.size:
        return 0
    ground = np.median(rows[0])
    other = (rows.max(axis=1) > ground + _TOLERANCE) | (rows.min(axis=1) < ground - _TOLERANCE)
    return int(other.argmax()) if other.any() else len(rows)
