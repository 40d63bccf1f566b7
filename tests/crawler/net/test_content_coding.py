"""Content codings are undone as in browsers, within limits."""

import zlib
from functools import partial
from gzip import compress

import brotli
import pytest
from backports import zstd

from crawler.net.content_coding import CodingError, decode_content, gunzip

gzip = partial(compress, mtime=0)
PAGE = b"<p>" + b"blue cup " * 400


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


@pytest.mark.parametrize(
    ("codings", "body"),
    [
        ("gzip", gzip(PAGE)),
        ("X-GZIP", gzip(PAGE)),
        ("gzip", gzip(PAGE[:50]) + gzip(PAGE[50:])),
        ("gzip", gzip(PAGE) + b"\r\ntrailing garbage"),
        ("gzip", gzip(PAGE[:9]) + bytes(512) + gzip(PAGE[9:]) + bytes(9)),
        ("deflate", zlib.compress(PAGE)),
        ("deflate", raw_deflate(PAGE)),
        ("br", brotli.compress(PAGE)),
        ("zstd", zstd.compress(PAGE)),
        ("zstd", zstd.compress(PAGE[:50]) + zstd.compress(PAGE[50:])),
        ("zstd", b"\x5a\x2a\x4d\x18\3\0\0\0abc" + zstd.compress(PAGE) + b"trailing garbage"),
        ("deflate, gzip", gzip(zlib.compress(PAGE))),
        ("identity, gzip", gzip(PAGE)),
        *((name, PAGE) for name in ("", "identity", "none", "utf-8", "gzip", "deflate", "br", "zstd", "gzip, gzip")),
    ],
)
def test_body_is_what_browsers_show(codings: str, body: bytes) -> None:
    assert decode_content(body, codings, len(PAGE)) == PAGE


@pytest.mark.parametrize(
    ("codings", "body", "reason"),
    [
        ("gzip", gzip(PAGE)[:-9], "truncated"),
        ("deflate", zlib.compress(PAGE)[:-9], "truncated"),
        ("br", brotli.compress(PAGE)[:-2], "truncated"),
        ("zstd", zstd.compress(PAGE)[:-2], "truncated"),
        ("zstd", zstd.compress(b"") * 1_001, "bad_encoding"),
        ("gzip", b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + b"\xff" * 30, "bad_encoding"),
        *((name, body, "too_large") for name, body in (
            ("gzip", gzip(PAGE + b"!")), ("deflate", zlib.compress(PAGE + b"!")),
            ("br", brotli.compress(PAGE + b"!")), ("zstd", zstd.compress(PAGE + b"!")),
            ("gzip", gzip(PAGE) * 2), ("zstd", zstd.compress(PAGE) * 2), ("gzip, gzip", gzip(gzip(PAGE + b"!"))),
        )),
    ],
)  # fmt: skip
def test_damaged_body_is_named(codings: str, body: bytes, reason: str) -> None:
    with pytest.raises(CodingError) as caught:
        decode_content(body, codings, len(PAGE))

    assert caught.value.reason == reason


def test_cut_gzip_file_keeps_what_came() -> None:
    body, ended = gunzip(gzip(PAGE[:50]) + gzip(PAGE[50:])[:-8], len(PAGE))

    assert (body, ended) == (PAGE, False)
