import html
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from takedown.words import Words

URL = "https://shop.example/p/茶壶?a=1&b=2"
PLAIN = "https://shop.example/p/7"
TEXT = "红色 <Teapot> & lid"
WORDS = Words([URL, PLAIN], [TEXT], ["shop:7"])


@pytest.mark.parametrize(
    "data",
    [
        PLAIN.encode(),
        f'<a href="{html.escape(URL)}">'.encode(),
        json.dumps({"url": PLAIN}).replace("/", "\\/").encode(),
        PLAIN.replace("https", "HTTP").encode(),
        PLAIN.removeprefix("https:").encode(),
        f"GET {PLAIN}?utm=x, and then".encode(),
        f"({PLAIN}).".encode(),
        TEXT.encode(),
        TEXT.encode("gb18030"),
        html.escape(TEXT).encode(),
        json.dumps(TEXT).encode(),
        quote(TEXT, safe="").encode(),
        TEXT.replace(" ", " \n\t").encode(),
        b"1 wrong: shop:7, shop:8",
        b'{"product_id": "shop:7"}',
    ],
)
def test_every_spelling_is_found_and_blanked(data: bytes) -> None:
    assert WORDS.found_in(data)
    assert not WORDS.found_in(WORDS.blank(data))


@pytest.mark.parametrize(
    "data",
    [
        b"https://shop.example/p/77 https://shop.example/p/7/reviews https://other.example/p/7",
        "红色 <Teapot> & lids".encode(),
        b"shop:77 myshop:7 shop:7-b shop:7.5",
        b"",
    ],
)
def test_what_only_looks_alike_stays(data: bytes) -> None:
    assert not WORDS.found_in(data)
    assert WORDS.blank(data) == data


@given(st.binary(), st.lists(st.text(min_size=1), max_size=3))
def test_what_was_blanked_is_not_found_where_it_stood(around: bytes, texts: list[str]) -> None:
    words = Words(texts=texts)
    for text in texts:
        folded = " ".join(text.split())
        if folded:
            blanked = words.blank(b" " + folded.encode(errors="surrogatepass") + b" ")
            assert folded.encode(errors="surrogatepass") not in blanked or not folded.strip()
    assert Words().blank(around) == around
