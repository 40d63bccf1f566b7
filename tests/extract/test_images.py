from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from pydantic import ValidationError
from scipy.fft import dctn

from extract.images import (
    ImageMeasures,
    border_share,
    margin_detail,
    measure,
    size_group,
)
from extract.settings import ImageSettings
from media.hashes import perceptual_hash, pixel_hash
from media.image import ImageFault

Encode = Callable[..., bytes]
SETTINGS = ImageSettings()


@pytest.mark.parametrize("image_format", ["AVIF", "BMP", "GIF", "JPEG", "PNG", "WEBP"])
def test_every_allowed_format_is_measured(image_format: str, picture: Image.Image, encode: Encode) -> None:
    measures = measure(encode(picture, image_format), SETTINGS)
    assert isinstance(measures, ImageMeasures)
    assert (measures.width, measures.height, measures.size_group) == (96, 64, "small")


def test_lossless_files_of_one_picture_measure_alike(picture: Image.Image, encode: Encode) -> None:
    assert measure(encode(picture, "PNG"), SETTINGS) == measure(encode(picture, "BMP"), SETTINGS)


@pytest.mark.parametrize(
    ("tag", "undo"),
    [
        (1, None),
        (2, Image.Transpose.FLIP_LEFT_RIGHT),
        (3, Image.Transpose.ROTATE_180),
        (4, Image.Transpose.FLIP_TOP_BOTTOM),
        (5, Image.Transpose.TRANSPOSE),
        (6, Image.Transpose.ROTATE_90),
        (7, Image.Transpose.TRANSVERSE),
        (8, Image.Transpose.ROTATE_270),
    ],
)
def test_exif_orientation_is_applied(
    tag: int, undo: Image.Transpose | None, picture: Image.Image, encode: Encode
) -> None:
    exif = Image.Exif()
    exif[0x0112] = tag
    stored = picture if undo is None else picture.transpose(undo)
    assert measure(encode(stored, exif=exif), SETTINGS) == measure(encode(picture), SETTINGS)


def test_unreadable_exif_counts_as_upright(picture: Image.Image, encode: Encode) -> None:
    spoiled = encode(picture, exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff")
    assert measure(spoiled, SETTINGS) == measure(encode(picture), SETTINGS)


def test_whole_result_of_a_picture_counted_by_hand(encode: Encode) -> None:
    # Five by four pixels of 100, except 110 at row 1, column 1. The Laplacian of the inner 2 x 3
    # pixels is -40, 10, 0 / 10, 0, 0: mean -20/6, variance (1600 + 100 + 100)/6 - (20/6)^2.
    pixels = np.full((4, 5), 100, dtype=np.uint8)
    pixels[1, 1] = 110
    measures = measure(encode(Image.fromarray(pixels)), SETTINGS)
    assert isinstance(measures, ImageMeasures)
    assert (measures.width, measures.height, measures.size_group) == (5, 4, "small")
    assert measures.sharpness == pytest.approx(300 - 400 / 36)
    assert measures.blank_share == 19 / 20


def test_pictures_without_inner_pixels_have_no_sharpness(encode: Encode) -> None:
    measures = measure(encode(Image.new("L", (2, 900), 5)), SETTINGS)
    assert isinstance(measures, ImageMeasures)
    assert (measures.sharpness, measures.blank_share) == (0.0, 1.0)


def test_sharpness_does_not_depend_on_strips(encode: Encode) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (600, 40), dtype=np.uint8)
    wide = pixels.astype(np.int64)
    laplacian = wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:] - 4 * wide[1:-1, 1:-1]
    measures = measure(encode(Image.fromarray(pixels)), SETTINGS)
    assert isinstance(measures, ImageMeasures)
    assert measures.sharpness == pytest.approx(laplacian.var())


@pytest.mark.parametrize("grey", [0, 1, 127, 254, 255])
def test_blank_share_counts_greys_within_two_levels(grey: int, encode: Encode) -> None:
    pixels = np.full((10, 10), grey, dtype=np.uint8)
    step = 1 if grey < 128 else -1
    pixels[0, 0], pixels[0, 1] = grey + 2 * step, grey + 3 * step
    measures = measure(encode(Image.fromarray(pixels)), SETTINGS)
    assert isinstance(measures, ImageMeasures)
    assert measures.blank_share == 0.99


def test_transparent_parts_are_white(encode: Encode) -> None:
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    clear.putpixel((0, 0), (0, 0, 0, 255))
    white = Image.new("L", (8, 8), 255)
    white.putpixel((0, 0), 0)
    assert measure(encode(clear), SETTINGS) == measure(encode(white), SETTINGS)


def test_transparent_palette_is_white(encode: Encode) -> None:
    palette = Image.new("P", (8, 8), 0)
    palette.putpalette([0, 0, 0, 9, 9, 9])
    assert measure(encode(palette, transparency=0), SETTINGS) == measure(encode(Image.new("L", (8, 8), 255)), SETTINGS)


def test_sixteen_bit_grey_keeps_its_upper_half(encode: Encode) -> None:
    low = np.random.default_rng(1).integers(0, 256, (9, 9), dtype=np.uint16)
    assert measure(encode(Image.fromarray(low * 256 + 77)), SETTINGS) == measure(
        encode(Image.fromarray(low.astype(np.uint8))), SETTINGS
    )


def test_first_picture_of_a_multi_picture_jpeg_is_used(picture: Image.Image, encode: Encode) -> None:
    several = encode(picture, "MPO", save_all=True, append_images=[Image.new("RGB", (96, 64))])
    assert measure(several, SETTINGS) == measure(encode(picture, "JPEG"), SETTINGS)


@pytest.mark.parametrize(
    ("width", "height", "group"),
    [(319, 5000, "small"), (320, 320, "medium"), (5000, 799, "medium"), (800, 800, "large")],
)
def test_shorter_side_decides_the_size_group(width: int, height: int, group: str) -> None:
    assert size_group(width, height, SETTINGS) == group


def test_size_groups_must_not_overlap() -> None:
    with pytest.raises(ValidationError, match=r"small_below \(900\) must be at most large_from \(800\)"):
        ImageSettings(small_below=900)


def test_longer_file_than_allowed_is_not_opened(picture: Image.Image, encode: Encode) -> None:
    data = encode(picture)
    assert measure(data, ImageSettings(max_bytes=len(data) - 1)) == ImageFault(
        "image_too_large", f"{len(data)} bytes, more than {len(data) - 1}"
    )
    assert isinstance(measure(data, ImageSettings(max_bytes=len(data))), ImageMeasures)


def test_larger_picture_than_allowed_is_not_decoded(picture: Image.Image, encode: Encode) -> None:
    assert measure(encode(picture), ImageSettings(max_pixels=96 * 64 - 1)) == ImageFault(
        "image_too_many_pixels", "96 x 64, more than 6143 pixels"
    )
    assert isinstance(measure(encode(picture), ImageSettings(max_pixels=96 * 64)), ImageMeasures)


Greys = NDArray[np.uint8]


def framed(top: int, bottom: int, left: int, right: int, ground: int = 255) -> Greys:
    """Return 20 x 30 random greys, with edges that are certainly not plain, in a plain border."""
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
    # 30 x 20: the outer tenth is two pixels wide, 600 - 26 * 16 = 184 pixels. A one-pixel dot near an edge is
    # a step at itself and at its left and upper neighbours; one in the middle does not count.
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
    # Only the constant coefficient is above the median, and it is the most significant bit.
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
