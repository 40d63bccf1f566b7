import json
from dataclasses import replace
from decimal import Decimal

import pytest

from crawler.records.page_outcome import PageOptions, handle, job_data, read_page, record_of

URL = "https://shop.example/goods/shirt_8/"
SHIRT = """<html><head><title>Shirt | The shop</title></head><body>
<div><a href="/a">Shirts</a><a href="/b">Coats</a></div>
<h1>Shirt</h1><p>£15.00</p><p>Available</p><img src="/a.jpg"></body></html>"""


def kind(body: str, *product_urls: str) -> str:
    return read_page(PageOptions(None, b"key", "m5data", (), product_urls=product_urls), body.encode(), URL, {})[0].kind


@pytest.mark.parametrize(
    ("body", "alone", "among_products"),
    [
        (SHIRT, "product", "product"),
        (SHIRT.replace("£15.00", "").replace("Available", "Out of stock"), "other", "product"),
        ("<html><body><h1>Our terms</h1><p>Shipping is free</p></body></html>", "other", "other"),
        (SHIRT.replace("<h1>Shirt</h1>", "<h1>Page not found</h1>"), "soft_404", "soft_404"),
    ],
)
def test_a_page_with_a_price_where_the_source_has_its_products_is_one(
    body: str, alone: str, among_products: str
) -> None:
    assert kind(body) == alone
    assert kind(body, r"/goods/[^/]+_\d+/$") == among_products
    assert kind(body, r"/books/") == alone


MARKED = SHIRT.replace(
    "<body>",
    '<body><script type="application/ld+json">{"@context": "https://schema.org", "@type": "Product", "name": "Shirt", '
    '"offers": {"price": "15", "priceCurrency": "GBP"}}</script>',
)


@pytest.mark.parametrize(
    ("body", "product_urls", "claim"),
    [
        (MARKED, (), (True, True)),
        (SHIRT, (), (False, False)),
        (SHIRT, (r"/goods/",), (False, True)),
        (SHIRT, (r"/books/",), (False, False)),
    ],
    ids=["markup", "none", "a product URL of the source", "another URL"],
)
def test_claims_say_whether_markup_or_the_settings_state_a_product(
    body: str, product_urls: tuple[str, ...], claim: tuple[bool, bool]
) -> None:
    options = PageOptions(None, b"key", "m5data", (), product_urls=product_urls)
    claims = read_page(options, body.encode(), URL, {})[0].claims
    assert claims is not None
    assert (claims.marked, claims.likely == 1.0) == claim


def test_record_of_a_reply_is_the_record_of_the_page() -> None:
    offer = {"price": "12.50", "priceCurrency": "EUR", "availability": "InStock", "itemCondition": "NewCondition"}
    product = {
        "@type": "Product",
        "name": "Alder stool \ud800",
        "sku": "17",
        "description": "Oak and ash, sanded twice.",
        "offers": offer,
        "aggregateRating": {"ratingValue": 4.5, "reviewCount": 3},
        "image": ["/a.jpg", "/b.jpg"],
    }
    body = (
        f'<script type="application/ld+json">{json.dumps(product)}</script><h1>Alder stool</h1><del>€ 15</del> € 12.50'
    )
    options = PageOptions(None, b"key", "m5data", ())
    reply = handle({"shop": options}, "shop", job_data(URL, {}, body.encode()))
    outcome, record = read_page(options, body.encode(), URL, {})
    assert outcome.kind == "product"
    assert record is not None
    assert (record.rating, record.price) == (Decimal("4.5"), Decimal("12.50"))
    assert record_of(reply) == replace(record, origins={})
