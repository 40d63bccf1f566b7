from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from scipy.fft import dctn

from extract.images import ImageMeasures, measure, perceptual_hash
from extract.settings import ImageSettings

Encode = Callable[..., bytes]


def distance(one: int, other: int) -> int:
    return ((one ^ other) & (2**64 - 1)).bit_count()


def by_definition(grey: Image.Image) -> int:
    small = np.asarray(grey.resize((32, 32), Image.Resampling.LANCZOS), dtype=float)
    low = dctn(small, type=2)[:8, :8]
    pattern = "".join("1" if value > np.median(low) else "0" for value in low.flat)
    unsigned = int(pattern, 2)
    return unsigned - 2**64 if pattern[0] == "1" else unsigned


@pytest.mark.parametrize("seed", range(20))
def test_hash_follows_its_definition(seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (50, 70), dtype=np.uint8)
    grey = Image.fromarray(pixels)
    assert perceptual_hash(grey) == by_definition(grey)


def test_hash_fits_a_signed_column() -> None:
    bright = perceptual_hash(Image.new("L", (40, 40), 255))
    assert -(2**63) <= bright < 2**63


def test_flat_pictures_share_one_hash() -> None:
    # The constant coefficient alone is above the median, and it is the most significant bit.
    hashes = {perceptual_hash(Image.new("L", size, grey)) for size in ((1, 1), (33, 77)) for grey in (1, 90, 255)}
    assert hashes == {-(2**63)}


def test_black_has_no_bit_set() -> None:
    assert perceptual_hash(Image.new("L", (9, 9), 0)) == 0


def test_smaller_and_recompressed_copies_stay_near(picture: Image.Image, encode: Encode) -> None:
    hashes = []
    for data in (encode(picture), encode(picture.resize((48, 32)), "JPEG", quality=60)):
        measures = measure(data, ImageSettings())
        assert isinstance(measures, ImageMeasures)
        hashes.append(measures.phash)
    assert distance(*hashes) <= 4


def test_other_pictures_are_far(picture: Image.Image) -> None:
    grey = picture.convert("L")
    assert distance(perceptual_hash(grey), perceptual_hash(grey.transpose(Image.Transpose.ROTATE_90))) > 16
