"""Objects that pages pass to their scripts."""

import time

import pytest

from reader.document import read_document
from reader.state import StateObject, key_words, state_objects

URL = "https://shop.example/p/lamp"


def objects(html: str) -> list[StateObject]:
    return state_objects(read_document(f"<body>{html}".encode(), URL))[0]


def found(html: str) -> list[tuple[str, tuple[str, ...], dict[str, object]]]:
    return [(one.kind, one.path, dict(one.values)) for one in objects(html) if one.kind != "meta"]


@pytest.mark.parametrize(
    ("script", "path", "values"),
    [
        ('var meta = {"sku": "A-1", "price": 4900};', ("meta",), {"sku": "A-1", "price": 4900}),
        ("window.product = {sku: 'A-1', price: 49,};", ("window", "product"), {"sku": "A-1", "price": 49}),
        ('dataLayer.push({"ecommerce": {"price": 5}})', ("data-layer", "push", "ecommerce"), {"price": 5}),
        ('x = JSON.parse("{\\"sku\\": \\"A-1\\"}")', ("json", "parse"), {"sku": "A-1"}),
        ("y(decodeURIComponent('%7B%22sku%22%3A%20%22A-1%22%7D'))", (), {"sku": "A-1"}),
        ('{"product": {"brand": {"name": "Lumo"}}}', ("product",), {"brand.name": "Lumo"}),
        ('if (a) { b: 1 } var p = {"price": 2, broken: x.y}; q = {"sku": "Z"}', ("q",), {"sku": "Z"}),
        ("size = 5\"; p = {sku: 'A-1'}", ("p",), {"sku": "A-1"}),  # a quote that nothing closes
        ("name = \"open\np = {sku: 'A-1'}", ("p",), {"sku": "A-1"}),
        ("// it's a comment\np = {sku: 'A-1'}", ("p",), {"sku": "A-1"}),
        ('path = /a\\//, p = {sku: "A-1", // stock: 3\nprice: 2}', ("p",), {"sku": "A-1", "price": 2}),
    ],
)
def test_objects_of_scripts(script: str, path: tuple[str, ...], values: dict[str, object]) -> None:
    assert ("json", path, values) in found(f"<script>{script}</script>")


def test_data_attributes_and_forms() -> None:
    html = """<div data-product='{"price": 5}' data-product-id="7"></div>
        <form class="add-to-cart"><input name="sku" value="A-1"><input value="no name"></form>"""

    assert ("attribute", ("data-product",), {"price": 5}) in found(html)
    assert ("attribute", ("div",), {"product": '{"price": 5}', "product-id": "7"}) not in found(html)
    assert ("form", ("", "add-to-cart", ""), {"sku": "A-1"}) in found(html)


def test_schema_nodes_inside_application_state() -> None:
    script = r'self.__next_f.push([1, "{\"x\": \"{\\\"@context\\\":\\\"https://schema.org\\\",\\\"@type\\\":\\\"Product\\\",\\\"sku\\\":\\\"A\\\"}\"}"])'
    nodes = state_objects(read_document(f"<script>{script}</script>".encode(), URL))[1]

    assert [node["sku"] for node in nodes if node["@type"] == "Product"] == ["A"]


def test_keys() -> None:
    assert [key_words(key) for key in ("priceMin2", "product_id", "SKU", "@type")] == [
        "price-min",
        "product-id",
        "sku",
        "type",
    ]


@pytest.mark.parametrize(
    "script",
    [
        '{"price":' * 20_000,
        "{price:'" * 20_000,
        '{"price": "' + "\\" * 100_000,
        "decodeURIComponent('" * 10_000 + "price",
        "{price: 1}" + '\\"a' * 60_000,
        "{price: 1}" + "\\'a" * 60_000,
        "{price: 1}" + "// " * 60_000,
        "{price: 1}" + "\"'//\n" * 40_000,
    ],
)
def test_hostile_scripts_take_little_time(script: str) -> None:
    began = time.process_time()
    objects(f"<script>{script}</script>")

    assert time.process_time() - began < 2
