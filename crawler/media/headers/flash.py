"""FLV: size and duration from the script tag ``onMetaData`` (Adobe FLV 10.1, E.5)."""

import struct

from crawler.media.headers.dimensions import BadHeaderError, Dimensions

__all__ = ["flv"]

_SCRIPT_TAG = 18
_LOOK = 64 * 1024


def flv(data: bytes) -> Dimensions:
    """Read the numbers named width, height and duration; all may be missing."""
    if len(data) < 24:
        raise BadHeaderError("flv: wanted a first tag, got the end")
    first = int.from_bytes(data[5:9], "big") + 4
    if first >= len(data) or data[first] & 0x1F != _SCRIPT_TAG:
        return Dimensions(None, None)
    script = data[first : first + _LOOK]
    width, height = _named(script, b"width"), _named(script, b"height")
    return Dimensions(round(width) if width else None, round(height) if height else None, _named(script, b"duration"))


def _named(script: bytes, name: bytes) -> float | None:
    """Find an AMF number by the property name before it: length, name, type 0, a double."""
    key = struct.pack(">H", len(name)) + name + b"\x00"
    at = script.find(key)
    if at < 0 or at + len(key) + 8 > len(script):
        return None
    value: float = struct.unpack_from(">d", script, at + len(key))[0]
    return value if 0 < value < 1e9 else None
