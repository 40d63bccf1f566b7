"""Texts are decoded as browsers decode them, and files of rules are never misread."""

import codecs

import pytest

from core.texts import Text, decode_html, decode_plain, decode_xml, encode_text, encoding_of_label, is_binary

CHINESE = "保温杯 镕 500ml"


@pytest.mark.parametrize(
    ("body", "content_type", "encoding"),
    [
        (b"\xef\xbb\xbf<meta charset=gbk>", "text/html; charset=gbk", "utf-8"),
        ("<p>a".encode("utf-16"), "", "utf-16le"),
        (b"<meta charset=utf-8>", "text/html; charset=GB2312", "gbk"),
        (b'<META http-equiv="Content-Type" content="text/html; charset=gb2312">', "text/html", "gbk"),
        (b"<meta charset='Shift_JIS'>", "", "shift_jis"),
        (b"<!-- <meta charset=gbk> --><meta charset=iso-8859-1>", "", "windows-1252"),
        (b"<!--><meta charset=gbk>-->", "", "gbk"),
        (b"<p title='<meta charset=gbk>'><meta charset=koi8>", "", "koi8-r"),
        (b'<meta content="text/html; charset=gbk"><meta charset=euc-kr>', "", "euc-kr"),
        (b"<meta charset=big5 charset=euc-kr>", "", "big5"),
        (b"<p>caf\xe9 <meta charset=big5", "", "windows-1252"),
        (b'<?xml version="1.0" encoding="windows-1251"?><html>', "", "windows-1251"),
        (b"<meta charset=utf-16>", "", "utf-8"),
        (b"<meta charset=x-user-defined>", "", "windows-1252"),
        (b"<meta charset=nonsense><meta charset=big5>", "text/html; charset=base64", "big5"),
        (b"<meta charset=iso-8859-8-i>", "", "iso-8859-8-i"),
    ],
)
def test_encoding_of_page_is_the_declared_one(body: bytes, content_type: str, encoding: str) -> None:
    assert decode_html(body, content_type).encoding == encoding


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("<p>größer</p>", "utf-8"),
        ("<p>Die größere Schüssel für schöne Gemüse</p>", "cp1252"),
        ("<p>这是一个没有声明编码的网页</p>", "gbk"),
        ("<p>這是一個沒有聲明編碼的網頁</p>", "big5"),
        ("<p>これは文字コードのないページです</p>", "euc_jp"),
        ("<p>これは文字コードのないページです</p>", "cp932"),
        ("<p>これは文字コードのないページです</p>", "iso2022_jp"),
        ("<p>문자 집합이 없는 페이지입니다</p>", "cp949"),
        ("<p>Зелёная лампа для письменного стола</p>", "cp1251"),
        ("<p>Зелёная лампа для письменного стола</p>", "koi8-r"),
        ("<p>Πράσινο φωτιστικό για το γραφείο</p>", "iso8859-7"),
        ("<p>מנורה ירוקה לשולחן העבודה</p>", "cp1255"),
        ("<p>Yeşil masa lambası, çalışma odası için</p>", "cp1254"),
        ("<p>โคมไฟสีเขียวสำหรับโต๊ะทำงาน</p>", "cp874"),
        ("<html>", "utf-16-le"),
        ("<html>", "utf-32-be"),
    ],
)
def test_undeclared_encoding_is_detected(text: str, codec: str) -> None:
    assert decode_html(text.encode(codec)).text == text


def test_top_level_domain_decides_between_likely_encodings() -> None:
    body = "<p>Žluťoučký kůň</p>".encode("cp1250")

    assert decode_html(body, url="https://a.example.cz/").text == "<p>Žluťoučký kůň</p>"


def test_text_of_many_valid_characters_and_a_broken_byte_is_utf8() -> None:
    body = "größer ".encode() * 30 + b"\xe9 end"

    assert decode_html(body) == Text("größer " * 30 + "\ufffd end", "utf-8")


def test_text_cut_inside_a_character_is_utf8() -> None:
    assert decode_html("<p>größer 保".encode()[:-1]).text == "<p>größer \ufffd"


def test_gb2312_has_all_characters_of_gb18030() -> None:
    assert decode_html(CHINESE.encode("gb18030"), "text/html; charset=gb2312").text == CHINESE
    assert decode_html(b"\xa3\xa0\xfe\x59", "text/html; charset=gbk").text == "\u3000\u9fb4"


def test_euc_jp_has_the_characters_of_vendors() -> None:
    assert decode_html(b"\xad\xa1\xad\xea\xa4\xb3\xff", "text/html; charset=euc-jp").text == "①㈱こ\ufffd"


def test_undefined_bytes_are_controls() -> None:
    assert decode_html(b"\x80\x81", "text/html; charset=latin1").text == "€\x81"


def test_text_of_an_unsafe_encoding_is_replaced() -> None:
    assert decode_html(b"<script>", "text/html; charset=iso-2022-kr").text == "\ufffd"


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        (codecs.BOM_UTF8 + b"Disallow: /", "", "Disallow: /"),
        (codecs.BOM_UTF16_BE + "Disallow: /".encode("utf-16-be"), "text/plain; charset=utf-8", "Disallow: /"),
        (codecs.BOM_UTF32_LE + "Disallow: /".encode("utf-32-le"), "", "Disallow: /"),
        ("Disallow: /".encode("utf-16-le"), "text/plain; charset=utf-8", "Disallow: /"),
        ("Disallow: /é".encode(), "text/plain; charset=iso-8859-1", "Disallow: /é"),
        ("Disallow: /é".encode("latin-1"), "text/plain; charset=iso-8859-1", "Disallow: /é"),
        (b"", "", ""),
    ],
)
def test_file_of_rules_is_utf8_unless_its_bytes_are_not(body: bytes, content_type: str, text: str) -> None:
    assert decode_plain(body, content_type).text == text


def test_xml_declares_its_encoding() -> None:
    text = '<?xml version="1.0" encoding="windows-1251"?><a>Лампа</a>'

    assert decode_xml(text.encode("cp1251")).text == text
    assert decode_xml(text.encode("koi8-r"), "application/xml; charset=koi8-r").text == text
    assert decode_xml(b"\xff\xfe" + text.encode("utf-16-le")).text == text


def test_labels_are_those_of_the_standard() -> None:
    assert [encoding_of_label(label) for label in (" Latin1 ", "visual", "dos-874", "utf-7", "\udcff")] == [
        *("windows-1252", "iso-8859-8", "windows-874"),
        *(None, None),
    ]


def test_character_that_an_encoding_lacks_becomes_a_reference() -> None:
    assert encode_text("é€", "iso-8859-2") == b"\xe9&#8364;"


@pytest.mark.parametrize(
    ("text", "binary"),
    [("User-agent: *\n\tDisallow: /é\n", False), ("", False), ("PK\x03\x04\0", True), ("\ufffd" * 9, True)],
)
def test_binary_file_is_told_from_text(text: str, *, binary: bool) -> None:
    assert is_binary(text) is binary
