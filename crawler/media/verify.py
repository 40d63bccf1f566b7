"""Notice a medium that ends early or is damaged, by its structure, without decoding it.

Cheap enough for every file (no byte of the picture is read). What decodes wrongly inside a whole
structure is noticed where it is decoded.
"""

from collections.abc import Callable

from crawler.media.headers.boxes import boxes
from crawler.media.headers.dimensions import BadHeaderError
from crawler.media.headers.jpeg import scan_start
from crawler.media.headers.matroska import SEGMENT, elements
from crawler.media.sniff import Mime

__all__ = ["ends_early"]

_PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
_JPEG_END = b"\xff\xd9"


def ends_early(data: bytes, mime: Mime) -> bool:
    """Say whether a file is shorter than its own structure tells.

    Bytes after the end are no fault: cameras and content networks put things there.

    Args:
        data: the whole file.
        mime: its type, told from its bytes.
    """
    check = _CHECKS.get(mime)
    return check is not None and not check(data)


def _jpeg_is_whole(data: bytes) -> bool:
    """An end marker after the scan begins: one before it belongs to a thumbnail."""
    if data.endswith(_JPEG_END):
        return True
    try:
        return data.rfind(_JPEG_END, scan_start(data)) >= 0
    except BadHeaderError:
        return False


def _png_is_whole(data: bytes) -> bool:
    return data.rfind(_PNG_END) >= 0


def _gif_is_whole(data: bytes) -> bool:
    return data.rstrip(b"\x00").endswith(b";")


def _riff_is_whole(data: bytes) -> bool:
    return int.from_bytes(data[4:8], "little") + 8 <= len(data) + 1  # the padding byte may lack


def _bmp_is_whole(data: bytes) -> bool:
    return int.from_bytes(data[2:6], "little") <= len(data)


def _boxes_are_whole(data: bytes) -> bool:
    """No top-level box reaches past the end, and the file does not end inside a box's header."""
    last = 0
    for box in boxes(data):
        last = box.end
        if box.end > len(data):
            return False
    return last > 0 and not (0 < len(data) - last < 8 and any(data[last:]))


def _segment_is_whole(data: bytes) -> bool:
    """The segment's size, where it is known, lies inside the file."""
    return any(e.id == SEGMENT and (e.end or 0) <= len(data) for e in elements(data, 0, len(data)))


_CHECKS: dict[Mime, Callable[[bytes], bool]] = {
    "image/jpeg": _jpeg_is_whole,
    "image/png": _png_is_whole,
    "image/gif": _gif_is_whole,
    "image/webp": _riff_is_whole,
    "image/bmp": _bmp_is_whole,
    "image/avif": _boxes_are_whole,
    "image/heic": _boxes_are_whole,
    "video/mp4": _boxes_are_whole,
    "video/quicktime": _boxes_are_whole,
    "video/webm": _segment_is_whole,
    "video/x-matroska": _segment_is_whole,
    "video/x-msvideo": _riff_is_whole,
}
