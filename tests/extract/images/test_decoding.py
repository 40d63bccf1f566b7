import struct
import zlib
from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from extract.images import ImageFault, ImageMeasures, decode, measure
from extract.settings import ImageSettings

Encode = Callable[..., bytes]
SETTINGS = ImageSettings()


def reason_of(data: bytes) -> str:
    result = measure(data, SETTINGS)
    assert isinstance(result, ImageFault)
    return result.reason


def sample(image_format: str) -> bytes:
    pixels = np.random.default_rng(5).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, image_format)
    return buffer.getvalue()


FILES = {name: sample(name) for name in ("AVIF", "BMP", "GIF", "JPEG", "PNG", "WEBP")}


def png_claiming(width: int, height: int) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def test_empty_file_is_named() -> None:
    assert measure(b"", SETTINGS) == ImageFault("image_empty", "the file is empty")


@pytest.mark.parametrize(
    "data",
    [b"ffconcat version 1.0\nfile /etc/passwd\n", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\0" * 64],
)
def test_other_files_are_no_images(data: bytes) -> None:
    assert reason_of(data) == "not_an_image"


def test_formats_that_are_not_allowed_are_no_images(picture: Image.Image, encode: Encode) -> None:
    assert reason_of(encode(picture, "TIFF")) == "not_an_image"
    only_png = ImageSettings(formats=("PNG",))
    assert measure(encode(picture, "JPEG"), only_png) == ImageFault("not_an_image", "not one of PNG")


@pytest.mark.parametrize("image_format", ["GIF", "PNG", "WEBP", "AVIF"])
def test_animations_are_named(image_format: str, picture: Image.Image, encode: Encode) -> None:
    other = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    data = encode(picture, image_format, save_all=True, append_images=[other], duration=100)
    assert measure(data, SETTINGS) == ImageFault("image_animated", f"an animated {image_format}, not a still image")


@pytest.mark.parametrize("side", [8_000, 10_000, 60_000])
def test_header_lying_about_its_size_costs_nothing(side: int) -> None:
    assert reason_of(png_claiming(side, side)) == "image_too_many_pixels"


def test_header_larger_than_its_pixels_is_broken() -> None:
    assert reason_of(png_claiming(32, 32)) == "image_broken"


def test_wrong_checksum_is_broken() -> None:
    data = bytearray(FILES["PNG"])
    data[data.index(b"IEND") - 6] ^= 1  # inside the checksum of the last IDAT chunk
    assert reason_of(bytes(data)) == "image_broken"


@pytest.mark.parametrize("name", ["BMP", "GIF", "JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("share", [0.5, 0.75, 0.9])
def test_file_that_ends_early_is_broken(name: str, share: float) -> None:
    data = FILES[name]
    assert reason_of(data[: int(len(data) * share)]) == "image_broken"


@given(
    name=st.sampled_from(sorted(FILES)),
    cut=st.integers(min_value=0),
    flips=st.lists(st.tuples(st.integers(min_value=0), st.integers(1, 255)), max_size=8),
)
@settings(max_examples=150, deadline=None)
def test_no_damage_raises(name: str, cut: int, flips: list[tuple[int, int]]) -> None:
    data = bytearray(FILES[name])
    for place, change in flips:
        data[place % len(data)] ^= change
    del data[len(data) - cut % len(data) :]
    assert isinstance(measure(bytes(data), SETTINGS), ImageFault | ImageMeasures)


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_decoded_picture_is_as_people_see_it(mode: str, picture: Image.Image, encode: Encode) -> None:
    decoded = decode(encode(picture.convert(mode)), SETTINGS)
    assert isinstance(decoded, Image.Image)
    assert decoded.mode == "RGB"
    assert np.array_equal(np.asarray(decoded), np.asarray(picture.convert(mode).convert("RGB")))


def test_cmyk_is_seen_as_its_colours(picture: Image.Image, encode: Encode) -> None:
    decoded = decode(encode(picture.convert("CMYK"), "JPEG", quality=95), SETTINGS)
    assert isinstance(decoded, Image.Image)
    difference = np.asarray(decoded, dtype=int) - np.asarray(picture, dtype=int)
    assert np.abs(difference).mean() < 3
