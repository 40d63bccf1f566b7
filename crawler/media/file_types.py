"""File types of media, detected from the first bytes, and the size that a header states."""

from dataclasses import dataclass
from typing import Literal

from m5data.records import MediaKind

__all__ = ["ENOUGH", "BadHeaderError", "Dimensions", "Mime", "kind_of", "sniff"]

Mime = Literal[
    "image/jpeg",
    "image/png",
    "image/gif",
    "image/webp",
    "image/bmp",
    "image/avif",
    "image/heic",
    "video/mp4",
    "video/quicktime",
    "video/webm",
    "video/x-matroska",
    "video/x-flv",
    "video/x-msvideo",
    "video/mp2t",
]
"""Types that are kept. Playlists (m3u8, ffconcat), SVG and PDF are not: they lead elsewhere."""

ENOUGH = 4096
"""Bytes from the start that decide the type; more would not change it."""

_MAGIC: tuple[tuple[bytes, Mime], ...] = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"FLV\x01", "video/x-flv"),
)
_RIFF: dict[bytes, Mime] = {b"WEBP": "image/webp", b"AVI ": "video/x-msvideo"}
_BRANDS: dict[bytes, Mime] = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heic",
    b"msf1": "image/heic",
    b"qt  ": "video/quicktime",
}
_OLD_QUICKTIME = (b"moov", b"mdat", b"wide", b"free", b"skip")
_EBML = b"\x1a\x45\xdf\xa3"
_TS_PACKET = 188
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)


def sniff(head: bytes) -> Mime | None:
    """Return the type of a file, None where it is not one of those kept.

    Args:
        head: its first ``ENOUGH`` bytes, or all of them.
    """
    for magic, mime in _MAGIC:
        if head.startswith(magic):
            return mime
    if head.startswith(b"RIFF"):
        return _RIFF.get(head[8:12])
    if head.startswith(_EBML):
        return "video/webm" if b"webm" in head[:64] else "video/x-matroska"
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "image/bmp"
    return _boxed(head) or _transport_stream(head)


def kind_of(mime: Mime) -> MediaKind:
    """Return whether a type is an image's or a video's."""
    return "image" if mime.startswith("image/") else "video"


def _boxed(head: bytes) -> Mime | None:
    """Tell the members of the ISO base media family apart by their brands (ISO 14496-12, 4.3)."""
    if head[4:8] in _OLD_QUICKTIME:
        return "video/quicktime"
    if head[4:8] != b"ftyp":
        return None
    end = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, end, 4))]
    if brands[0] in (b"mif1", b"msf1") and b"avif" in brands:
        return "image/avif"
    return _BRANDS.get(brands[0], "video/mp4")


def _transport_stream(head: bytes) -> Mime | None:
    """Detect MPEG-TS by the sync byte of its first packets."""
    starts = head[: 3 * _TS_PACKET : _TS_PACKET]
    return "video/mp2t" if starts == b"GGG" else None


class BadHeaderError(ValueError):
    """A header that is cut short, contradicts itself or lacks the size."""


@dataclass(frozen=True, slots=True)
class Dimensions:
    """Size of an image, or of a video's largest track, and its duration."""

    width: int | None
    """Pixels, before any rotation; None: the format keeps it in the coded stream."""
    height: int | None
    duration_s: float | None = None
    """Seconds; None: an image, or the header does not say."""

    @property
    def pixels(self) -> int:
        """Width times height, 0 where unknown."""
        return (self.width or 0) * (self.height or 0)
