"""A sample as a shard holds it: encoded media, nothing decoded."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["RawSample"]


@dataclass(frozen=True, slots=True)
class RawSample:
    """One sample; an absent modality is None, or empty."""

    product_id: str
    label: str | None
    """What counts as the same; None for a distractor."""
    group_id: str
    """Listings of one group are the same product, or nearly."""
    caption: str | None
    specs: Sequence[tuple[str, str]]
    """Property and value, in the order of the page."""
    image: bytes | None
    frames: Sequence[bytes]
    """JPEG of each second, in order."""
    audio: bytes | None
    """mp3."""
    mfcc: NDArray[np.float32] | None
    """[n_mfcc, T]."""
