from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from extract.images import ImageMeasures, border_share, margin_detail, measure, pixel_hash
from extract.settings import ImageSettings

Encode = Callable[..., bytes]
Greys = NDArray[np.uint8]


def framed(top: int, bottom: int, left: int, right: int, ground: int = 255) -> Greys:
    """Random greys of 20 x 30 in a plain frame, with a frame of their own that is surely not plain."""
    inner = np.random.default_rng(1).integers(0, 256, (20, 30), dtype=np.uint8)
    for edge in (inner[0], inner[-1], inner[:, 0], inner[:, -1]):
        edge[::2] = ground ^ 128
    return np.pad(inner, ((top, bottom), (left, right)), constant_values=ground)


@given(sides=st.tuples(*[st.integers(0, 9)] * 4), ground=st.sampled_from([0, 120, 255]))
def test_border_is_what_lies_around(sides: tuple[int, int, int, int], ground: int) -> None:
    pixels = framed(*sides, ground=ground)
    assert border_share(Image.fromarray(pixels)) == pytest.approx(1 - 600 / pixels.size)


def test_plain_picture_is_all_border() -> None:
    assert border_share(Image.new("L", (7, 5), 90)) == 1.0
    assert border_share(Image.new("L", (1, 1), 0)) == 1.0


@pytest.mark.parametrize(("noise", "share"), [(8, 0.5), (9, 0.0)])
def test_border_may_have_the_noise_of_jpeg(noise: int, share: float) -> None:
    pixels = np.concatenate([np.full((20, 30), 200, np.uint8), framed(0, 0, 0, 0)])
    pixels[0, 3] += noise
    assert border_share(Image.fromarray(pixels)) == share


def test_steps_of_the_margin_counted_by_hand() -> None:
    # 30 x 20: the outer tenth is two pixels wide, 600 - 26 * 16 = 184 pixels. A dot of one pixel at an
    # edge is a step at itself, at its left and at its upper neighbour; one in the middle does not count.
    pixels = np.full((20, 30), 255, np.uint8)
    pixels[10, 15] = 0
    assert margin_detail(Image.fromarray(pixels)) == 0.0
    pixels[1, 15] = 231
    assert margin_detail(Image.fromarray(pixels)) == 3 / 184
    pixels[1, 15] = 232
    assert margin_detail(Image.fromarray(pixels)) == 0.0


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (1, 40)])
def test_small_pictures_are_all_margin(size: tuple[int, int]) -> None:
    assert margin_detail(Image.new("L", size, 7)) == 0.0


def test_a_logo_in_a_corner_raises_the_detail(picture: Image.Image, encode: Encode) -> None:
    plain = Image.new("RGB", (300, 300), "white")
    plain.paste(picture, (100, 120))
    marked = plain.copy()
    marked.paste(picture.resize((24, 16)).convert("1"), (3, 3))
    detail = [margin_detail(image.convert("L")) for image in (plain, marked)]
    assert detail[0] == 0.0 < detail[1]


def test_same_pixels_in_other_files_have_one_hash(picture: Image.Image, encode: Encode) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    files = [
        encode(picture),
        encode(picture, compress_level=1),
        encode(picture, "BMP"),
        encode(picture, "WEBP", lossless=True),
        encode(picture.transpose(Image.Transpose.ROTATE_180), exif=exif),
        encode(picture.convert("RGBA")),
    ]
    measured = [measure(data, ImageSettings()) for data in files]
    assert len(set(files)) == len(files)
    assert {one.pixels for one in measured if isinstance(one, ImageMeasures)} == {pixel_hash(picture)}
    assert all(isinstance(one, ImageMeasures) for one in measured)


def test_one_sample_or_the_shape_makes_another_hash(picture: Image.Image) -> None:
    changed = picture.copy()
    changed.putpixel((5, 5), (1, 2, 3))
    plain = [Image.new("RGB", size) for size in ((4, 6), (6, 4), (2, 12))]
    assert len({pixel_hash(image) for image in (picture, changed, *plain)}) == 5
