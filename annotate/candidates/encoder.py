"""What turns a product into a vector."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Encoder", "Listing", "ReadObject", "Vectors"]

Vectors = NDArray[np.float32]
ReadObject = Callable[[str], bytes]
"""SHA-256 of an object -> its bytes."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What an encoder may look at of one product; the modalities that are absent are None or empty."""

    product_id: str
    caption: str | None = None
    specs: tuple[tuple[str, str], ...] = ()
    """(property, value) in the order of the page, under shared names where they were aligned."""
    image: str | None = None
    """SHA-256 of the main image, for encoders that read its bytes."""
    phash: int | None = None
    """64-bit perceptual hash of the main image, as a signed integer."""


class Encoder(Protocol):
    """Vectors whose cosine says how likely two listings are one product."""

    @property
    def dimensions(self) -> int:
        """Length of a vector: the lengths of its concatenated features."""

    def encode(self, listings: Sequence[Listing], read: ReadObject) -> Vectors:
        """Return [len(listings), dimensions]; each feature scaled as it should weigh. Absent features are zeros."""
