"""Everything the table ``images`` says about one image."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

from extract.images.decoding import decode
from extract.images.fault import ImageFault
from extract.images.margins import border_share, margin_detail
from extract.images.perceptual_hash import perceptual_hash
from extract.images.quality import blank_share, sharpness
from extract.images.size import SizeGroup, size_group

if TYPE_CHECKING:  # a decoder process is given plain values, and does without pydantic
    from extract.images.settings import ImageSettings

__all__ = ["ImageMeasures", "measure", "pixel_hash"]


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
