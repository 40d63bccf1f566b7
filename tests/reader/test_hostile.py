"""Whatever a page contains, reading it ends in a record or a named error."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import PageError
from crawler import is_product, parse_page
from reader.document import MAX_BYTES

URL = "https://shop.example/p/1"
HEAD = b"<html><head><title>x</title></head><body><h1>x</h1>"
PAGES = [path.read_bytes() for path in sorted(Path(__file__).with_name("fixtures").glob("*/page.html"))]
REASONS = {"page_empty", "page_too_deep", "page_too_large"}


def read(body: bytes) -> str:
    """Read a page; return the reason for its rejection, or ``product``."""
    try:
        record = parse_page(body, URL, merchant_key=b"key")
    except PageError as error:
        return error.reason
    return is_product(record).reason or "product"


@given(st.binary(max_size=600))
def test_random_bytes(body: bytes) -> None:
    assert read(body) in {*REASONS, "no_product_evidence", "soft_404"}


@given(st.text(max_size=300), st.sampled_from(["utf-8", "gb18030", "utf-16"]))
def test_random_text(text: str, encoding: str) -> None:
    assert read(f"<h1>{text}</h1>".encode(encoding, "replace")) != ""


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.sampled_from(PAGES), st.data())
def test_pages_with_removed_repeated_and_moved_parts(page: bytes, data: st.DataObject) -> None:
    places = st.integers(0, len(page))
    for _ in range(data.draw(st.integers(1, 5))):
        start, end = sorted((data.draw(places), data.draw(places)))
        to = data.draw(places)
        page = data.draw(st.sampled_from([page[:start] + page[end:], page[:to] + page[start:end] + page[to:]]))

    assert read(page) != ""


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (b"", "page_empty"),
        (b"<!-- nothing -->", "page_empty"),
        (HEAD + b"<div>" * 100_000, "page_too_deep"),
        (HEAD + b"<div>" * 1900 + b"Colour: red", "no_product_evidence"),
        (b"x" * (MAX_BYTES + 1), "page_too_large"),
        (b"\x00" * 10_000, "no_product_evidence"),
        (HEAD + b"<p>" + b"<i>:</i>" * 20_000, "no_product_evidence"),
        (HEAD + b"<b>Colour:</b> red<br>" * 20_000, "no_product_evidence"),
        (HEAD + b'<script type="application/ld+json">' + b"[" * 100_000 + b"</script>", "no_product_evidence"),
        (
            HEAD + b'<script type="application/ld+json">{"@type":"Product","offers":' + b'{"a":' * 500 + b"</script>",
            "no_product_evidence",
        ),
        (
            HEAD + b'<div itemscope itemtype="http://schema.org/Product" itemprop="offers">' * 1800,
            "no_product_evidence",
        ),
        (HEAD + b'<div itemscope itemtype="http://schema.org/Product"><i itemprop="name">x</i>' * 300, "product"),
        (HEAD + b'<script>"//a.b/' + b"c/" * 50_000 + b".mp4" * 1000 + b'"</script>', "no_product_evidence"),
        (HEAD + b"<h4>Farbe</h4><div>rot</div>" * 5000, "no_product_evidence"),
        (HEAD + b"<p data-price\x01=5 data-sku\x00=a data-x-item\x7f=b>", "no_product_evidence"),
        (
            HEAD + b"<form><div></form>" * 20 + b"<i>x</i>" * 20_000 + b"<select name=size></select>",
            "no_product_evidence",
        ),
        (HEAD + b"<dl><dt>a</dt><dd>b</dd></dl>" * 5000, "no_product_evidence"),
        (HEAD + b"<div class=breadcrumb><a href=/c>c</a>" * 300 + b"<i></i>" * 5000, "no_product_evidence"),
    ],
)
def test_adversarial_pages(body: bytes, outcome: str) -> None:
    assert read(body) == outcome


@pytest.mark.parametrize("url", ["", "shop.example/p", "ftp://shop.example/p", "http://[", "javascript:1"])
def test_a_url_must_be_absolute(url: str) -> None:
    with pytest.raises(PageError, match="is not an absolute http") as caught:
        parse_page(b"<p>x", url)

    assert caught.value.reason == "bad_url"


def test_a_record_is_bounded() -> None:
    rows = b"".join(b"<tr><td>Colour %d</td><td>red %d</td></tr>" % (n, n) for n in range(2000))
    images = json.dumps([f"/i/{n}_lamp.jpg" for n in range(500)])
    state = f'<script type="application/ld+json">{{"@type": "Product", "name": "x", "image": {images}}}</script>'

    record = parse_page(HEAD + b"<table>" + rows + b"</table>" + state.encode(), URL)

    assert len(record.specs) == 500
    assert len(record.image_urls) == 100


def test_a_very_long_heading_is_not_a_caption() -> None:
    assert parse_page(b"<h1>" + b"word " * 1000, URL).caption is None
