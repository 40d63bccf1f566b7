"""Decoding of untrusted bytes as one image, under limits."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

if TYPE_CHECKING:  # decoder processes get plain values and never load pydantic
    from extract.settings import ImageSettings

__all__ = ["ImageFault", "ImageReason", "decode"]

ImageReason = Literal[
    "image_animated",
    "image_broken",
    "image_empty",
    "image_too_large",
    "image_too_many_pixels",
    "not_an_image",
]
"""Closed vocabulary of reasons in ``rejects``."""


@dataclass(frozen=True, slots=True)
class ImageFault:
    """Reason why an image cannot be used; a value, not an exception, because bad files are common."""

    reason: ImageReason
    detail: str
    """One line for a person, without any of the file's content."""


# Pillow's decoders raise these on damaged files, SyntaxError for a bad header.
_DAMAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)

_ORIENTATION_TAG = 0x0112
_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class _UnusableError(Exception):
    """An image cannot be used; carries the fault."""

    def __init__(self, reason: ImageReason, detail: str) -> None:
        super().__init__(detail)
        self.fault = ImageFault(reason, detail)


def decode(data: bytes, settings: ImageSettings) -> Image.Image | ImageFault:
    """Decode an image fully and return it upright, as RGB.

    The size in the header is checked before any pixel is decoded, checksums are verified where
    the format has them, and a truncated image is broken. EXIF orientation is applied;
    transparent parts become white; 16-bit greys keep their upper eight bits. Of a JPEG with
    several images, the first is used.

    Args:
        data: The file's bytes.
        settings: Limits and allowed formats.

    Returns:
        An image of mode ``RGB``, or the fault.
    """
    try:
        with _strict_pillow():
            _check(data, settings)
            return _to_rgb(_load(data, settings))
    except _UnusableError as unusable:
        return unusable.fault
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        return ImageFault("image_too_many_pixels", f"far more than {settings.max_pixels} pixels")
    except UnidentifiedImageError:
        return ImageFault("not_an_image", f"not one of {', '.join(settings.formats)}")
    except _DAMAGE as damage:
        return ImageFault("image_broken", f"the file is damaged ({type(damage).__name__})")


@contextmanager
def _strict_pillow() -> Iterator[None]:
    """Make Pillow's size warning an error and silence its warnings about damaged metadata."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _check(data: bytes, settings: ImageSettings) -> None:
    """Check the length, the header, then the checksums, without decoding a pixel."""
    if not data:
        raise _UnusableError("image_empty", "the file is empty")
    if len(data) > settings.max_bytes:
        raise _UnusableError("image_too_large", f"{len(data)} bytes, more than {settings.max_bytes}")
    with Image.open(BytesIO(data), formats=settings.formats) as image:
        pixels = image.width * image.height
        if pixels > settings.max_pixels:
            raise _UnusableError(
                "image_too_many_pixels",
                f"{image.width} x {image.height}, more than {settings.max_pixels} pixels",
            )
        if image.format != "MPO" and getattr(image, "is_animated", False):
            raise _UnusableError("image_animated", f"an animated {image.format}, not a still image")
        image.verify()


def _load(data: bytes, settings: ImageSettings) -> Image.Image:
    """Decode every pixel (``verify`` leaves an image unusable, so it is opened again)."""
    with Image.open(BytesIO(data), formats=settings.formats) as image:
        image.load()
        turn = _TRANSPOSE.get(_orientation(image))
        upright: Image.Image = image.copy() if turn is None else image.transpose(turn)
        return upright


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation; 1 (upright) if it is absent or unreadable."""
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except _DAMAGE:
        return 1


def _to_rgb(image: Image.Image) -> Image.Image:
    """Return an image in mode ``RGB``."""
    if image.mode.startswith("I;16"):
        samples: NDArray[np.uint16] = np.asarray(image)
        image = Image.fromarray((samples >> 8).astype(np.uint8))
    if image.has_transparency_data:
        layers = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layers.size, "white"), layers)
    return image if image.mode == "RGB" else image.convert("RGB")
