import struct
import zlib
from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from extract.images import ImageMeasures, measure
from extract.settings import ImageSettings
from media.image import _TRANSPOSE, ImageFault, decode_image

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


def decoded(data: bytes) -> Image.Image:
    image = decode_image(data, SETTINGS)
    assert isinstance(image, Image.Image), image
    return image


def pixels(data: bytes) -> list[list[int]]:
    """Return the pixels of an image row by row."""
    return [list(colour) for colour in np.asarray(decoded(data)).reshape(-1, 3).tolist()]


def mean_difference(one: Image.Image, other: Image.Image) -> float:
    return float(np.abs(np.asarray(one, dtype=int) - np.asarray(other, dtype=int)).mean())


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, depth: int, colour: int, row: bytes, *chunks: bytes) -> bytes:
    """Return a PNG of one row; ``colour`` is the type of 11.2.2."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, 1, depth, colour, 0, 0, 0))
    content = chunk(b"IDAT", zlib.compress(b"\0" + row)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + content


def png_claiming(width: int, height: int) -> bytes:
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
def test_first_frame_of_an_animation_is_used(image_format: str, picture: Image.Image, encode: Encode) -> None:
    other = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    data = encode(picture, image_format, save_all=True, append_images=[other], duration=100, quality=95)
    with Image.open(BytesIO(encode(picture, image_format, quality=95))) as still:
        assert mean_difference(decoded(data), still.convert("RGB")) < 5


@pytest.mark.parametrize("side", [8_000, 10_000, 60_000])
def test_header_lying_about_its_size_costs_nothing(side: int) -> None:
    assert reason_of(png_claiming(side, side)) == "image_too_many_pixels"


def test_header_larger_than_its_pixels_is_truncated() -> None:
    assert reason_of(png_claiming(32, 32)) == "image_truncated"


def test_wrong_checksum_is_broken() -> None:
    data = bytearray(FILES["PNG"])
    data[data.index(b"IEND") - 6] ^= 1  # inside the checksum of the last IDAT chunk
    assert reason_of(bytes(data)) == "image_broken"


@pytest.mark.parametrize("name", ["BMP", "GIF", "JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("share", [0.5, 0.75, 0.9])
def test_file_that_ends_early_is_truncated(name: str, share: float) -> None:
    data = FILES[name]
    assert reason_of(data[: int(len(data) * share)]) == ("image_broken" if name == "WEBP" else "image_truncated")


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
    image = decoded(encode(picture.convert(mode)))
    assert image.mode == "RGB"
    assert np.array_equal(np.asarray(image), np.asarray(picture.convert(mode).convert("RGB")))


def test_cmyk_is_seen_as_its_colours(picture: Image.Image, encode: Encode) -> None:
    assert mean_difference(decoded(encode(picture.convert("CMYK"), "JPEG", quality=95)), picture) < 3


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize(("orientation", "turn"), sorted(_TRANSPOSE.items()))
def test_orientation_is_applied_in_every_format_that_has_it(
    image_format: str, orientation: int, turn: Image.Transpose, picture: Image.Image, encode: Encode
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(picture, image_format, exif=exif.tobytes(), quality=95)
    assert mean_difference(decoded(data), picture.transpose(turn)) < 5


WHITE, BLACK, GREY = [255, 255, 255], [0, 0, 0], [18, 18, 18]


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        pytest.param(png(2, 1, 0, b"\x40", chunk(b"tRNS", b"\0\0")), [WHITE, WHITE], id="1-bit-black"),
        pytest.param(png(2, 2, 0, b"\x80", chunk(b"tRNS", b"\0\2")), [WHITE, BLACK], id="2-bit"),
        pytest.param(png(2, 4, 0, b"\xa0", chunk(b"tRNS", b"\0\x0a")), [WHITE, BLACK], id="4-bit"),
        pytest.param(png(2, 8, 0, b"\x12\x00", chunk(b"tRNS", b"\0\0")), [GREY, WHITE], id="8-bit"),
        pytest.param(png(2, 16, 0, b"\x12\x34\x12\x35", chunk(b"tRNS", b"\x12\x34")), [WHITE, GREY], id="16-bit"),
        pytest.param(
            png(2, 16, 2, b"\x12\x34" * 5 + b"\x12\x35", chunk(b"tRNS", b"\x12\x34" * 3)), [WHITE, GREY], id="48"
        ),
        pytest.param(
            png(2, 8, 3, b"\0\1", chunk(b"PLTE", bytes(6)), chunk(b"tRNS", b"\0")), [WHITE, BLACK], id="palette"
        ),
        pytest.param(png(2, 8, 4, b"\0\0\x12\xff"), [WHITE, GREY], id="grey-alpha"),
        pytest.param(png(2, 16, 4, b"\0\0\0\0\x12\x99\xff\xff"), [WHITE, GREY], id="grey-alpha-16"),
        pytest.param(png(2, 16, 6, bytes(8) + b"\x12\x99" * 3 + b"\xff\xff"), [WHITE, GREY], id="rgba-16"),
        pytest.param(png(2, 16, 0, b"\x12\xff\0\x7f"), [GREY, BLACK], id="grey-16"),
    ],
)
def test_transparent_is_white_and_deep_samples_keep_their_upper_bits(data: bytes, shown: list[list[int]]) -> None:
    assert pixels(data) == shown


@pytest.mark.parametrize(
    "damaged",
    [
        pytest.param(chunk(b"tEXt", b"Title\0lamp")[:-1] + b"?", id="checksum"),
        pytest.param(chunk(b"pHYs", b"?"), id="length"),
        pytest.param(chunk(b"tRNS", b"?"), id="colour"),
        pytest.param(chunk(b"eXIf", b"?"), id="exif"),
        pytest.param(chunk(b"iCCP", b"profile\0\0?"), id="profile"),
        pytest.param(chunk(b"zTXt", b"Title\0\0" + zlib.compress(bytes(70_000_000))), id="bomb"),
    ],
)
def test_damaged_metadata_of_a_png_is_left_out(damaged: bytes) -> None:
    assert pixels(png(1, 8, 0, b"\x12", damaged)) == [GREY]


def test_wrong_checksum_of_the_end_is_no_damage() -> None:
    assert pixels(png(1, 8, 0, b"\x12")[:-1] + b"?") == [GREY]


@pytest.mark.parametrize(("name", "missing"), [("GIF", 1), ("JPEG", 2), ("JPEG", 1), ("PNG", 12), ("PNG", 4)])
def test_missing_end_changes_no_pixel(name: str, missing: int) -> None:
    whole = FILES[name]
    assert pixels(whole[:-missing]) == pixels(whole)


@pytest.mark.parametrize("name", sorted(FILES))
def test_bytes_after_the_end_change_no_pixel(name: str) -> None:
    assert pixels(FILES[name] + b"\0trailing bytes of a camera") == pixels(FILES[name])


def test_progressive_jpeg_cut_before_its_last_scan_is_truncated(picture: Image.Image, encode: Encode) -> None:
    data = encode(picture, "JPEG", progressive=True)
    assert reason_of(data[: data.rindex(b"\xff\xda") + 20]) == "image_truncated"


def test_run_lengths_of_a_bmp_may_end_before_its_last_pixel() -> None:
    palette = bytes([0, 0, 0, 0, 18, 18, 18, 0])
    header = struct.pack("<IiiHHIIiiII", 40, 2, 2, 1, 8, 1, 6, 0, 0, 2, 2)
    lengths = b"\2\1\0\0\0\1"  # two grey pixels, end of line, end of bitmap
    body = header + palette + lengths
    assert pixels(b"BM" + struct.pack("<IHHI", 14 + len(body), 0, 0, 62) + body) == [BLACK, BLACK, GREY, GREY]


def test_a_jpeg_may_be_decoded_at_a_smaller_scale(encode: Encode) -> None:
    large = Image.radial_gradient("L").resize((800, 600)).convert("RGB")
    small = decode_image(encode(large, "JPEG"), SETTINGS, enough=100)
    assert isinstance(small, Image.Image)
    assert small.size == (200, 150)
    assert mean_difference(small, large.reduce(4)) < 3


@pytest.mark.parametrize(("head", "name"), [(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"), (b"II*\0", "TIFF")])
def test_known_format_without_decoder_says_why(head: bytes, name: str) -> None:
    fault = decode_image(head, SETTINGS)
    assert isinstance(fault, ImageFault)
    assert (fault.reason, fault.detail.partition(" is not read: ")[0]) == ("not_an_image", name)
