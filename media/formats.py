"""The formats of images and videos: one table for download, extraction and training."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from core.records import MediaKind

__all__ = ["ACCEPTED", "FORMATS", "IMAGE_READERS", "SNIFFED_BYTES", "ImageReader", "MediaFormat", "Mime", "sniff"]

Mime = Literal[
    "image/avif",
    "image/bmp",
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/webp",
    "video/mp2t",
    "video/mp4",
    "video/mpeg",
    "video/ogg",
    "video/quicktime",
    "video/webm",
    "video/x-flv",
    "video/x-matroska",
    "video/x-ms-asf",
    "video/x-msvideo",
]
"""Types that are downloaded, decoded and exported."""

ImageReader = Literal["AVIF", "BMP", "GIF", "JPEG", "PNG", "WEBP"]

SNIFFED_BYTES = 4096
"""Bytes from the start that decide the format; more would not change it."""


@dataclass(frozen=True, slots=True)
class MediaFormat:
    """A format that is read, or known and refused."""

    mime: str
    name: str
    """As people call it."""
    reader: str | None
    """Pillow's name of an image format, FFmpeg's of a video's demuxer; None: the format is refused."""
    note: str = ""
    """What is read of it, or why it is refused."""

    @property
    def kind(self) -> MediaKind:
        """Whether it is a format of images or of videos."""
        return "video" if self.mime.startswith("video/") else "image"


_FIRST = "of an animation, the first frame"
_VECTORS = "a drawing that may refer to other files"
_NO_DECODER = "Pillow decodes it only with a plug-in"
_NOT_SHOWN = "browsers do not show it"

FORMATS = (
    MediaFormat("image/avif", "AVIF", "AVIF", _FIRST),
    MediaFormat("image/bmp", "BMP", "BMP"),
    MediaFormat("image/gif", "GIF", "GIF", _FIRST),
    MediaFormat("image/jpeg", "JPEG", "JPEG", "of several images (MPO), the first"),
    MediaFormat("image/png", "PNG", "PNG", "of an animation (APNG), the default image"),
    MediaFormat("image/webp", "WebP", "WEBP", _FIRST),
    MediaFormat("image/heic", "HEIC", None, _NO_DECODER),
    MediaFormat("image/jxl", "JPEG XL", None, _NO_DECODER),
    MediaFormat("image/jp2", "JPEG 2000", None, _NOT_SHOWN),
    MediaFormat("image/tiff", "TIFF", None, _NOT_SHOWN),
    MediaFormat("image/x-icon", "ICO", None, "an icon, never a product's photo"),
    MediaFormat("image/svg+xml", "SVG", None, _VECTORS),
    MediaFormat("video/mp4", "MP4, 3GP", "mov"),
    MediaFormat("video/quicktime", "QuickTime", "mov"),
    MediaFormat("video/webm", "WebM", "matroska"),
    MediaFormat("video/x-matroska", "Matroska", "matroska"),
    MediaFormat("video/x-flv", "Flash video", "flv"),
    MediaFormat("video/x-msvideo", "AVI", "avi"),
    MediaFormat("video/ogg", "Ogg (Theora)", "ogg"),
    MediaFormat("video/x-ms-asf", "ASF (WMV)", "asf"),
    MediaFormat("video/mpeg", "MPEG program stream", "mpeg"),
    MediaFormat("video/mp2t", "MPEG transport stream", "mpegts"),
)
"""Every format that ``sniff`` tells apart. Playlists and PDF are unknown: the download replaces HLS and DASH by
their video, and refuses others."""

ACCEPTED = tuple(form for form in FORMATS if form.reader is not None)
"""The formats that are read."""

IMAGE_READERS: tuple[ImageReader, ...] = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "WEBP")
"""Pillow's names of the image formats that are read."""

