"""Faults of what is sent: the wrong thing, damaged, too much of it, or nothing."""

import gzip
from collections.abc import Awaitable, Callable, Mapping

from tests.misbehaving.bodies import gzip_bomb, huge_png, jpeg, movie
from tests.misbehaving.fault import Exchange, Fault

__all__ = ["CONTENT_FAULTS"]

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


CONTENT_FAULTS = (
    Fault("plain-image", "nothing wrong", _sends(jpeg), None, keeps_alive=True),
    Fault("plain-video", "nothing wrong", _sends(movie, _VIDEO), None, "video", keeps_alive=True),
    Fault("error-page", "a page that says sorry, status 200", _sends(_is(_PAGE), _HTML), "wrong_type"),
    Fault("html-as-jpeg", "a page that claims to be a JPEG", _sends(_is(_PAGE)), "wrong_type"),
    Fault("page-as-video", "a page as .mp4", _sends(_is(_PAGE), _VIDEO), "wrong_type", "video"),
    Fault("playlist", "a playlist that names a local file", _sends(_is(_PLAYLIST), _VIDEO), "wrong_type", "video"),
    Fault("ffconcat", "a script that makes decoders open files", _sends(_is(_CONCAT), _VIDEO), "wrong_type", "video"),
    Fault("video-as-image", "a video where an image was promised", _sends(movie), "wrong_type"),
    Fault("image-as-video", "an image where a video was promised", _sends(jpeg), "wrong_type", "video"),
    Fault("tiny-text", "four letters", _sends(_is(b"gone")), "wrong_type"),
    Fault("empty", "a body of no bytes", _sends(_is(b"")), "empty"),
    Fault("cut-image", "an image cut short, its length told truly", _sends(lambda: jpeg()[:-60]), "truncated"),
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
    Fault("no-gzip", "claims gzip and sends none", _sends(jpeg, {"Content-Encoding": "gzip"}), "bad_encoding"),
    Fault(
        "cut-gzip",
        "a gzip stream cut short",
        _sends(lambda: gzip.compress(jpeg())[:-20], {"Content-Encoding": "gzip"}),
        "truncated",
    ),
    Fault("odd-encoding", "an encoding that was not offered", _sends(jpeg, {"Content-Encoding": "br"}), "bad_encoding"),
    Fault(
        "opted-out", "forbids use for machine learning", _sends(jpeg, {"X-Robots-Tag": "noai, noimageai"}), "opted_out"
    ),
)
