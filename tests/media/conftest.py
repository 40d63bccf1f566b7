"""Synthetic images."""

from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

Encode = Callable[..., bytes]


@pytest.fixture
def picture() -> Image.Image:
    """Return a colour image, 96 x 64, with structure at several scales and no symmetry."""
    rng = np.random.default_rng(7)
    coarse = Image.fromarray(rng.integers(0, 256, (4, 6, 3), dtype=np.uint8))
    return coarse.resize((96, 64), Image.Resampling.BICUBIC)


@pytest.fixture
def encode() -> Encode:
    """Return a function that encodes an image as a file."""

    def run(picture: Image.Image, image_format: str = "PNG", **options: object) -> bytes:
        buffer = BytesIO()
        picture.save(buffer, image_format, **options)
        return buffer.getvalue()

    return run