_BY_MIME = {form.mime: form for form in FORMATS}

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"\xff\x0a", "image/jxl"),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "image/jxl"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "image/jp2"),
    (b"\xff\x4f\xff\x51", "image/jp2"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"II+\x00", "image/tiff"),
    (b"MM\x00+", "image/tiff"),
    (b"\x00\x00\x01\x00", "image/x-icon"),
    (b"FLV\x01", "video/x-flv"),
    (b"OggS", "video/ogg"),
    (b"0&\xb2u\x8ef\xcf\x11\xa6\xd9\x00\xaa\x00b\xcel", "video/x-ms-asf"),
    (b"\x00\x00\x01\xba", "video/mpeg"),
)
_RIFF = {b"WEBP": "image/webp", b"AVI ": "video/x-msvideo", b"AVIX": "video/x-msvideo"}
_EBML = b"\x1a\x45\xdf\xa3"
_WEBM = b"\x42\x82\x84webm"
_BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)
_OLD_QUICKTIME = frozenset((b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"))
_AVIF_BRANDS = frozenset((b"avif", b"avis"))
_HEIF_BRANDS = frozenset(b"heic heix heim heis hevc hevx hevm hevs mif1 mif2 msf1 miaf".split())
_TS_PACKETS = ((0, 188), (4, 192))
_TS_SYNC = 0x47


def sniff(data: bytes) -> MediaFormat | None:
    """Return the format of a file; None if it is none of ``FORMATS``.

    Playlists, concatenation scripts, image sequences and raw streams are always unknown.

    Args:
        data: Its first ``SNIFFED_BYTES``, or more.
    """
    mime = next((found for find in _FINDERS if (found := find(data))), None)
    return _BY_MIME[mime] if mime else None


def _signed(data: bytes) -> str | None:
    return next((mime for signature, mime in _SIGNATURES if data.startswith(signature)), None)


def _riff(data: bytes) -> str | None:
    return _RIFF.get(data[8:12]) if data.startswith(b"RIFF") else None


def _matroska(data: bytes) -> str | None:
    if not data.startswith(_EBML):
        return None
    return "video/webm" if _WEBM in data[:256] else "video/x-matroska"


def _bmp(data: bytes) -> str | None:
    is_bmp = data.startswith(b"BM") and int.from_bytes(data[14:18], "little") in _BMP_HEADERS
    return "image/bmp" if is_bmp else None


def _boxed(data: bytes) -> str | None:
    """Distinguish the members of the ISO base media family by their brands (ISO 14496-12, 4.3)."""
    if data[4:8] in _OLD_QUICKTIME:
        return "video/quicktime"
    if data[4:8] == b"styp":
        return "video/mp4"
    if data[4:8] != b"ftyp":
        return None
    end = min(int.from_bytes(data[:4], "big"), len(data))
    major, others = data[8:12], {data[at : at + 4] for at in range(16, end, 4)}
    if major in _AVIF_BRANDS or (major in _HEIF_BRANDS and others & _AVIF_BRANDS):
        return "image/avif"
    if major in _HEIF_BRANDS:
        return "image/heic"
    return "video/quicktime" if major == b"qt  " else "video/mp4"


def _transport_stream(data: bytes) -> str | None:
    """Detect MPEG-TS by the sync bytes of its first packets, with or without time stamps before them (M2TS)."""
    for offset, step in _TS_PACKETS:
        starts = data[offset : offset + 3 * step : step]
        if len(starts) > 1 and set(starts) == {_TS_SYNC}:
            return "video/mp2t"
    return None


def _svg(data: bytes) -> str | None:
    head = data[:SNIFFED_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    is_svg = head.startswith(b"<svg") or (head.startswith((b"<?xml", b"<!--", b"<!doctype svg")) and b"<svg" in head)
    return "image/svg+xml" if is_svg else None


_FINDERS: tuple[Callable[[bytes], str | None], ...] = (
    _signed,
    _riff,
    _matroska,
    _bmp,
    _boxed,
    _transport_stream,
    _svg,
)
