"""AVI: size and duration from the main header (Microsoft's AVI RIFF reference)."""

import struct

from crawler.media.headers.dimensions import BadHeaderError, Dimensions

__all__ = ["avi"]


def avi(data: bytes) -> Dimensions:
    """Read ``avih``, which must be the first chunk of the first list."""
    if data[12:16] != b"LIST" or data[20:28] != b"hdrlavih" or len(data) < 72:
        raise BadHeaderError("avi: wanted LIST hdrl with avih first")
    frame_us, frames = struct.unpack_from("<I12xI", data, 32)
    width, height = struct.unpack_from("<II", data, 64)
    return Dimensions(width, height, frame_us * frames / 1e6 or None)
