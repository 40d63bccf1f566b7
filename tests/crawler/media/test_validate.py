"""Type, size, duration and completeness of files, read from the output of real encoders."""

import io
import struct
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.records import MediaKind
from crawler.media.outcome import BadHeaderError, Dimensions, Mime, RejectedFileError
from crawler.media.validate import check_type, ends_early, read_dimensions, validate
from crawler.settings import DownloadSettings
from media.formats import sniff

Make = Callable[..., bytes]

IMAGES = [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("GIF", "image/gif"), ("WEBP", "image/webp")]
IMAGES += [("BMP", "image/bmp"), ("AVIF", "image/avif")]
CLIPS = [
    ("mp4", "mpeg4", "video/mp4"),
    ("mp4", "libx264", "video/mp4"),
    ("mov", "mpeg4", "video/quicktime"),
    ("webm", "libvpx", "video/webm"),
    ("matroska", "mpeg4", "video/x-matroska"),
    ("flv", "flv1", "video/x-flv"),
    ("avi", "mpeg4", "video/x-msvideo"),
]
KINDS: tuple[MediaKind, ...] = ("image", "video")
MIMES: tuple[Mime, ...] = (
    "image/jpeg",
    "image/png",
    "image/gif",
    "image/webp",
    "image/bmp",
    "image/avif",
    "video/mp4",
    "video/webm",
    "video/x-flv",
    "video/x-msvideo",
    "video/mp2t",
)


