"""Hashes of decoded images: of the pixels, and of what they show."""

import hashlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["frame_hash", "perceptual_hash", "pixel_hash"]


def pixel_hash(image: Image.Image) -> str:
    """Return the SHA-256 of an image's width, height and samples, as hexadecimal.

    Files that show the same pixels have the same hash, whatever their format, metadata or EXIF
    orientation. Width and height are four bytes each, little endian; then mode ``RGB`` row by row.
    """
    size = image.width.to_bytes(4, "little") + image.height.to_bytes(4, "little")
    return hashlib.sha256(size + image.tobytes()).hexdigest()


_SIDE = 32
_KEPT = 8
_ROUNDING = 6
_FRAME_SIDE = 128
_BRIGHT = [0] * 24 + [255] * 232
"""Table of greys that are brighter than the black of bars, which compression makes uneven."""
_MIN_SHOWN = 0.4
"""Least share of the shorter side between bars: a dark scene with one bright spot has no bars."""


def _cosines() -> NDArray[np.float64]:
    """Return the first rows of the DCT-II matrix, [8, 32]: cos(pi k (2n + 1) / 64)."""
    frequency = np.arange(_KEPT)[:, None]
    sample = np.arange(_SIDE)[None, :]
    return np.cos(np.pi * frequency * (2 * sample + 1) / (2 * _SIDE))


_COSINES = _cosines()
_COSINES.setflags(write=False)


def perceptual_hash(grey: Image.Image) -> int:
    """Return the DCT hash of a grey image as a signed 64-bit integer.

    Definition. Shrink to 32 x 32 with Pillow's Lanczos filter; two-dimensional DCT-II without
    normalisation; keep the 8 x 8 lowest frequencies, the constant one included; bit = 1 where a
    coefficient is above the median of the 64; bits row by row (vertical frequency first), the
    first one most significant; the pattern read as two's complement. That is the pHash of the
    library ``imagehash`` with one difference: coefficients are rounded to 1e-6 first, so that a
    flat image has the same hash on every machine rather than the signs of rounding noise.

    Args:
        grey: Image of mode ``L``, any size.

    Returns:
        The hash; similar images differ in few bits (Hamming distance).
    """
    small = grey.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    pixels = np.asarray(small, dtype=np.float64)  # [32, 32]
    coefficients = np.round(_COSINES @ pixels @ _COSINES.T, _ROUNDING)  # [8, 8]
    bits = coefficients > np.median(coefficients)
    return int.from_bytes(np.packbits(bits).tobytes(), "big", signed=True)


def frame_hash(frame: Image.Image) -> int:
    """Return the perceptual hash of a video frame in a fifth of the time of ``perceptual_hash``.

    The frame is first averaged over squares, as large as possible with the shorter side still at least 128
    pixels, then converted to grey. Black bars along the edges are cropped, so that a copy with bars has the hash of
    the original. Compare hashes of frames only with each other.

    Args:
        frame: Image of mode ``RGB``, any size.
    """
    square = max(1, min(frame.size) // _FRAME_SIDE)
    grey = frame.reduce(square).convert("L")
    box = grey.point(_BRIGHT).getbbox()
    if box is None or min(box[2] - box[0], box[3] - box[1]) < _MIN_SHOWN * min(grey.size):
        return perceptual_hash(grey)
    return perceptual_hash(grey.crop(box))
