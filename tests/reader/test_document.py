"""The charset is looked for in the same places, in the same order, as in browsers."""

import pytest

from crawler import parse_page
from reader.document import decode_page

TEXT = "保温杯 镕 500ml"


@pytest.mark.parametrize(
    ("body", "content_type", "encoding"),
    [
        (b"\xef\xbb\xbf<meta charset=gbk>", "text/html; charset=gbk", "utf-8"),
        ("<p>a".encode("utf-16"), "", "utf-16-le"),
        (b"<meta charset=utf-8>", "text/html; charset=GB2312", "gb18030"),
        (b'<META http-equiv="Content-Type" content="text/html; charset=gb2312">', "text/html", "gb18030"),
        (b"<meta charset='Shift_JIS'>", "", "cp932"),
        (b"<!-- <meta charset=gbk> --><meta charset=iso-8859-1>", "", "cp1252"),
        (b'<meta content="text/html; charset=gbk"><meta charset=euc-kr>', "", "cp949"),
        (b'<?xml version="1.0" encoding="windows-1251"?><html>', "", "cp1251"),
        (b"<meta charset=utf-16>", "", "utf-8"),
        (b"<meta charset=nonsense><meta charset=big5>", "text/html; charset=base64", "big5hkscs"),
        ("<p>größer".encode(), "", "utf-8"),
        ("<p>größer".encode("cp1252"), "", "cp1252"),
        (f"<p>{TEXT}这是一个没有声明编码的网页".encode("gbk"), "", "gb18030"),
    ],
)
def test_an_encoding_is_found(body: bytes, content_type: str, encoding: str) -> None:
    assert decode_page(body, content_type)[1] == encoding


def test_a_page_cut_inside_a_character_is_still_utf8() -> None:
    assert decode_page("<p>größer 保".encode()[:-1])[0] == "<p>größer \ufffd"


def test_invalid_bytes_become_replacement_characters() -> None:
    assert decode_page(b"<meta charset=utf-8>\xff\xfea")[0].endswith("\ufffd\ufffda")


def test_gb2312_is_decoded_as_gb18030() -> None:
    page = f'<meta http-equiv="content-type" content="text/html;charset=gb2312"><h1>{TEXT}</h1>'

    assert parse_page(page.encode("gb18030"), "https://a.example/1").caption == TEXT
