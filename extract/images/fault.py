"""Why the bytes of an image cannot be used."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["ImageFault", "ImageReason"]

ImageReason = Literal[
    "image_animated",
    "image_broken",
    "image_empty",
    "image_too_large",
    "image_too_many_pixels",
    "not_an_image",
]
"""Closed vocabulary for ``rejects``."""


@dataclass(frozen=True, slots=True)
class ImageFault:
    """An image that was not measured; a value, because bad files are ordinary."""

    reason: ImageReason
    detail: str
    """What was wanted and what came, one line, nothing of the file's content."""
