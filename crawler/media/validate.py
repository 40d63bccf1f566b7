"""Validation of a downloaded file without decoding it: type, completeness, header and limits."""

import struct
from collections.abc import Callable

from core.records import MediaKind
from crawler.media.headers import (
    SEGMENT,
    avi,
    bmp,
    boxes,
    elements,
    flv,
    gif,
    image,
    jpeg,
    matroska,
    movie,
    png,
    scan_start,
    webp,
)
from crawler.media.outcome import BadHeaderError, Dimensions, Mime, RejectedFileError
from crawler.settings import DownloadSettings

__all__ = ["ENOUGH", "check_type", "ends_early", "read_dimensions", "sniff", "validate"]

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
_PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
_JPEG_END = b"\xff\xd9"


def validate(data: bytes, kind: MediaKind, settings: DownloadSettings) -> tuple[Mime, Dimensions]:
    """Return type and dimensions of a complete body.

    Args:
        data: the body, decoded.
        kind: as promised by the page.
        settings: the limits.

    Raises:
        RejectedFileError: ``empty``, ``wrong_type``, ``truncated``, ``broken``, ``too_many_pixels`` or ``too_long``.
    """
    if not data:
        raise RejectedFileError("empty", "0 bytes")
    mime = check_type(data[:ENOUGH], kind)
    if ends_early(data, mime):
        raise RejectedFileError("truncated", f"{mime} of {len(data)} bytes lacks its end")
    try:
        found = read_dimensions(data, mime)
    except BadHeaderError as error:
        raise RejectedFileError("broken", str(error)) from error
    _check_limits(found, settings)
    return mime, found


def check_type(head: bytes, kind: MediaKind) -> Mime:
    """Return the type of a file of the promised kind.

    Args:
        head: its first ``ENOUGH`` bytes, or all of them.
        kind: as promised by the page.

    Raises:
        RejectedFileError: ``wrong_type``.
    """
    mime = sniff(head)
    if mime is None or not mime.startswith(f"{kind}/"):
        raise RejectedFileError("wrong_type", f"not an accepted {kind}: {mime or 'an unknown file type'}")
    return mime


def sniff(head: bytes) -> Mime | None:
    """Return the type of a file; None if it is not one of those kept.

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


def _boxed(head: bytes) -> Mime | None:
    """Distinguish the members of the ISO base media family by their brands (ISO 14496-12, 4.3)."""
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


def _check_limits(found: Dimensions, settings: DownloadSettings) -> None:
    if found.pixels > settings.max_pixels:
        size = f"{found.width} x {found.height}"
        raise RejectedFileError("too_many_pixels", f"{size}, more than the limit of {settings.max_pixels} pixels")
    if found.duration_s is not None and found.duration_s > settings.max_duration_s:
        got = f"{found.duration_s:.1f} s"
        raise RejectedFileError("too_long", f"{got}, more than the limit of {settings.max_duration_s:g} s")


def read_dimensions(data: bytes, mime: Mime) -> Dimensions:
    """Return size and duration of a file from its header.

    Args:
        data: the whole file.
        mime: its type, detected from its bytes.

    Raises:
        BadHeaderError: the header is damaged, or an image has no size.
    """
    try:
        found = _READERS[mime](data)
    except (IndexError, struct.error) as error:  # a field past the end
        raise BadHeaderError(f"{mime}: the file ends within its header") from error
    if mime.startswith("image/") and found.pixels <= 0:
        raise BadHeaderError(f"{mime}: the size {found.width} x {found.height} is not usable")
    return found


def _unknown(_: bytes) -> Dimensions:
    """Return unknown dimensions: MPEG-TS keeps everything in the coded stream."""
    return Dimensions(None, None)


_READERS: dict[Mime, Callable[[bytes], Dimensions]] = {
    "image/jpeg": jpeg,
    "image/png": png,
    "image/gif": gif,
    "image/webp": webp,
    "image/bmp": bmp,
    "image/avif": image,
    "image/heic": image,
    "video/mp4": movie,
    "video/quicktime": movie,
    "video/webm": matroska,
    "video/x-matroska": matroska,
    "video/x-flv": flv,
    "video/x-msvideo": avi,
    "video/mp2t": _unknown,
}


def ends_early(data: bytes, mime: Mime) -> bool:
    """Return whether a file is shorter than its own structure says.

    Bytes after the end are no fault: cameras and content networks add data there.

    Args:
        data: the whole file.
        mime: its type, detected from its bytes.
    """
    check = _CHECKS.get(mime)
    return check is not None and not check(data)


def _is_complete_jpeg(data: bytes) -> bool:
    """Require an end marker after the start of the scan: one before it belongs to a thumbnail."""
    if data.endswith(_JPEG_END):
        return True
    try:
        return data.rfind(_JPEG_END, scan_start(data)) >= 0
    except BadHeaderError:
        return False


def _is_complete_png(data: bytes) -> bool:
    return data.rfind(_PNG_END) >= 0


def _is_complete_gif(data: bytes) -> bool:
    return data.rstrip(b"\x00").endswith(b";")


def _is_complete_riff(data: bytes) -> bool:
    return int.from_bytes(data[4:8], "little") + 8 <= len(data) + 1  # the padding byte may be missing


def _is_complete_bmp(data: bytes) -> bool:
    return int.from_bytes(data[2:6], "little") <= len(data)


def _has_complete_boxes(data: bytes) -> bool:
    """Return whether no top-level box reaches past the end, and no box header is cut."""
    last = 0
    for box in boxes(data):
        last = box.end
        if box.end > len(data):
            return False
    return last > 0 and not (0 < len(data) - last < 8 and any(data[last:]))


def _has_complete_segment(data: bytes) -> bool:
    """Return whether the segment, if its size is known, is inside the file."""
    return any(e.id == SEGMENT and (e.end or 0) <= len(data) for e in elements(data, 0, len(data)))


_CHECKS: dict[Mime, Callable[[bytes], bool]] = {
    "image/jpeg": _is_complete_jpeg,
    "image/png": _is_complete_png,
    "image/gif": _is_complete_gif,
    "image/webp": _is_complete_riff,
    "image/bmp": _is_complete_bmp,
    "image/avif": _has_complete_boxes,
    "image/heic": _has_complete_boxes,
    "video/mp4": _has_complete_boxes,
    "video/quicktime": _has_complete_boxes,
    "video/webm": _has_complete_segment,
    "video/x-matroska": _has_complete_segment,
    "video/x-msvideo": _is_complete_riff,
}
