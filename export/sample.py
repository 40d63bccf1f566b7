"""One sample of the dataset: a product with its five modalities."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from m5data.records import Specification

__all__ = ["MODALITIES", "Sample", "SampleFrame"]

MODALITIES = ("image", "caption", "specs", "video", "audio")


@dataclass(frozen=True, slots=True)
class SampleFrame:
    """One kept frame of the product's video."""

    second: int
    """The whole second it stands for, from 0."""
    pts_s: float
    """Its own time, seconds from the stream's start."""
    jpeg: bytes


@dataclass(frozen=True, slots=True)
class Sample:
    """A product in a split; an absent modality is None (specs and frames: empty)."""

    product_id: str
    split: str
    role: str
    """sample, query, gallery or distractor."""
    label: str | None
    """What counts as the same; None for a distractor."""
    label_level: str
    group_id: str
    source: str
    url: str
    licence: str
    """Licence of the source, as its settings state it; empty where none is stated."""
    classes: Mapping[str, str | int]
    """class_id, class_name, sub_class_id, … of the shared hierarchy; id -1 and an empty name: none."""
    caption: str | None
    specs: tuple[Specification, ...]
    image: bytes | None
    """The image file as it came from the shop."""
    image_url: str | None
    """Where it came from."""
    image_size: tuple[int, int] | None
    """Width and height, pixels; None: not said."""
    frames: tuple[SampleFrame, ...]
    """Ordered by second."""
    audio: bytes | None
    """mp3."""
    mfcc: NDArray[np.float32] | None
    """[n_mfcc, T]."""

    @property
    def present(self) -> dict[str, bool]:
        """Modality -> whether this sample has it."""
        return {
            "image": self.image is not None,
            "caption": self.caption is not None,
            "specs": bool(self.specs),
            "video": bool(self.frames),
            "audio": self.audio is not None,
        }
