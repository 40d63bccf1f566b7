"""Measures of one image: the columns of the table ``images``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from media.hashes import perceptual_hash, pixel_hash
from media.image import ImageFault, decode_image

__all__ = [
    "ImageMeasures",
    "SizeGroup",
    "blank_share",
    "border_share",
    "margin_detail",
    "measure",
    "sharpness",
    "size_group",
]


if TYPE_CHECKING:  # decoder processes get plain values and never load pydantic
    from extract.settings import ImageSettings


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
    """small, medium or large by the shorter side; the bounds are this project's own."""
    sharpness: float
    """Variance of the Laplacian of the grey image, at least 0."""
    blank_share: float
    """Share of pixels within 2/255 of the most common grey, 0 to 1."""
    border_share: float
    """Share of the image in plain rows and columns along its edges, 0 to 1."""
    margin_detail: float
    """Share of steps in the outer tenth, 0 to 1; logos, slogans and watermarks at an edge raise it."""
    pixels: str
    """SHA-256 of size and samples (``pixel_hash``)."""


def measure(data: bytes, settings: ImageSettings) -> ImageMeasures | ImageFault:
    """Decode and measure one image.

    The same bytes have the same measures on every machine. Bad bytes raise nothing, but a decoder may
    crash: measure untrusted files in a child process.

    Args:
        data: The downloaded file.
        settings: Limits and bounds.

    Returns:
        The measures, or the fault.
    """
    image = decode_image(data, settings)
    if isinstance(image, ImageFault):
        return image
    grey = image.convert("L")  # ITU-R 601 luma
    return ImageMeasures(
        width=grey.width,
        height=grey.height,
        phash=perceptual_hash(grey),
        size_group=size_group(grey.width, grey.height, settings),
        sharpness=sharpness(grey),
        blank_share=blank_share(grey),
        border_share=border_share(grey),
        margin_detail=margin_detail(grey),
        pixels=pixel_hash(image),
    )


SizeGroup = Literal["small", "medium", "large"]


def size_group(width: int, height: int, settings: ImageSettings) -> SizeGroup:
    """Return the size group of an image.

    The paper grades images "into three groups by size" and gives no bounds. These are this
    project's own: the shorter side decides, in pixels; below ``small_below`` (320) is small,
    ``large_from`` (800) or more is large, between them is medium.
    """
    shorter = min(width, height)
    if shorter < settings.small_below:
        return "small"
    return "large" if shorter >= settings.large_from else "medium"


_STRIP = 256
_BLANK_TOLERANCE = 2


def sharpness(grey: Image.Image) -> float:
    """Return the variance of the Laplacian of an image of mode ``L``.

    The kernel is [[0, 1, 0], [1, -4, 1], [0, 1, 0]] over all pixels that have four neighbours,
    at the image's own size; greys are 0 to 255. 0 means a flat image, or one less than three
    pixels wide or high. Blurred photos have low values, but the scale depends on content and
    size: it ranks images, it is not a probability.

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
    """Return the share of pixels within 2/255 of the most common grey, 0 to 1.

    1.0 means an empty image; a product cut out on white has a large share. Of equally common greys,
    the darkest counts.
    """
    histogram = np.array(grey.histogram(), dtype=np.int64)  # [256]
    most_common = int(histogram.argmax())
    near = histogram[max(most_common - _BLANK_TOLERANCE, 0) : most_common + _BLANK_TOLERANCE + 1]
    return int(near.sum()) / int(histogram.sum())


Greys = NDArray[np.uint8]

_BORDER_TOLERANCE = 8
_STEP = 24
_MARGIN = 10


def border_share(grey: Image.Image) -> float:
    """Return the share of an image of mode ``L`` that is plain border, 0 to 1.

    From each edge inwards, a row belongs to the border as long as all its pixels are within 8/255
    of the median grey of the outermost row; first rows from the top and the bottom, then columns
    of the remaining rows from the left and the right. JPEG changes a plain background by less
    than 8/255. 1.0 means a plain image; a product cut out on white has as much border as the
    space around it; bars of a video frame count. The measure is this project's own.
    """
    pixels: Greys = np.asarray(grey)  # [H, W]
    rows = pixels[_border_rows(pixels) : len(pixels) - _border_rows(pixels[::-1])]
    columns = rows.T
    inner = columns[_border_rows(columns) : len(columns) - _border_rows(columns[::-1])] if rows.size else columns
    return 1 - inner.size / pixels.size


def margin_detail(grey: Image.Image) -> float:
    """Return the share of steps in the outer tenth of an image of mode ``L``, 0 to 1.

    The outer tenth is the area nearer to an edge than a tenth of the shorter side, at least one
    pixel. A pixel in it is a step if its grey differs by 24/255 or more from that of its right
    or lower neighbour. Shops print logos, slogans and watermarks there, and products on a plain
    background leave it empty. Products that fill the image raise it too, and a faint mark across the
    middle does not: it ranks images, it is not a detector. The measure is this project's own.
    """
    pixels = np.asarray(grey).astype(np.int16)  # [H, W]
    steps = np.zeros(pixels.shape, dtype=np.bool_)
    steps[:, :-1] |= np.abs(np.diff(pixels, axis=1)) >= _STEP
    steps[:-1] |= np.abs(np.diff(pixels, axis=0)) >= _STEP
    width = max(1, min(pixels.shape) // _MARGIN)
    inner = steps[width:-width, width:-width]
    return (int(steps.sum()) - int(inner.sum())) / (steps.size - inner.size)


def _border_rows(rows: Greys) -> int:
    """Return the number of leading rows that are close to the first row's median grey."""
    if not rows.size:
        return 0
    ground = np.median(rows[0])
    other = (rows.max(axis=1) > ground + _BORDER_TOLERANCE) | (rows.min(axis=1) < ground - _BORDER_TOLERANCE)
    return int(other.argmax()) if other.any() else len(rows)