@pytest.mark.parametrize(("form", "mime"), IMAGES)
def test_an_image_tells_type_and_size(image: Make, form: str, mime: Mime) -> None:
    data = image(form, (41, 30))
    assert check_type(data, "image") == mime
    assert read_dimensions(data, mime) == Dimensions(41, 30, None)
    assert not ends_early(data, mime)
    assert ends_early(data[: len(data) * 3 // 4], mime)


@pytest.mark.parametrize(("form", "codec", "mime"), CLIPS)
def test_a_clip_tells_type_size_and_duration(clip: Make, form: str, codec: str, mime: Mime) -> None:
    data = clip(form, codec)
    assert check_type(data, "video") == mime
    assert read_dimensions(data, mime) == Dimensions(64, 48, 2.0)
    assert not ends_early(data, mime)
    if mime != "video/x-flv":  # FLV states no total length
        assert ends_early(data[:-200], mime)


def test_a_transport_stream_is_known_but_tells_nothing(clip: Make) -> None:
    data = clip("mpegts", "mpeg2video")
    assert check_type(data, "video") == "video/mp2t"
    assert read_dimensions(data, "video/mp2t") == Dimensions(None, None, None)


@pytest.mark.parametrize("options", [{"lossless": True}, {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0"}])
def test_every_kind_of_webp_states_its_size(image: Make, options: dict[str, object]) -> None:
    assert read_dimensions(image("WEBP", (300, 2), **options), "image/webp") == Dimensions(300, 2)


def test_a_progressive_jpeg_with_a_thumbnail_tells_its_own_size(image: Make) -> None:
    thumbnail = image("JPEG", (8, 8))
    exif = b"Exif\0\0" + thumbnail
    data = image("JPEG", (400, 300), progressive=True)
    data = data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]
    assert Image.open(io.BytesIO(data)).size == (400, 300)
    assert read_dimensions(data, "image/jpeg") == Dimensions(400, 300)
    assert not ends_early(data + b"trailing bytes of a camera", "image/jpeg")
    assert ends_early(data[:-2], "image/jpeg")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<html>",
        b"#EXTM3U\n",
        b"ffconcat version 1.0\n",
        b"%PDF-1.7",
        b"MZ",
        b"RIFF\0\0\0\0WAVE",
    ],
)
def test_other_types_are_none(text: bytes) -> None:
    assert sniff(text.ljust(600, b" ")) is None


@given(st.binary(max_size=400), st.sampled_from(MIMES))
def test_any_bytes_are_read_or_refused(data: bytes, mime: Mime) -> None:
    sniff(data)
    ends_early(data, mime)
    try:
        found = read_dimensions(data, mime)
    except BadHeaderError:
        return
    assert found.pixels > 0 or mime.startswith("video")


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_damaged_media_are_read_or_refused(data: st.DataObject, image: Make, clip: Make) -> None:
    whole = data.draw(st.sampled_from([image(form) for form, _ in IMAGES] + [clip(f, c) for f, c, _ in CLIPS]))
    place = data.draw(st.integers(0, len(whole) - 1))
    damaged = whole[:place] + data.draw(st.binary(max_size=8)) + whole[place + 4 :]
    kind = data.draw(st.sampled_from(KINDS))
    try:
        mime, found = validate(damaged, kind, DownloadSettings())
    except RejectedFileError:
        return
    assert mime.startswith(kind)
    assert found.pixels <= DownloadSettings().max_pixels


@pytest.mark.parametrize(
    ("unit", "mime"),
    [
        (b"\xff", "image/jpeg"),
        (b"\xff\xe0\0\2", "image/jpeg"),
        (b"\0\0\0\x08free", "video/mp4"),
        (b"\xec\x80", "video/webm"),
    ],
)
def test_a_file_of_nothing_but_empty_parts_is_refused_soon(unit: bytes, mime: Mime) -> None:
    hostile = {"image/jpeg": b"\xff\xd8", "video/webm": b"\x1a\x45\xdf\xa3\x80"}.get(mime, b"") + unit * 2_000_000
    started = time.process_time()
    ends_early(hostile, mime)
    with pytest.raises(BadHeaderError):
        read_dimensions(hostile, mime)
    assert time.process_time() - started < 1.0


def test_the_verdict_names_the_reason(image: Make, clip: Make) -> None:
    limits = DownloadSettings(max_pixels=1000, max_duration_s=1.5)

    def reason(data: bytes, kind: MediaKind) -> tuple[str, str]:
        with pytest.raises(RejectedFileError) as caught:
            validate(data, kind, limits)
        return caught.value.reason, caught.value.detail

    assert reason(b"", "image") == ("empty", "0 bytes")
    assert reason(image("PNG"), "video") == ("wrong_type", "not an accepted video: image/png")
    assert reason(image("PNG"), "image") == ("too_many_pixels", "40 x 30, more than the limit of 1000 pixels")
    small = clip("mp4", "mpeg4", (32, 16))
    assert reason(small, "video") == ("too_long", "2.0 s, more than the limit of 1.5 s")
    assert reason(b"\xff\xd8\xff\xda\0\2" + bytes(64) + b"\xff\xd9", "image")[0] == "broken"
    assert validate(image("PNG", (10, 10)), "image", limits) == ("image/png", Dimensions(10, 10))


def refusal(data: bytes, kind: MediaKind = "image") -> tuple[str, str]:
    with pytest.raises(RejectedFileError) as caught:
        validate(data, kind, DownloadSettings())
    return caught.value.reason, caught.value.detail


def test_stray_bytes_between_jpeg_segments_are_passed_over(image: Make) -> None:
    data = image("JPEG", (41, 30))
    frame = data.index(b"\xff\xc0")
    assert validate(data[:frame] + bytes(7) + data[frame:], "image", DownloadSettings())[1] == Dimensions(41, 30)


@pytest.mark.parametrize("form", ["GIF", "JPEG", "PNG"])
def test_missing_end_mark_is_no_fault_if_every_pixel_is_there(image: Make, form: str) -> None:
    data = image(form, (41, 30))
    without = data[: -{"GIF": 1, "JPEG": 2, "PNG": 12}[form]]
    assert ends_early(without, check_type(without, "image"))
    assert validate(without, "image", DownloadSettings())[1] == Dimensions(41, 30)


@pytest.mark.parametrize("form", ["GIF", "JPEG", "PNG", "WEBP", "BMP", "AVIF"])
def test_image_without_its_last_pixels_is_truncated(image: Make, form: str) -> None:
    data = image(form, (160, 120))
    assert refusal(data[: len(data) * 2 // 3])[0] == "truncated"


def test_wrong_size_field_of_bmp_is_no_fault(image: Make) -> None:
    data = image("BMP", (41, 30))
    assert validate(data[:2] + b"\xff\xff\xff\x00" + data[6:], "image", DownloadSettings())[1] == Dimensions(41, 30)


def test_gif_image_larger_than_its_screen_counts(image: Make) -> None:
    data = image("GIF", (41, 30))
    assert read_dimensions(data[:6] + struct.pack("<HH", 10, 10) + data[10:], "image/gif") == Dimensions(41, 30)


def test_video_whose_last_box_claims_too_much_is_kept(clip: Make) -> None:
    data = clip("mp4", "mpeg4")
    odd = data + struct.pack(">I", 500) + b"free" + bytes(9)
    assert ends_early(odd, "video/mp4")
    assert validate(odd, "video", DownloadSettings()) == ("video/mp4", Dimensions(64, 48, 2.0))


def test_video_without_its_last_packets_is_truncated(clip: Make) -> None:
    data = clip("matroska", "mpeg4")
    reason, detail = refusal(data[: len(data) * 3 // 4], "video")
    assert (reason, "are there" in detail) == ("truncated", True), detail


@pytest.mark.parametrize(("form", "codec"), [("asf", "wmv2"), ("mpeg", "mpeg2video"), ("ogg", "libvpx")])
def test_what_extraction_decodes_is_downloaded(clip: Make, form: str, codec: str) -> None:
    assert validate(clip(form, codec), "video", DownloadSettings())[1] == Dimensions(None, None)


def test_known_format_without_decoder_is_refused_by_name() -> None:
    heic = struct.pack(">I", 24) + b"ftypheic" + bytes(4) + b"mif1heic"
    assert refusal(heic) == (
        "wrong_type",
        "not an accepted image: image/heic (HEIC), Pillow decodes it only with a plug-in",
    )
