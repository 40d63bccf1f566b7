"""Changes of products that a person would notice, between versions and in the table ``history``."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from core.stage import StageReport
from storage import Store
from storage.history import ProductChange, product_changes, write_history
from storage.tables import TABLES
from tests.storage.synthetic import medium, product, spec

T0 = datetime(2026, 1, 1, tzinfo=UTC)
Row = dict[str, Any]


def write(store: Store, day: int, products: list[Row], specs: list[Row], media: list[Row]) -> None:
    with store.stage("records", settings="", extra=str(day)) as stage:
        for name, rows in (("products", products), ("specs", specs), ("media", media)):
            stage.write(name, pa.Table.from_pylist(rows, schema=TABLES[name].schema))
        write_history(stage, T0 + timedelta(days=day))
        stage.commit(StageReport("records", 1, 1, {}, 0.0))


def changed(name: str, page: str, **values: object) -> Row:
    return {**product(name), "page_sha256": page, **values}


def line(name: str, value: str) -> Row:
    return {**spec(name), "property": "Colour", "value": value}


def image(name: str, url: str) -> Row:
    return {**medium(name, "image", 0), "url": url}


def test_a_price_series_a_vanished_and_a_returned_product(store: Store) -> None:
    for day, price in enumerate(("12.50", "11.00", "12.50")):
        write(store, day, [changed("a:1", f"p{day}", price=Decimal(price))], [], [])
    write(store, 3, [product("b:1")], [], [])
    write(store, 4, [product("b:1"), changed("a:1", "p4", price=Decimal(9))], [], [])
    rows = store.snapshot().table("history").to_pylist()
    assert [(r["product_id"], (r["changed_at"] - T0).days, r["field"], r["before"], r["after"]) for r in rows] == [
        ("a:1", 1, "price", "12.5", "11"),
        ("a:1", 2, "price", "11", "12.5"),
        ("a:1", 3, "product", "listed", "vanished"),
        ("a:1", 4, "product", "vanished", "listed"),
    ]


def test_hashes_tokens_and_times_are_no_change(store: Store) -> None:
    before = changed("a:1", "p1"), line("a:1", "red"), image("a:1", "https://shop.example/1.jpg?v=1")
    after = (
        changed("a:1", "p2", last_seen=T0, url="https://shop.example/new"), line("a:1", "red"),
        image("a:1", "https://shop.example/1.jpg?v=2"),
    )  # fmt: skip
    for day, (one, two, three) in enumerate((before, after)):
        write(store, day, [one], [two], [three])
    assert list(product_changes(store.snapshot(1), store.snapshot(2))) == []
    assert len(store.snapshot().table("history")) == 0


def test_specifications_and_images_are_compared_by_name_and_url(store: Store) -> None:
    write(store, 0, [changed("a:1", "p1")], [line("a:1", "red")], [image("a:1", "https://shop.example/1.jpg")])
    write(store, 1, [changed("a:1", "p2")], [line("a:1", "blue")], [])
    found = [
        ProductChange("a:1", "images", "", "https://shop.example/1.jpg", None),
        ProductChange("a:1", "specification", "Colour", "red", "blue"),
    ]
    assert list(product_changes(store.snapshot(1), store.snapshot(2))) == found
    assert len(store.snapshot().table("history")) == 2


def test_another_reading_of_the_same_page_is_a_difference_and_no_history(store: Store) -> None:
    write(store, 0, [changed("a:1", "p1", caption="Tea pot | Shop")], [], [])
    write(store, 1, [changed("a:1", "p1", caption="Tea pot")], [], [])
    assert [change.field for change in product_changes(store.snapshot(1), store.snapshot(2))] == ["caption"]
    assert len(store.snapshot().table("history")) == 0


def test_products_that_come_and_go_are_differences(store: Store) -> None:
    write(store, 0, [product("a:1")], [], [])
    write(store, 1, [product("b:1")], [], [])
    assert sorted((c.product_id, c.field, c.after) for c in product_changes(store.snapshot(1), store.snapshot(2))) == [
        ("a:1", "product", "vanished"), ("b:1", "product", "listed"),
    ]  # fmt: skip
