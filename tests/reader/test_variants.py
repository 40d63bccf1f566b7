"""Variants from each place where shops state them."""

import html
import json
from decimal import Decimal

import pytest

from core.records import Specification, Variant
from crawler import parse_page

URL = "https://shop.example/p/kettle"


def read(body: str) -> list[tuple[object, ...]]:
    """Return id, options, price, currency, availability and image of each variant."""
    record = parse_page(f"<html><body><h1>Kettle</h1>{body}</body></html>".encode(), URL)
    return [
        (
            one.id,
            ", ".join(f"{option.property}={option.value}" for option in one.options),
            None if one.price is None else str(one.price),
            one.currency,
            one.availability,
            one.image_url,
        )
        for one in record.variants
    ]


def _ld(data: object) -> str:
    return f'<script type="application/ld+json">{json.dumps(data)}</script>'


def test_schema_org() -> None:
    def variant(sku: str, colour: str, price: str, stock: str) -> dict[str, object]:
        offer = {
            "@type": "Offer",
            "price": price,
            "priceCurrency": "EUR",
            "availability": f"https://schema.org/{stock}",
        }
        return {"@type": "Product", "sku": sku, "color": colour, "image": f"/{sku}.jpg", "offers": offer}

    group = {
        "@type": "ProductGroup",
        "name": "Kettle",
        "variesBy": ["https://schema.org/color"],
        "hasVariant": [
            variant("k-r", "red", "12.50", "InStock"),
            variant("k-b", "blue &amp; grey", "13", "OutOfStock"),
        ],
    }
    assert read(_ld(group)) == [
        ("k-r", "color=red", "12.50", "EUR", "InStock", "https://shop.example/k-r.jpg"),
        ("k-b", "color=blue & grey", "13", "EUR", "OutOfStock", "https://shop.example/k-b.jpg"),
    ]


PRODUCT = _ld({"@type": "Product", "name": "Kettle", "sku": "k", "offers": {"price": "12.5", "priceCurrency": "SEK"}})


def test_woocommerce() -> None:
    rows = [
        {
            "variation_id": 7, "sku": "", "attributes": {"attribute_pa_colour": "red"}, "display_price": 12.5,
            "is_in_stock": True, "image": {"full_src": "https://shop.example/r.jpg", "src": "/small.jpg"},
        },
        {
            "variation_id": 8, "sku": "k8", "attributes": {"attribute_size": "L"}, "display_price": 13,
            "is_in_stock": False,
        },
    ]  # fmt: skip
    form = f'<form class="variations_form" data-product_variations="{html.escape(json.dumps(rows))}"></form>'
    assert read(PRODUCT + form) == [
        ("7", "colour=red", "12.5", "SEK", "InStock", "https://shop.example/r.jpg"),
        ("k8", "size=L", "13", "SEK", "OutOfStock", None),
    ]


def test_shopify() -> None:
    product = {
        "options": ["Colour", "Size"],
        "variants": [
            {"id": 1, "sku": "k1", "option1": "red", "option2": "L", "price": 1250, "available": True},
            {"id": 2, "sku": None, "option1": "blue", "option2": "M", "price": "13.00", "available": False},
        ],
    }
    others = {"variants": [{"id": 3, "title": "Another product", "price": 100}] * 2}
    scripts = "".join(f'<script type="application/json">{json.dumps(one)}</script>' for one in (product, others))
    assert read(PRODUCT + scripts) == [
        ("k1", "Colour=red, Size=L", "12.5", "SEK", "InStock", None),
        ("2", "Colour=blue, Size=M", "13.00", "SEK", "OutOfStock", None),
    ]


def test_magento() -> None:
    options = [{"id": "1", "label": "red", "products": ["10"]}, {"id": "2", "label": "blue", "products": ["11"]}]
    config = {
        "attributes": {"93": {"label": "Colour", "options": options}},
        "optionPrices": {"10": {"finalPrice": {"amount": 12.5}}, "11": {"finalPrice": {"amount": 13}}},
        "images": {"10": [{"full": "https:\\/\\/shop.example\\/r.jpg"}]},
    }
    script = {"[data-role=swatch-options]": {"renderer": {"jsonConfig": config}}}
    assert read(PRODUCT + f'<script type="text/x-magento-init">{json.dumps(script)}</script>') == [
        ("10", "Colour=red", "12.5", "SEK", None, "https://shop.example/r.jpg"),
        ("11", "Colour=blue", "13", "SEK", None, None),
    ]


def test_the_only_list_of_options_of_a_form() -> None:
    form = """<form><input name=quantity><select name="attribute_size"><option value="">Choose</option>
        <option value=s>Small - 12,50 €</option><option value=m>Medium - sold out</option></select></form>"""
    assert read(PRODUCT + form) == [
        ("s", "attribute size=Small", "12.50", "EUR", None, None),
        ("m", "attribute size=Medium", None, None, "OutOfStock", None),
    ]
    assert read(PRODUCT + form + form.replace("size", "colour")) == []


@pytest.mark.parametrize(
    "body",
    [
        "",
        _ld({"@type": "ProductGroup", "hasVariant": [{"sku": "one"}]}),
        _ld({"@type": "ProductGroup", "hasVariant": [[], None, 5, "x", {"sku": []}, {"sku": {}, "offers": [[]]}]}),
        '<form data-product_variations="false"></form>',
        '<form data-product_variations="[{]"></form>',
        '<form data-product_variations="[[1],{},{&quot;attributes&quot;:5}]"></form>',
        '<script>"variants": [{"id": 1}, {"id": 2}], "variants" "variants": ["variants":</script>',
        '<script>"jsonConfig": {"attributes": [1], "optionPrices": 5}</script>',
        "<form><select name=sort><option value=a>a</option><option value=b>b</option></select></form>",
    ],
)
def test_what_is_no_variant(body: str) -> None:
    assert read(PRODUCT + body) == []


def test_variants_are_bounded_and_each_id_counts_once() -> None:
    rows = [{"variation_id": n % 700, "attributes": {"colour": "x" * 5000}, "display_price": 1} for n in range(2000)]
    form = f'<form data-product_variations="{html.escape(json.dumps(rows))}"></form>'
    found = read(PRODUCT + form)
    assert (len(found), len({row[0] for row in found}), len(str(found[0][1]))) == (500, 500, 207)


def test_contact_details_in_options_are_masked() -> None:
    rows = [{"variation_id": n, "attributes": {"note": f"Tel. 030 123456{n}"}} for n in (1, 2)]
    form = f'<form data-product_variations="{html.escape(json.dumps(rows))}"></form>'
    record = parse_page(f"<h1>Kettle</h1>{PRODUCT}{form}".encode(), URL)
    assert record.variants[0] == Variant("1", (Specification("note", "Tel. 〈phone〉"),))
    assert record.price == Decimal("12.5")
