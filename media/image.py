"""The one decoder of images: untrusted bytes to upright RGB, under limits."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Literal, Protocol

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError, features

from core.errors import MediaError
from media.formats import IMAGE_READERS, sniff
from media.png import PngDamageError, bare_png, transparent_key, usable_png, with_key
from media.still import decode_still

__all__ = [
    "ImageFault",
    "ImageLimits",
    "ImageReason",
    "StandardLimits",
    "decode_image",
    "missing_readers",
    "read_image",
    "stored_size",
]

ImageReason = Literal[
    "image_broken",
    "image_empty",
    "image_too_large",
    "image_too_many_pixels",
    "image_truncated",
    "not_an_image",
]
"""Closed vocabulary of reasons in ``rejects``."""


class ImageLimits(Protocol):
    """Limits before decoding."""

    @property
    def max_bytes(self) -> int:
        """Largest file that is opened."""

    @property
    def max_pixels(self) -> int:
        """Largest number of pixels that are decoded."""

    @property
    def formats(self) -> Sequence[str]:
        """Pillow's names of the formats that are tried."""


@dataclass(frozen=True, slots=True)
class StandardLimits:
    """Limits of images that passed extraction: those of its default settings."""

    max_bytes: int = 32_000_000
    max_pixels: int = 50_000_000
    formats: tuple[str, ...] = IMAGE_READERS


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
_JPEG_END = b"\xff\xd9"
_RUN_LENGTHS = (1, 2)
"""Compressions of BMP that may end before the last pixel: the others keep the first colour."""


class _UnusableError(Exception):
    """An image cannot be used; carries the fault."""

    def __init__(self, reason: ImageReason, detail: str) -> None:
        super().__init__(detail)
        self.fault = ImageFault(reason, detail)


def decode_image(data: bytes, limits: ImageLimits, *, enough: int | None = None) -> Image.Image | ImageFault:
    """Decode an image fully and return it upright, as RGB.

    The size in the header is checked before any pixel is decoded. A file is refused only if its pixels
    cannot be decoded: bytes after its end, a missing end marker and damaged metadata are no fault, missing
    pixels are. Of a file with several images, or an animation, the first is used. The orientation that
    EXIF, or AVIF's ``irot`` and ``imir``, ask for is applied. Transparent parts become white. Of 16-bit
    samples, the upper eight bits are kept. CMYK is converted without a profile, by Adobe's inverted
    convention; colour profiles are ignored.

    Args:
        data: The file's bytes.
        limits: Limits and allowed formats.
        enough: A JPEG may be decoded at half, a quarter or an eighth of its size, if each side keeps at least
            this many pixels, which is several times as fast; None: every pixel.

    Returns:
        An image of mode ``RGB``, or the fault.
    """
    try:
        with _strict_pillow():
            return _decode_patiently(_check(data, limits), limits, enough)
    except _UnusableError as unusable:
        return unusable.fault
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        return ImageFault("image_too_many_pixels", f"far more than {limits.max_pixels} pixels")
    except UnidentifiedImageError:
        return ImageFault("image_broken", "the header is damaged")
    except (*_DAMAGE, av.FFmpegError) as damage:
        return _damage_fault(damage)


def _damage_fault(damage: Exception) -> ImageFault:
    if isinstance(damage, PngDamageError):
        return ImageFault("image_broken", str(damage))
    if "truncated" in str(damage).lower():
        return ImageFault("image_truncated", "the file ends before its last pixel")
    return ImageFault("image_broken", f"the file is damaged ({type(damage).__name__})")


def read_image(data: bytes, limits: ImageLimits | None = None, *, enough: int | None = None) -> Image.Image:
    """Return the image as ``decode_image`` does.

    Raises:
        MediaError: It cannot be used; see ``reason``.
    """
    image = decode_image(data, limits or StandardLimits(), enough=enough)
    if isinstance(image, ImageFault):
        raise MediaError(image.reason, image.detail)
    return image


