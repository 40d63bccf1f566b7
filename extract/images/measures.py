"""Measures of one image: the columns of the table ``images``."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from extract.images.decoding import ImageFault, decode
from extract.images.perceptual_hash import perceptual_hash

if TYPE_CHECKING:  # a decoder process is given plain values, and does without pydantic
    from extract.settings import ImageSettings

__all__ = [
    "ImageMeasures",
    "SizeGroup",
    "blank_share",
    "border_share",
    "margin_detail",
    "measure",
    "pixel_hash",
    "sharpness",
    "size_group",
]


@dataclass(frozen=True, slots=True)
class ImageMeasures:
    """Measures of one still image; the fields are columns of the table ``images``."""

    width: int
    """Pixels, after EXIF orientation."""
    height: int
    """Pixels, after EXIF orientation."""
    phash: int
    """64-bit perceptual hash, signed (``perceptual_hash``)."""
    size_group: SizeGroup
    """small, medium or large by the shorter side: this project's bounds."""
    sharpness: float
    """Variance of the Laplacian of the grey image, at least 0."""
    blank_share: float
    """Share of pixels within 2/255 of the commonest grey, 0 to 1."""
    border_share: float
    """Share of the picture that lies in plain rows and columns along its edges, 0 to 1."""
    margin_detail: float
    """Share of steps in the outer tenth, 0 to 1: what logos, slogans and watermarks at an edge raise."""
    pixels: str
    """SHA-256 of size and samples (``pixel_hash``)."""


def measure(data: bytes, settings: ImageSettings) -> ImageMeasures | ImageFault:
    """Decode and measure one image.

    The same bytes give the same measures on every machine. Never raises for bad bytes; run it
    in a child process all the same where the bytes are a stranger's, for a decoder may crash.

    Args:
        data: The file, as it was downloaded.
        settings: Limits and bounds.

    Returns:
        The measures, or why there are none.
    """
    picture = decode(data, settings)
    if isinstance(picture, ImageFault):
        return picture
    grey = picture.convert("L")  # ITU-R 601 luma
    return ImageMeasures(
        width=grey.width,
        height=grey.height,
        phash=perceptual_hash(grey),
        size_group=size_group(grey.width, grey.height, settings),
        sharpness=sharpness(grey),
        blank_share=blank_share(grey),
        border_share=border_share(grey),
        margin_detail=margin_detail(grey),
        pixels=pixel_hash(picture),
    )


def pixel_hash(picture: Image.Image) -> str:
    """Return the SHA-256 of a picture's width, height and samples, as hexadecimal.

    Files that show the same pixels have the same one, whatever their format, metadata or EXIF
    orientation. Width and height are four bytes each, little endian; then mode ``RGB`` row by row.
    """
    size = picture.width.to_bytes(4, "little") + picture.height.to_bytes(4, "little")
    return hashlib.sha256(size + picture.tobytes()).hexdigest()


SizeGroup = Literal["small", "medium", "large"]


def size_group(width: int, height: int, settings: ImageSettings) -> SizeGroup:
    """Return the size group of an image.

    The paper grades images "into three groups by size" and gives no bounds. These are this
    project's own: the shorter side decides, in pixels; below ``small_below`` (320) is small,
    from ``large_from`` (800) on is large, medium lies between.
    """
    shorter = min(width, height)
    if shorter < settings.small_below:
        return "small"
    return "large" if shorter >= settings.large_from else "medium"


_STRIP = 256
_BLANK_TOLERANCE = 2


def sharpness(grey: Image.Image) -> float:
    """Return the variance of the Laplacian of a picture of mode ``L``.

    The kernel is [[0, 1, 0], [1, -4, 1], [0, 1, 0]] over all pixels that have four neighbours,
    at the picture's own size; greys are 0 to 255. 0 is a flat picture, or one less than three
    pixels wide or high. Blurred photos lie low, but the scale depends on content and size: it
    ranks pictures, it is no probability.

    Sums are exact integers over strips of rows, so the value is the same on every machine and
    memory stays small.
    """
    pixels: NDArray[np.uint8] = np.asarray(grey)  # [H, W]
    count: int = max(pixels.shape[0] - 2, 0) * max(pixels.shape[1] - 2, 0)
    if not count:
        return 0.0
    total = squares = 0
    for top in range(1, pixels.shape[0] - 1, _STRIP):
        rows = pixels[top - 1 : min(top + _STRIP, pixels.shape[0] - 1) + 1].astype(np.int32)
        middle = rows[1:-1, 1:-1]
        laplacian = rows[:-2, 1:-1] + rows[2:, 1:-1] + rows[1:-1, :-2] + rows[1:-1, 2:] - 4 * middle
        total += int(laplacian.sum(dtype=np.int64))
        squares += int(np.square(laplacian).sum(dtype=np.int64))
    return (squares * count - total * total) / (count * count)


def blank_share(grey: Image.Image) -> float:
    """Return the share of pixels within 2/255 of the commonest grey, 0 to 1.

    1.0 is an empty picture; a product cut out on white has a large share. Where several greys
    are equally common, the darkest one counts.
    """
    histogram = np.array(grey.histogram(), dtype=np.int64)  # [256]
    commonest = int(histogram.argmax())
    near = histogram[max(commonest - _BLANK_TOLERANCE, 0) : commonest + _BLANK_TOLERANCE + 1]
    return int(near.sum()) / int(histogram.sum())


Greys = NDArray[np.uint8]

_BORDER_TOLERANCE = 8
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
    other = (rows.max(axis=1) > ground + _BORDER_TOLERANCE) | (rows.min(axis=1) < ground - _BORDER_TOLERANCE)
    return int(other.argmax()) if other.any() else len(rows)
