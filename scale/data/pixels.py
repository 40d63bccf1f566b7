"""Pictures to rows of pixels."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from m5data.errors import MediaError

__all__ = ["flat_frame", "grid_boxes", "patches"]

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
MOST_PIXELS = 50_000_000
"""More is refused before decoding; 50 megapixels are beyond any shop's picture."""

Pixels = NDArray[np.uint8]


def patches(payload: bytes, grid: int, patch: int) -> Pixels:
    """Return a picture as a grid of patches, row by row: [grid * grid, patch * patch * 3].

    The picture is scaled to a square; its proportions are lost, its content is not.

    Raises:
        MediaError: It cannot be decoded.
    """
    pixels = _decode(payload, grid * patch).reshape(grid, patch, grid, patch, 3)
    return pixels.transpose(0, 2, 1, 3, 4).reshape(grid * grid, patch * patch * 3)


def flat_frame(payload: bytes, side: int) -> Pixels:
    """Return a video frame scaled to a square, as one row: [side * side * 3].

    Raises:
        MediaError: It cannot be decoded.
    """
    return _decode(payload, side).reshape(-1)


def grid_boxes(grid: int) -> NDArray[np.float32]:
    """Return the place of each patch as [C] gives a region's: x1, y1, x2, y2, area; shares of the picture."""
    rows, columns = np.divmod(np.arange(grid * grid), grid)
    corners = np.stack([columns, rows, columns + 1, rows + 1], axis=1) / grid
    area = np.full((grid * grid, 1), 1 / grid**2)
    return np.concatenate([corners, area], axis=1).astype(np.float32)


def _decode(payload: bytes, side: int) -> Pixels:
    """Return [side, side, 3]; a JPEG is decoded at the least scale that is still larger."""
    try:
        with Image.open(io.BytesIO(payload), formats=FORMATS) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise MediaError("image_too_large", f"{picture.width} x {picture.height} pixels")
            picture.draft("RGB", (side, side))
            scaled = picture.convert("RGB").resize((side, side), Image.Resampling.BILINEAR, reducing_gap=2.0)
            return np.asarray(scaled)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise MediaError("image_corrupt", str(error)) from None