def stored_size(data: bytes, limits: ImageLimits) -> tuple[int, int]:
    """Return the width and height of an image as its file states them, before any orientation.

    Raises:
        MediaError: It cannot be decoded.
    """
    read_image(data, limits)
    with _strict_pillow(), Image.open(BytesIO(data), formats=list(limits.formats)) as image:
        return image.width, image.height


def missing_readers() -> list[str]:
    """Return the libraries of image formats that the installed Pillow was built without."""
    return [name for name in ("avif", "jpg", "webp", "zlib") if not features.check(name)]


@contextmanager
def _strict_pillow() -> Iterator[None]:
    """Make Pillow's size warning an error and silence its warnings about damaged metadata."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _check(data: bytes, limits: ImageLimits) -> bytes:
    """Check the length and the format, and return the bytes that Pillow is given."""
    if not data:
        raise _UnusableError("image_empty", "the file is empty")
    if len(data) > limits.max_bytes:
        raise _UnusableError("image_too_large", f"{len(data)} bytes, more than {limits.max_bytes}")
    form = sniff(data)
    if form is not None and form.reader is None:
        raise _UnusableError("not_an_image", f"{form.name} is not read: {form.note}")
    if form is None or form.reader not in limits.formats:
        raise _UnusableError("not_an_image", f"not one of {', '.join(limits.formats)}")
    if form.reader == "PNG":
        return usable_png(data)
    if form.reader == "WEBP" and int.from_bytes(data[4:8], "little") + 8 == len(data) + 1:
        return data + b"\0"  # some writers leave out the padding byte of the last chunk
    return data


def _decode_patiently(data: bytes, limits: ImageLimits, enough: int | None) -> Image.Image:
    """Decode an image; a PNG that Pillow refuses a second time without its metadata."""
    try:
        return _decode(data, limits, enough)
    except (SyntaxError, ValueError, UnidentifiedImageError):
        form = sniff(data)
        if form is None or form.reader != "PNG":
            raise
    return _decode(bare_png(data), limits, enough)


def _decode(data: bytes, limits: ImageLimits, enough: int | None) -> Image.Image:
    with _opened(data, limits) as image:
        key = transparent_key(data) if image.format == "PNG" else None
        if image.format == "JPEG" and enough is not None:
            image.draft(None, (enough, enough))
        try:
            image.load()
        except OSError:
            if image.format not in ("JPEG", "MPO") or not _only_lacks_end(data):
                raise
            return _decode(data + _JPEG_END, limits, enough)
        except ValueError:
            if image.format != "BMP" or data[30] not in _RUN_LENGTHS:
                raise
            return Image.fromarray(decode_still(data, "bmp", "rgb24"))  # Pillow needs every pixel to be written
        turn = _TRANSPOSE.get(_orientation(image))
        rgb = _to_rgb(image) if key is None else with_key(image, data, key)
        return rgb if turn is None else rgb.transpose(turn)


@contextmanager
def _opened(data: bytes, limits: ImageLimits) -> Iterator[Image.Image]:
    """Open a file, and check the number of its pixels."""
    with Image.open(BytesIO(data), formats=list(limits.formats)) as image:
        if image.width * image.height > limits.max_pixels:
            size = f"{image.width} x {image.height}"
            raise _UnusableError("image_too_many_pixels", f"{size}, more than {limits.max_pixels} pixels")
        yield image


def _only_lacks_end(data: bytes) -> bool:
    """Return whether a JPEG that Pillow calls truncated has all its pixels, and lacks only the end marker."""
    if data.endswith(_JPEG_END):
        return False
    try:
        decode_still(data, "mjpeg", "gray", strict=True)
    except (av.FFmpegError, IndexError, ValueError):
        return False
    return True


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation; 1 (upright) if it is absent or unreadable."""
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except _DAMAGE:
        return 1


def _to_rgb(image: Image.Image) -> Image.Image:
    """Return a decoded image in mode ``RGB``, of its own."""
    if image.mode.startswith("I;16"):
        samples: NDArray[np.uint16] = np.asarray(image)
        image = Image.fromarray((samples >> 8).astype(np.uint8))
    if image.has_transparency_data:
        layers = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layers.size, "white"), layers)
    return image.copy() if image.mode == "RGB" else image.convert("RGB")
