"""Feeds of shop software: variants are rows with a group, and what is wrong costs its row alone."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from crawler.feeds import detect
from crawler.feeds.layouts import layouts
from crawler.ingest_stage import run
from crawler.settings import CrawlSettings, SourceSettings
from storage import Store
from tests.crawler.feeds.test_formats import contents, file

BASE = "https://shop.example/"


def read(path: Path, base: str = BASE) -> list[tuple[int | None, object]]:
    return contents(layouts()[detect(path)].read(path, base))


def table(*rows: Iterable[str]) -> str:
    return "".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\r\n" for row in rows)


def products(*rows: object) -> str:
    return json.dumps({"products": rows}, ensure_ascii=False)


SHIRT: dict[str, object] = {
    "id": 9007199254740993,
    "title": "Leinenhemd",
    "handle": "leinen-hemd",
    "body_html": "<p>Aus <b>Leinen</b>.</p>",
    "vendor": "Nordweb",
    "product_type": "Hemden",
    "tags": ["sommer"],
    "options": [{"name": "Farbe", "position": 1, "values": ["Rot", "Blau"]}, {"name": "Größe", "position": 2}],
    "images": [
        {"src": "https://cdn.example/front.jpg"},
        {"src": "https://cdn.example/rot.jpg"},
        {"src": "https://cdn.example/blau.jpg"},
    ],
    "variants": [
        {
            "id": 1,
            "title": "Rot / M",
            "option1": "Rot",
            "option2": "M",
            "option3": None,
            "price": "49.00",
            "compare_at_price": "59.00",
            "available": True,
            "featured_image": {"src": "https://cdn.example/rot.jpg"},
        },
        {
            "id": 2,
            "option1": "Blau",
            "option2": "M",
            "price": "45.00",
            "available": False,
            "featured_image": {"src": "https://cdn.example/blau.jpg"},
        },
    ],
}
ROWS = [
    {
        "id": "leinen-hemd:Rot/M",
        "url": "https://shop.example/products/leinen-hemd",
        "title": "Leinenhemd - Rot / M",
        "category": ("Hemden",),
        "brand": "Nordweb",
        "price": "49.00",
        "list_price": "59.00",
        "description": "<p>Aus <b>Leinen</b>.</p>",
        "item_group": "leinen-hemd",
        "availability": "in stock",
        "image_urls": ("https://cdn.example/rot.jpg", "https://cdn.example/front.jpg"),
        "specs": ({"property": "Farbe", "value": "Rot"}, {"property": "Größe", "value": "M"}),
    },
    {
        "id": "leinen-hemd:Blau/M",
        "url": "https://shop.example/products/leinen-hemd",
        "title": "Leinenhemd - Blau / M",
        "category": ("Hemden",),
        "brand": "Nordweb",
        "price": "45.00",
        "description": "<p>Aus <b>Leinen</b>.</p>",
        "item_group": "leinen-hemd",
        "availability": "out of stock",
        "image_urls": ("https://cdn.example/blau.jpg", "https://cdn.example/front.jpg"),
        "specs": ({"property": "Farbe", "value": "Blau"}, {"property": "Größe", "value": "M"}),
    },
]


def rows_of(found: Sequence[tuple[int | None, object]]) -> list[object]:
    return [row for _, row in found]


def test_shopify_json_has_a_row_per_variant(tmp_path: Path) -> None:
    mug = {"handle": "mug", "title": "Mug", "variants": [{"option1": "Default Title", "price": "9.00"}]}
    pages = products(SHIRT) + "\n" + products({**mug, "options": [{"name": "Title"}]})
    path = file(tmp_path, pages)
    assert detect(path) == "shopify"
    one = {"id": "mug", "url": "https://shop.example/products/mug", "title": "Mug", "price": "9.00"}
    assert rows_of(read(path)) == [*ROWS, one]


SHOPIFY = (
    *("Handle", "Title", "Body (HTML)", "Vendor", "Type", "Published", "Option1 Name", "Option1 Value"),
    *("Option2 Name", "Option2 Value", "Variant Inventory Qty", "Variant Inventory Policy", "Variant Price"),
    *("Variant Compare At Price", "Variant Image", "Image Src", "Image Position", "Status"),
)
NEW_NAMES = {
    "Handle": "URL handle",
    "Body (HTML)": "Description",
    "Published": "Published on online store",
    "Option1 Name": "Option1 name",
    "Option1 Value": "Option1 value",
    "Option2 Name": "Option2 name",
    "Option2 Value": "Option2 value",
    "Variant Inventory Qty": "Inventory quantity",
    "Variant Inventory Policy": "Continue selling when out of stock",
    "Variant Price": "Price",
    "Variant Compare At Price": "Compare-at price",
    "Variant Image": "Variant image URL",
    "Image Src": "Product image URL",
    "Image Position": "Image position",
}


def shopify(*rows: dict[str, str]) -> str:
    return table(SHOPIFY, *([row.get(name, "") for name in SHOPIFY] for row in rows))


FIRST = {
    "Handle": "leinen-hemd",
    "Title": "Leinenhemd",
    "Body (HTML)": "<p>Aus <b>Leinen</b>.</p>",
    "Vendor": "Nordweb",
    "Type": "Hemden",
    "Published": "TRUE",
    "Status": "active",
    "Option1 Name": "Farbe",
    "Option1 Value": "Rot",
    "Option2 Name": "Größe",
    "Option2 Value": "M",
    "Variant Inventory Qty": "3",
    "Variant Inventory Policy": "deny",
    "Variant Price": "49.00",
    "Variant Compare At Price": "59.00",
    "Variant Image": "https://cdn.example/rot.jpg",
    "Image Src": "https://cdn.example/rot.jpg",
    "Image Position": "2",
}
SECOND = {
    "Handle": "leinen-hemd",
    "Option1 Value": "Blau",
    "Option2 Value": "M",
    "Variant Price": "45.00",
    "Variant Inventory Qty": "0",
    "Variant Inventory Policy": "deny",
    "Variant Image": "https://cdn.example/blau.jpg",
    "Image Src": "https://cdn.example/front.jpg",
    "Image Position": "1",
}
IMAGE = {"Handle": "leinen-hemd", "Image Src": "https://cdn.example/blau.jpg", "Image Position": "9" * 5_000}


@pytest.mark.parametrize("names", [{}, NEW_NAMES])
def test_shopify_csv_gives_the_rows_of_its_json(tmp_path: Path, names: dict[str, str]) -> None:
    text = shopify(FIRST, SECOND, IMAGE)
    if names:
        for old, new in names.items():
            text = text.replace(f'"{old}"', f'"{new}"', 1).replace('"deny"', '"FALSE"')
    path = file(tmp_path, text.encode("utf-8-sig"))
    assert detect(path) == "shopify"
    assert read(path) == [(2, ROWS[0]), (3, ROWS[1])]


def test_shopify_products_that_nobody_can_read_or_buy(tmp_path: Path) -> None:
    text = shopify(
        {**FIRST, "Handle": "draft", "Status": "draft"},
        {**FIRST, "Handle": "hidden", "Published": "false"},
        {**FIRST, "Handle": ""},
        {"Handle": "only-title", "Title": "Only a title"},
    )
    one = {"id": "only-title", "url": "https://shop.example/products/only-title", "title": "Only a title"}
    assert rows_of(read(file(tmp_path, text))) == [
        "status: draft, not active",
        "published: the product is not published",
        "handle: missing",
        one,
    ]
    wrong = products(
        {"handle": 7, "variants": []},
        {"handle": "a", "title": "A", "variants": {"price": 1}},
        {"handle": "b", "title": ["B"], "variants": [{"price": "1"}]},
        "text",
        {"handle": "c", "variants": [], "body_html": ""},
    )
    assert rows_of(read(file(tmp_path, wrong))) == [
        "handle: missing",
        "variants: must be a list of objects",
        "title: input should be a valid string",
        "row: not an object",
    ]


def test_a_shop_whose_address_is_unknown_is_named(tmp_path: Path) -> None:
    [message] = rows_of(read(file(tmp_path, products(SHIRT)), base=""))
    assert message == (
        "url: products/leinen-hemd is relative, and sources.NAME.feed_base, the URL of the shop or of the folder of "
        "files, is not set"
    )


WOO = (
    *("ID", "Type", "SKU", "GTIN, UPC, EAN, or ISBN", "Name", "Published", "Short description", "Description"),
    *("Date sale price starts", "Date sale price ends", "In stock?", "Weight (kg)", "Sale price", "Regular price"),
    *("Categories", "Images", "Parent", "Attribute 1 name", "Attribute 1 value(s)", "Attribute 2 name"),
    *("Attribute 2 value(s)", "Meta: _seo"),
)


def woo(*rows: dict[str, str]) -> str:
    return table(WOO, *([row.get(name, "1" if name == "Published" else "") for name in WOO] for row in rows))


def test_woocommerce_variations_take_from_their_parent(tmp_path: Path) -> None:
    parent = {
        "ID": "10",
        "Type": "variable",
        "SKU": "hood",
        "Name": "Hoodie",
        "In stock?": "1",
        "Description": "Warm.\\nSoft.",
        "Categories": "Sale, Clothing > Hoodies > Men\\, Boys",
        "Images": "https://shop.example/a.jpg, https://shop.example/b\\,c.jpg",
        "Attribute 1 name": "Colour",
        "Attribute 1 value(s)": "Blue, Red",
        "Attribute 2 name": "Fabric",
        "Attribute 2 value(s)": "Cotton\\, organic",
    }
    blue = {
        "ID": "11",
        "Type": "variation",
        "Parent": "hood",
        "Name": "Hoodie - Blue",
        "Regular price": "45,00",
        "Sale price": "40,00",
        "Date sale price ends": "2026-12-31",
        "In stock?": "0",
        "Weight (kg)": "0.4",
        "Attribute 1 name": "Colour",
        "Attribute 1 value(s)": "Blue",
        "GTIN, UPC, EAN, or ISBN": "4006381333931",
    }
    red = {"ID": "12", "Type": "variation, virtual", "Parent": "id:10", "Images": "https://shop.example/red.jpg"}
    path = file(tmp_path, woo(parent, blue, red))
    assert detect(path) == "woocommerce"
    shared = {
        "url": "https://shop.example/?post_type=product&p=10",
        "category": ("Clothing", "Hoodies", "Men, Boys"),
        "description": "Warm.\nSoft.",
        "item_group": "10",
    }
    fabric = {"property": "Fabric", "value": "Cotton, organic"}
    assert read(path) == [
        (
            3,
            {
                **shared,
                "id": "11",
                "title": "Hoodie - Blue",
                "price": "45,00",
                "sale_price": "40,00",
                "sale_price_effective_date": "/2026-12-31",
                "availability": "out of stock",
                "gtin": "4006381333931",
                "image_urls": ("https://shop.example/a.jpg", "https://shop.example/b,c.jpg"),
                "specs": (
                    {"property": "Colour", "value": "Blue"},
                    {"property": "Weight", "value": "0.4 kg"},
                    fabric,
                ),
            },
        ),
        (
            4,
            {
                **shared,
                "id": "12",
                "title": "Hoodie",
                "availability": "in stock",
                "image_urls": ("https://shop.example/red.jpg",),
                "specs": ({"property": "Colour", "value": "Blue, Red"}, fabric),
            },
        ),
    ]


def test_woocommerce_rows_that_are_no_products(tmp_path: Path) -> None:
    text = woo(
        {"ID": "1", "Type": "simple", "Name": "Draft", "Published": "-1"},
        {"ID": "2", "Type": "variation", "Parent": "id:99"},
        {"Type": "simple", "Name": "No id"},
        {"ID": "4", "Type": "simple, downloadable", "Name": "Plan", "Regular price": "5.00", "In stock?": "backorder"},
    )
    four = {"id": "4", "url": "https://shop.example/?post_type=product&p=4", "title": "Plan", "price": "5.00"}
    assert read(file(tmp_path, text)) == [
        (2, "Published: -1, the product is not published"),
        (3, "Parent: no product 'id:99' above this variation"),
        (4, {"title": "No id"}),
        (5, {**four, "availability": "backorder"}),
    ]


OPENAI = {
    "is_eligible_search": "true",
    "is_eligible_checkout": "false",
    "item_id": "SKU-1",
    "title": "Trail shoe",
    "description": "Light &amp; fast",
    "url": "https://shop.example/shoe",
    "brand": "Nordweb",
    "product_category": "Apparel > Shoes",
    "image_url": "https://cdn.example/1.jpg",
    "additional_image_urls": "https://cdn.example/2.jpg,https://cdn.example/3.jpg",
    "price": "79.99 USD",
    "sale_price": "59.99 USD",
    "sale_price_start_date": "2026-11-01",
    "sale_price_end_date": "2026-11-30",
    "availability": "in_stock",
    "group_id": "SHOE",
    "variant_dict": '{"color": "red", "size": "10", "width class": "wide"}',
    "color": "red",
    "weight": "300 g",
    "seller_name": "Nordweb shop",
    "star_rating": "4.5",
}
OPENAI_ROW = {
    "id": "SKU-1",
    "url": "https://shop.example/shoe",
    "title": "Trail shoe",
    "category": ("Apparel", "Shoes"),
    "merchant": "Nordweb shop",
    "brand": "Nordweb",
    "description": "Light &amp; fast",
    "rating": "4.5",
    "item_group": "SHOE",
    "price": "79.99 USD",
    "sale_price": "59.99 USD",
    "sale_price_effective_date": "2026-11-01/2026-11-30",
    "availability": "in_stock",
    "image_urls": ("https://cdn.example/1.jpg", "https://cdn.example/2.jpg", "https://cdn.example/3.jpg"),
    "specs": (
        {"property": "size", "value": "10"},
        {"property": "width class", "value": "wide"},
        {"property": "weight", "value": "300 g"},
        {"property": "color", "value": "red"},
    ),
}
OLD_NAMES = {
    "is_eligible_search": "enable_search",
    "item_id": "id",
    "url": "link",
    "image_url": "image_link",
    "additional_image_urls": "additional_image_link",
    "group_id": "item_group_id",
    "star_rating": "product_review_rating",
}


@pytest.mark.parametrize("container", ["csv", "tsv", "jsonl", "json", "old names"])
def test_openai_feed_in_every_container(tmp_path: Path, container: str) -> None:
    names = {name: OLD_NAMES.get(name, name) if container == "old names" else name for name in OPENAI}
    row: dict[str, object] = {names[name]: value for name, value in OPENAI.items()}
    typed = row | {"additional_image_urls": OPENAI["additional_image_urls"].split(","), "is_eligible_checkout": False}
    typed |= {"variant_dict": json.loads(OPENAI["variant_dict"])}
    text = {
        "csv": table(row, map(str, row.values())),
        "old names": table(row, map(str, row.values())),
        "tsv": "\t".join(row) + "\n" + "\t".join(map(str, row.values())) + "\n",
        "jsonl": json.dumps(typed) + "\n",
        "json": json.dumps([typed], indent=1),
    }[container]
    path = file(tmp_path, text)
    assert detect(path) == "openai-feed"
    assert rows_of(read(path)) == [OPENAI_ROW]


def test_openai_products_with_variants(tmp_path: Path) -> None:
    variant = {
        "id": "tee-s",
        "title": "Tee - S",
        "price": {"amount": 1999, "currency": "USD"},
        "list_price": {"amount": 2499, "currency": "USD"},
        "availability": {"available": True, "status": "limited_stock"},
        "barcodes": [{"type": "GTIN", "value": "00012345600012"}],
        "categories": [{"value": "Apparel > Shirts", "taxonomy": "merchant"}],
        "variant_options": [{"name": "Size", "value": "S"}],
        "media": [{"type": "image", "url": "https://cdn.example/s.jpg"}],
        "seller": {"name": "Nordweb"},
    }
    yen = {"id": "tee-m", "title": "Tee - M", "price": {"amount": 1500, "currency": "JPY"}}
    wrong = {"id": "tee-l", "title": "Tee - L", "price": {"amount": "15.00", "currency": "JPY"}}
    media = [
        {"type": "image", "url": "https://cdn.example/tee.jpg"},
        {"type": "video", "url": "https://cdn.example/t.mp4"},
    ]
    product = {"id": "tee", "title": "Tee", "url": "https://shop.example/tee", "media": media}
    lines = [{**product, "variants": [variant, yen]}, {**product, "variants": [wrong]}, {**product, "variants": 3}]
    path = file(tmp_path, "".join(json.dumps(line) + "\n" for line in lines))
    shared = {"url": "https://shop.example/tee", "video_urls": ("https://cdn.example/t.mp4",), "item_group": "tee"}
    assert detect(path) == "openai-feed"
    assert read(path) == [
        (
            1,
            {
                **shared,
                "id": "tee-s",
                "title": "Tee - S",
                "category": ("Apparel", "Shirts"),
                "merchant": "Nordweb",
                "price": "19.99 USD",
                "list_price": "24.99 USD",
                "availability": "in stock",
                "gtin": "00012345600012",
                "image_urls": ("https://cdn.example/s.jpg", "https://cdn.example/tee.jpg"),
                "specs": ({"property": "Size", "value": "S"},),
            },
        ),
        (
            1,
            {
                **shared,
                "id": "tee-m",
                "title": "Tee - M",
                "price": "1500 JPY",
                "image_urls": ("https://cdn.example/tee.jpg",),
            },
        ),
        (2, "price: must be an object with amount, a whole number of minor units, and currency"),
        (3, "variants: must be a list of objects"),
    ]


@pytest.mark.parametrize("where", [{"feed_base": "https://shop.example"}, {"start": ("https://shop.example/en/",)}])
def test_ingest_takes_the_shop_from_its_source(tmp_path: Path, where: dict[str, object]) -> None:
    store = Store.create(tmp_path / "workspace", buckets=2)
    source = SourceSettings.model_validate({"crawl_authorised": True, **where})
    path = file(tmp_path, shopify(FIRST, SECOND, IMAGE, {**FIRST, "Handle": "old", "Status": "archived"}), "export.csv")
    report = run(store, CrawlSettings(sources={"shop": source}), path, source="shop")
    assert (report.read, report.kept, dict(report.dropped)) == (3, 2, {"bad_row": 1})
    query = "SELECT product_id, url, price::VARCHAR AS price, availability FROM products ORDER BY ALL"
    assert [tuple(row.values()) for row in store.snapshot().sql(query).to_pylist()] == [
        ("shop:leinen-hemd:Blau/M", "https://shop.example/products/leinen-hemd", "45.0000", "OutOfStock"),
        ("shop:leinen-hemd:Rot/M", "https://shop.example/products/leinen-hemd", "49.0000", "InStock"),
    ]
    moved = CrawlSettings(sources={"shop": source.model_copy(update={"feed_base": "https://new.example/"})})
    assert not run(store, moved, path, source="shop").unchanged
    assert run(store, moved, path, source="shop").unchanged
