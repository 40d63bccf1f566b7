"""Bytes that the faults send: the smallest media of each kind, and damaged ones."""

import gzip
import io
import struct
import zlib
from functools import cache

from PIL import Image

__all__ = ["box", "gzip_bomb", "huge_png", "jpeg", "movie"]


def jpeg(size: tuple[int, int] = (32, 24)) -> bytes:
    """Return a whole JPEG of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", size, (200, 60, 20)).save(buffer, "JPEG")
    return buffer.getvalue()


def huge_png(side: int = 50_000) -> bytes:
    """Return a whole PNG of a few bytes whose header claims a square of ``side`` pixels."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 4096)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def movie(seconds: int = 2, size: tuple[int, int] = (64, 48)) -> bytes:
    """Return an MP4 with a header and no frames."""
    shown = struct.pack(">II", size[0] << 16, size[1] << 16)
    track = box(b"trak", box(b"tkhd", bytes(76) + shown))
    header = box(b"mvhd", bytes(12) + struct.pack(">II", 1000, seconds * 1000) + bytes(80))
    return box(b"ftyp", b"isom\0\0\2\0isomavc1") + box(b"moov", header, track) + box(b"mdat", bytes(512))


@cache
def gzip_bomb(size: int = 1 << 26) -> bytes:
    """Return a gzip stream that unpacks to ``size`` bytes, a thousand times its own length."""
    start = jpeg()
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as stream:
        stream.write(start)
        for _ in range(size // (1 << 20)):
            stream.write(bytes(1 << 20))
    return buffer.getvalue()


def box(name: bytes, *parts: bytes) -> bytes:
    """Return one box of an MP4."""
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + name + body


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
