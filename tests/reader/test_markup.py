"""Structured data as shops write it."""

import json
from decimal import Decimal

import pytest

from core.records import ProductRecord
from crawler import is_product, parse_page

URL = "https://shop.example/p/lamp-1"
LAMP = {
    "@context": "https://schema.org",
    "@type": "Product",
    "name": "Lamp",
    "sku": "L1",
    "offers": {"price": "5", "priceCurrency": "EUR"},
}


def read(html: str, url: str = URL) -> ProductRecord:
    return parse_page(f"<html><head><title>Lamp</title></head><body><h1>Lamp</h1>{html}</body></html>".encode(), url)


def script(*values: object) -> str:
    return "".join(f'<script type="application/ld+json">{json.dumps(value)}</script>' for value in values)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(LAMP),
        f"/*<![CDATA[*/\n{json.dumps(LAMP)}\n/*]]>*/",
        f"<!-- {json.dumps(LAMP)} -->",
        f"//<![CDATA[\n{json.dumps(LAMP)}\n//]]>",
        json.dumps(LAMP)[:-1] + ",}",
        json.dumps(LAMP) + ";",
        json.dumps(LAMP) + json.dumps({"@type": "WebSite"}),
        json.dumps([[LAMP]]),
        json.dumps({"@graph": [{"@type": "WebPage", "mainEntity": LAMP}]}),
        json.dumps(LAMP).replace("Lamp", "La\tmp").replace("La\tmp", "Lamp"),
        json.dumps(LAMP | {"@type": "http://schema.org/product"}),
        json.dumps(LAMP | {"@type": ["Thing", "Product"]}),
    ],
)
def test_json_ld_in_any_wrapping(text: str) -> None:
    record = read(f'<script type="Application/LD+JSON; charset=utf-8">{text}</script>')

    assert (record.caption, record.price, record.currency, record.origins["native_id"].partition(" ")[0]) == (
        "Lamp",
        Decimal(5),
        "EUR",
        "json-ld",
    )


def test_a_broken_script_does_not_hide_the_next() -> None:
    assert read('<script type="application/ld+json">{"@type":</script>' + script(LAMP)).native_id == "L1"


@pytest.mark.parametrize(
    ("offers", "price", "availability"),
    [
        ({"price": 0, "availability": "OutOfStock"}, None, "OutOfStock"),
        ({"@type": "AggregateOffer", "lowPrice": "3.00", "highPrice": "9.00"}, "3.00", "InStock"),
        ([{"price": "9"}, {"price": "7"}], "7", "InStock"),
        (
            {"priceSpecification": [{"priceType": "https://schema.org/ListPrice", "price": 9}, {"price": 7}]},
            "7",
            "InStock",
        ),
        ({"price": "7", "availability": "http://schema.org/SoldOut"}, "7", "OutOfStock"),
        ([{"price": 7, "availability": "SoldOut"}, {"price": 7, "availability": "PreOrder"}], "7", "InStock"),
        ({"price": "7", "availability": "in_stock"}, "7", "InStock"),
        ("nothing", None, None),
    ],
)
def test_offers(offers: object, price: str | None, availability: str | None) -> None:
    record = read(script(LAMP | {"offers": offers}))

    assert (record.price and str(record.price), record.availability) == (price, availability)


def test_the_product_of_the_page_among_others() -> None:
    others = [
        {"@type": "Product", "name": name, "sku": name, "offers": {"price": "1"}} for name in ("Chair", "Desk", "Bed")
    ]

    assert read(script(*others, LAMP)).native_id == "L1"
    assert read(script(LAMP | {"isRelatedTo": others})).native_id == "L1"


def test_many_products_without_a_main_one_are_a_listing() -> None:
    others = [
        {"@type": "Product", "name": name, "sku": name, "offers": {"price": "1"}} for name in ("Chair", "Desk", "Bed")
    ]

    assert is_product(read(script(others))).reason == "listing"


def test_entities_and_tags_are_removed_from_values() -> None:
    record = read(script(LAMP | {"name": "Lamp &amp;amp; <b>shade</b>", "brand": {"name": "Br&uuml;ck | Shop"}}))

    assert (record.caption, record.brand) == ("Lamp & shade", "Brück")


def test_microdata_with_nested_and_referenced_items() -> None:
    record = read("""<div itemscope itemtype="https://schema.org/Product" itemref="more">
    <span itemprop="name">Lamp</span><div itemprop="offers" itemscope itemtype="https://schema.org/Offer">
    <b itemprop="price">1 299,00</b><meta itemprop="priceCurrency" content="EUR"></div>
    <div itemprop="review" itemscope itemtype="https://schema.org/Review"><span itemprop="name">Bad</span></div></div>
    <p id="more"><span itemprop="sku">L9</span><a itemprop="image" href="/l9.jpg">x</a></p>""")

    assert (record.caption, record.price, record.currency, record.native_id) == (
        "Lamp",
        Decimal("1299.00"),
        "EUR",
        "L9",
    )
    assert record.image_urls == ("https://shop.example/l9.jpg",)


def test_a_label_beside_the_heading_wins_over_markup() -> None:
    assert read("<p>Cod produs: 5099873</p>" + script(LAMP)).native_id == "5099873"


def test_markup_wins_over_a_distant_label() -> None:
    assert read("<p>x</p>" * 60 + "<p>Article no.: 903.294.89</p>" + script(LAMP)).native_id == "L1"


@pytest.mark.parametrize(
    ("html", "category"),
    [
        (
            '<nav class="breadcrumbs"><a href="/">Home</a> / <a href="/l">Lamps</a> / <span>Lamp</span></nav>',
            ("Lamps",),
        ),
        (
            (
                '<ol class="breadcrumb"><li><a href="/">Shop</a><li>'
                '<a href="/l">Lamps</a><li>Desk<li class="active">Lamp</ol>'
            ),
            ("Lamps", "Desk"),
        ),
        ('<p>Вы здесь: <a href="/">Главная</a> » <a href="/s">Свет</a> » Лампы</p>', ("Свет",)),
        ('<div class="top"><a href="/">首页</a> | <a href="/about">关于我们</a></div>', ()),
        (
            script(
                {
                    "@type": "BreadcrumbList",
                    "itemListElement": [
                        {"position": "2", "name": "Desk", "item": "/l/d"},
                        {"position": "1", "item": {"@id": "/l", "name": "Lamps"}},
                    ],
                }
            ),
            ("Lamps", "Desk"),
        ),
        (script(LAMP | {"category": "Home & Garden > Lamps"}), ("Home & Garden", "Lamps")),
    ],
)
def test_the_category_path(html: str, category: tuple[str, ...]) -> None:
    assert read(html).category == category


@pytest.mark.parametrize(("sku", "found"), [("Lumo SP 12", "Lumo SP 12"), ("Desk lamp with a long arm", None)])
def test_an_id_may_have_spaces_and_a_name_is_none(sku: str, found: str | None) -> None:
    record = read(script(LAMP | {"sku": sku}))

    assert (record.native_id if record.origins["native_id"].startswith("json-ld") else None) == found
