"""Choose the reader of a type's header."""

import struct
from collections.abc import Callable

from crawler.media.headers.avi import avi
from crawler.media.headers.dimensions import BadHeaderError, Dimensions
from crawler.media.headers.flash import flv
from crawler.media.headers.isobmff import image, movie
from crawler.media.headers.jpeg import jpeg
from crawler.media.headers.matroska import matroska
from crawler.media.headers.raster import bmp, gif, png, webp
from crawler.media.sniff import Mime

__all__ = ["read_dimensions"]


def read_dimensions(data: bytes, mime: Mime) -> Dimensions:
    """Return size and duration of a medium.

    Args:
        data: the whole file.
        mime: its type, told from its bytes.

    Raises:
        BadHeaderError: the header is damaged, or an image has no size.
    """
    try:
        found = _READERS[mime](data)
    except (IndexError, struct.error) as error:  # a field that lies past the end
        raise BadHeaderError(f"{mime}: wanted a whole header, got the end") from error
    if mime.startswith("image/") and found.pixels <= 0:
        raise BadHeaderError(f"{mime}: wanted a size, got {found.width} x {found.height}")
    return found


def _unknown(_: bytes) -> Dimensions:
    """MPEG-TS keeps everything in the coded stream."""
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
