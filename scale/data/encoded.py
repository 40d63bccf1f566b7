"""Samples as arrays: what a block of a shard becomes, and what the cache on disk holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["ARRAYS", "Encoded", "take"]

ARRAYS = (
    "text_ids",
    "table_ids",
    "table_part",
    "image",
    "image_box",
    "image_count",
    "video",
    "video_count",
    "audio",
    "present",
    "index",
)


@dataclass(frozen=True)
class Encoded:
    """Some samples, as arrays whose first axis counts them.

    - ``text_ids`` [n, text_tokens] int32, ``table_ids`` and ``table_part`` [n, table_tokens] int32; PAD after the end
    - ``image`` [n, image_tokens, image_width] uint8 pixels (regions: float32), ``image_box`` [n, image_tokens, 5]
      float32, ``image_count`` [n] int32: how many of the tokens are there
    - ``video`` [n, frames, video_width] uint8, ``video_count`` [n] int32
    - ``audio`` [n, audio tokens, audio width] float32
    - ``present`` [n, 5] bool, in the order of ``MODALITIES``; absent modalities are zeros
    - ``index`` [n] int64: number of the sample in its split
    """

    arrays: Mapping[str, NDArray[np.generic]]
    product_ids: Sequence[str]
    labels: Sequence[str | None]
    skipped: Mapping[str, int] = field(default_factory=dict)
    """Reason -> samples, or modalities of samples, that could not be read."""

    def __len__(self) -> int:
        return len(self.product_ids)


def take(parts: Sequence[Encoded], rows: Sequence[tuple[int, int]]) -> Encoded:
    """Return the samples at (part, row), in that order."""
    arrays = {name: np.stack([parts[part].arrays[name][row] for part, row in rows]) for name in ARRAYS}
    return Encoded(
        arrays,
        [parts[part].product_ids[row] for part, row in rows],
        [parts[part].labels[row] for part, row in rows],
    )
