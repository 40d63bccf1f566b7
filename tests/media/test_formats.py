import pytest

from media.formats import ACCEPTED, FORMATS, IMAGE_READERS, sniff


def box(kind: bytes, *brands: bytes) -> bytes:
    body = kind + brands[0] + bytes(4) + b"".join(brands[1:])
    return (len(body) + 4).to_bytes(4, "big") + body


HEADS = [
    (b"\xff\xd8\xff\xe0", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF89a", "image/gif"),
    (b"RIFF\0\0\0\0WEBP", "image/webp"),
    (b"RIFF\0\0\0\0AVI ", "video/x-msvideo"),
    (b"BM" + bytes(12) + b"\x28\0\0\0", "image/bmp"),
    (box(b"ftyp", b"avif", b"mif1"), "image/avif"),
    (box(b"ftyp", b"avis", b"msf1"), "image/avif"),
    (box(b"ftyp", b"mif1", b"avif", b"miaf"), "image/avif"),
    (box(b"ftyp", b"mif1", b"heic"), "image/heic"),
    (box(b"ftyp", b"heic", b"mif1"), "image/heic"),
    (b"\xff\x0a\xfa", "image/jxl"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "image/jxl"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "image/jp2"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"\0\0\1\0\1\0", "image/x-icon"),
    (b"\xef\xbb\xbf<?xml version='1.0'?><svg/>", "image/svg+xml"),
    (box(b"ftyp", b"isom", b"mp42"), "video/mp4"),
    (box(b"ftyp", b"3gp4", b"isom"), "video/mp4"),
    (box(b"ftyp", b"qt  "), "video/quicktime"),
    (b"\0\0\0\x08wide\0\0\0\x08mdat", "video/quicktime"),
    (b"\x1a\x45\xdf\xa3\x84\x42\x82\x84webm", "video/webm"),
    (b"\x1a\x45\xdf\xa3\x84\x42\x82\x88matroska", "video/x-matroska"),
    (b"OggS\0\2", "video/ogg"),
    (b"0&\xb2u\x8ef\xcf\x11\xa6\xd9\x00\xaa\x00b\xcel", "video/x-ms-asf"),
    (b"\0\0\1\xba", "video/mpeg"),
    (b"FLV\1", "video/x-flv"),
    ((b"G" + bytes(187)) * 3, "video/mp2t"),
    ((bytes(4) + b"G" + bytes(187)) * 3, "video/mp2t"),
]


@pytest.mark.parametrize(("head", "mime"), HEADS)
def test_formats_are_told_by_their_first_bytes(head: bytes, mime: str) -> None:
    form = sniff(head)
    assert form is not None
    assert form.mime == mime


def test_every_format_is_told() -> None:
    assert {form.mime for form in FORMATS} == {mime for _, mime in HEADS}


@pytest.mark.parametrize(
    "head", [b"", b"<html>", b"#EXTM3U\n", b"ffconcat version 1.0\n", b"%PDF-1.7", b"RIFF\0\0\0\0WAVE"]
)
def test_other_files_are_unknown(head: bytes) -> None:
    assert sniff(head) is None


def test_refused_formats_say_why() -> None:
    assert all(form.note for form in FORMATS if form.reader is None)
    assert {form.reader for form in ACCEPTED if form.kind == "image"} == set(IMAGE_READERS)
