"""Microdata, RDFa Lite and Open Graph of product pages."""

from decimal import Decimal

import pytest

from core.records import ProductRecord
from crawler import parse_page

URL = "https://shop.example/p/kettle"
IMAGE = "https://shop.example/i/kettle.jpg"


def read(body: str, head: str = "") -> ProductRecord:
    """Read a page; a guess would say that the product is in stock."""
    html = f"<html lang=en><head><title>Kettle</title>{head}</head><body><h1>Kettle</h1>{body}"
    return parse_page(f'{html}<form action="/cart/add"><button>Add to cart</button></form></body></html>'.encode(), URL)


def fields(record: ProductRecord) -> tuple[object, ...]:
    return record.native_id, record.brand, record.price, record.currency, record.availability, record.image_urls


FIELDS = ("K-5", "Siedler", Decimal("39.90"), "EUR", "OutOfStock", (IMAGE,))
OFFER = """<div itemprop="offers" itemscope itemtype="https://schema.org/Offer"><data itemprop="price" value="39.90">
39 euros</data><meta itemprop="priceCurrency" content="EUR"><link itemprop="availability"
href="https://schema.org/OutOfStock"></div>"""
NAMED = '<b itemprop="name">Kettle</b><span itemprop="sku">K-5</span>'
PRODUCT = 'itemscope itemtype="https://schema.org/Product"'
MICRODATA = {
    "elements that hold values": f"""<div {PRODUCT}>{NAMED}<meta itemprop="brand" content="Siedler">
        <img itemprop="image" src="/i/kettle.jpg">{OFFER}</div>""",
    "values in links": f"""<div {PRODUCT}>{NAMED}<a itemprop="brand" href="/brands/siedler">Siedler</a>
        <a itemprop="image" href="/i/kettle.jpg">large</a>{OFFER}</div>""",
    "parts elsewhere on the page": f"""<div {PRODUCT} itemref="a b none">{NAMED}</div><p id="a"><i itemprop="brand"
        itemscope itemtype="https://schema.org/Brand"><b itemprop="name">Siedler</b></i></p>
        <div id="b"><img itemprop="image" src="/i/kettle.jpg">{OFFER}</div>""",
    "a part inside another item": f"""<div {PRODUCT} itemref="a">{NAMED}<img itemprop="image" src="/i/kettle.jpg">
        {OFFER}</div><div itemscope itemtype="https://schema.org/WPFooter"><p id="a"><b itemprop="brand">Siedler</b></p>
        </div>""",
    "several names for one value": f"""<div {PRODUCT}>{NAMED}<b itemprop="brand manufacturer">Siedler</b>
        <img itemprop="image thumbnailUrl" src="/i/kettle.jpg">{OFFER}</div>""",
    "other products as values": f"""<div {PRODUCT}>{NAMED}<b itemprop="brand">Siedler</b><img itemprop="image"
        src="/i/kettle.jpg">{OFFER}<div itemprop="goesWith" {PRODUCT}><b itemprop="name">Cup</b></div>
        <div itemprop="goesWith" {PRODUCT}><b itemprop="name">Pot</b></div></div>""",
    "an image that a script completes": f"""<div {PRODUCT}>{NAMED}<b itemprop="brand">Siedler</b><img itemprop="image"
        src="/i/kettle.jpg" data-src="/i/kettle_{{width}}x.jpg">{OFFER}</div>""",
    "an image that is loaded late": f"""<div {PRODUCT}>{NAMED}<b itemprop="brand">Siedler</b><img itemprop="image"
        src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" data-src="/i/kettle.jpg">{OFFER}</div>""",
}


@pytest.mark.parametrize("form", MICRODATA)
def test_microdata_in_its_forms(form: str) -> None:
    assert fields(read(MICRODATA[form])) == FIELDS


_RDFA_OFFER = """<div property="offers" typeof="Offer"><b property="price" content="39.90">39</b><meta
property="priceCurrency" content="EUR"><link property="availability" href="http://schema.org/OutOfStock"></div>"""
RDFA = {
    "a vocabulary": f"""<div vocab="https://schema.org/" typeof="Product" resource="#kettle"><b property="name">Kettle
        </b><b property="sku">K-5</b><div property="brand" typeof="Brand"><b property="name">Siedler</b></div>
        <img property="image" src="/i/kettle.jpg">{_RDFA_OFFER}</div>""",
    "a prefix": f"""<div prefix="schema: http://schema.org/" typeof="schema:Product"><b property="schema:name">Kettle
        </b><b property="schema:sku">K-5</b><b property="schema:brand">Siedler</b><img property="schema:image"
        src="/i/kettle.jpg">{_RDFA_OFFER.replace('property="', 'property="schema:').replace("Offer", "schema:Offer")}
        </div>""",
}


@pytest.mark.parametrize("form", RDFA)
def test_rdfa_lite(form: str) -> None:
    assert fields(read(RDFA[form])) == FIELDS


def test_types_of_other_vocabularies_are_no_products() -> None:
    record = read('<div vocab="http://other.example/" typeof="Product"><b property="sku">K-5</b></div>')
    assert record.native_id != "K-5"


@pytest.mark.parametrize(
    ("availability", "read_as"),
    [("oos", "OutOfStock"), ("out of stock", "OutOfStock"), ("instock", "InStock"), ("available for order", "InStock")],
)
def test_open_graph(availability: str, read_as: str) -> None:
    meta = {
        "og:type": "product",
        "product:brand": "Siedler",
        "product:retailer_item_id": "K-5",
        "product:price:amount": "39.90",
        "product:price:currency": "EUR",
        "product:availability": availability,
    }
    head = "".join(f'<meta property="{name}" content="{value}">' for name, value in meta.items())
    images = '<meta property="og:image" content="/i/{width}.jpg"><meta property="og:image" content="/i/kettle.jpg">'
    assert fields(read("", head + images)) == (*FIELDS[:4], read_as, (IMAGE,))


def test_the_part_number_of_markup_may_be_the_shops_id() -> None:
    record = read(f'<div {PRODUCT}><b itemprop="name">Kettle</b><span itemprop="sku mpn">K-5</span>{OFFER}</div>')
    assert (record.native_id, record.mpn) == ("K-5", "K-5")


@pytest.mark.parametrize("url", ["/i/k_{width}x.jpg", "/i/k_%7Bwidth%7Dx.jpg", "/i/{{ image }}.jpg", "/i/${name}.jpg"])
def test_an_image_url_with_a_placeholder_is_none(url: str) -> None:
    assert read(f'<div {PRODUCT}>{NAMED}<link itemprop="image" href="{url}">{OFFER}</div>').image_urls == ()
