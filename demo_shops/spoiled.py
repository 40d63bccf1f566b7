"""Files that are not what their address promises."""

import io
import struct
from collections.abc import Callable

from PIL import Image

from demo_shops.listings import Outcome

__all__ = ["OVERSIZE", "is_served", "spoil_film_file", "spoil_photo_file"]

OVERSIZE = 24 * 2**20
"""Bytes of the photo that is too large: above any sensible limit for a product photo (20 MB)."""
_PAGE = "<!doctype html><html><head><title>404</title></head><body><p>图片不存在</p></body></html>".encode()
_NOTE = "视频正在转码，请稍后再来。\n".encode()


def is_served(outcome: Outcome) -> bool:
    """Tell whether there is a file at all: the other outcomes are answers without one."""
    return outcome not in {"http_404", "http_410", "http_5xx"}


def _break_picture(photo: bytes) -> bytes:
    """Return a PNG whose first chunk has lost its name; all else, the end too, is there."""
    file = io.BytesIO()
    Image.open(io.BytesIO(photo)).save(file, "PNG")
    return file.getvalue()[:12] + bytes(4) + file.getvalue()[16:]


_PHOTO: dict[Outcome, Callable[[bytes], bytes]] = {
    "ok": lambda photo: photo,
    "wrong_type": lambda _: _PAGE,
    "truncated": lambda photo: photo[: len(photo) // 2],
    "too_large": lambda photo: photo + bytes(OVERSIZE - len(photo)),
    "broken": _break_picture,
}


def spoil_photo_file(photo: bytes, outcome: Outcome) -> bytes:
    """Return what a shop serves for a photo that must end in ``outcome``."""
    return _PHOTO[outcome](photo)


def _box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content) + 8, name) + content


def spoil_film_file(outcome: Outcome) -> bytes:
    """Return what a shop serves for a film that must fail: a text, or an index that holds nothing."""
    if outcome == "wrong_type":
        return _NOTE
    return _box(b"ftyp", b"isom\0\0\2\0isomiso2avc1mp41") + _box(b"moov", bytes(512)) + _box(b"mdat", bytes(4096))
