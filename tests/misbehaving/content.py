"""Faults of content: wrong, damaged, too much or none; and minimal files of each kind."""

import gzip
import io
import struct
import zlib
from collections.abc import Awaitable, Callable, Mapping
from functools import cache

from PIL import Image

from tests.misbehaving.fault import Exchange, Fault

__all__ = ["CONTENT_FAULTS", "box", "gzip_bomb", "huge_png", "jpeg", "movie"]

_PAGE = b"<!DOCTYPE html><html><title>Sorry</title><body>" + b"<p>Not found.</p>" * 100
_PLAYLIST = b"#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:4,\nfile:///etc/passwd\n" * 40
_CONCAT = b"ffconcat version 1.0\nfile /etc/passwd\n" * 40
_HTML = {"Content-Type": "text/html"}
_VIDEO = {"Content-Type": "video/mp4"}


def _sends(
    body: Callable[[], bytes], headers: Mapping[str, str] | None = None
) -> Callable[[Exchange], Awaitable[None]]:
    async def play(exchange: Exchange) -> None:
        await exchange.answer(body(), headers=headers)

    return play


def _is(data: bytes) -> Callable[[], bytes]:
    return lambda: data


def jpeg(size: tuple[int, int] = (32, 24)) -> bytes:
    """Return a complete JPEG of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", size, (200, 60, 20)).save(buffer, "JPEG")
    return buffer.getvalue()


def huge_png(side: int = 50_000) -> bytes:
    """Return a complete PNG of a few bytes whose header claims a square of ``side`` pixels."""
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


CONTENT_FAULTS = (
    Fault("plain-image", "nothing wrong", _sends(jpeg), None, keeps_alive=True),
    Fault("plain-video", "nothing wrong", _sends(movie, _VIDEO), None, "video", keeps_alive=True),
    Fault("error-page", "a page that says sorry, status 200", _sends(_is(_PAGE), _HTML), "wrong_type"),
    Fault("html-as-jpeg", "a page that claims to be a JPEG", _sends(_is(_PAGE)), "wrong_type"),
    Fault("page-as-video", "a page as .mp4", _sends(_is(_PAGE), _VIDEO), "wrong_type", "video"),
    Fault("playlist", "a playlist that names a local file", _sends(_is(_PLAYLIST), _VIDEO), "bad_playlist", "video"),
    Fault("ffconcat", "a script that makes decoders open files", _sends(_is(_CONCAT), _VIDEO), "wrong_type", "video"),
    Fault("video-as-image", "a video where an image was promised", _sends(movie), "wrong_type"),
    Fault("image-as-video", "an image where a video was promised", _sends(jpeg), "wrong_type", "video"),
    Fault("tiny-text", "four letters", _sends(_is(b"gone")), "wrong_type"),
    Fault("empty", "a body of no bytes", _sends(_is(b"")), "empty"),
    Fault(
        "cut-image", "an image cut short, with its true length in the header", _sends(lambda: jpeg()[:-60]), "truncated"
    ),
    Fault("cut-video", "a video cut short", _sends(lambda: movie()[:-60]), "truncated", "video"),
    Fault(
        "headless-image",
        "a JPEG without a frame header",
        _sends(_is(b"\xff\xd8\xff\xe0\0\4\0\0\xff\xda\0\2" + bytes(64) + b"\xff\xd9")),
        "broken",
    ),
    Fault("huge-length", "promises a terabyte", _sends(jpeg, {"Content-Length": str(10**12)}), "too_large"),
    Fault("huge-png", "a small PNG of 50,000 x 50,000 pixels", _sends(huge_png), "too_many_pixels"),
    Fault("long-video", "a video of two hours by its header", _sends(lambda: movie(7200), _VIDEO), "too_long", "video"),
    Fault("gzip-bomb", "64 kB that unpack to 64 MB", _sends(gzip_bomb, {"Content-Encoding": "gzip"}), "too_large"),
    Fault(
        "gzip-image",
        "gzip, though none was asked for",
        _sends(lambda: gzip.compress(jpeg()), {"Content-Encoding": "gzip"}),
        None,
    ),
    Fault("no-gzip", "claims gzip and sends none", _sends(jpeg, {"Content-Encoding": "gzip"}), None),
    Fault(
        "cut-gzip",
        "a gzip stream cut short",
        _sends(lambda: gzip.compress(jpeg())[:-20], {"Content-Encoding": "gzip"}),
        "truncated",
    ),
    Fault("odd-encoding", "claims a coding that does not exist", _sends(jpeg, {"Content-Encoding": "utf-8"}), None),
    Fault(
        "bad-gzip",
        "damaged gzip",
        _sends(lambda: gzip.compress(jpeg())[:10] + b"\xff" * 64, {"Content-Encoding": "gzip"}),
        "bad_encoding",
    ),
    Fault(
        "opted-out", "forbids use for machine learning", _sends(jpeg, {"X-Robots-Tag": "noai, noimageai"}), "opted_out"
    ),
)
