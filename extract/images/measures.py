"""Everything the table ``images`` says about one image."""

from dataclasses import dataclass

from extract.images.decoding import decode
from extract.images.fault import ImageFault
from extract.images.perceptual_hash import perceptual_hash
from extract.images.quality import blank_share, sharpness
from extract.images.settings import ImageSettings
from extract.images.size import SizeGroup, size_group

__all__ = ["ImageMeasures", "measure"]


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
    grey = decode(data, settings)
    if isinstance(grey, ImageFault):
        return grey
    return ImageMeasures(
        width=grey.width,
        height=grey.height,
        phash=perceptual_hash(grey),
        size_group=size_group(grey.width, grey.height, settings),
        sharpness=sharpness(grey),
        blank_share=blank_share(grey),
    )
