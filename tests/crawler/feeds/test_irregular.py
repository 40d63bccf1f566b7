"""Prices as people write them, sale prices in their time, relative URLs: what ends up in the tables, and the counts."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.money import read_money
from core.stage import StageReport
from crawler.feeds.cleaning import add_functions
from crawler.feeds.irregular import PLAIN_PRICE
from crawler.ingest_stage import run
from crawler.settings import CrawlSettings, SourceSettings
from storage import Store

SETTINGS = CrawlSettings(sources={"shop": SourceSettings(crawl_authorised=True)})
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "workspace", buckets=1)


def ingest(store: Store, items: Sequence[Mapping[str, object]], now: datetime = NOON) -> StageReport:
    path = store.root.parent / "feed.jsonl"
    rows = ({"id": f"{n:02}", "url": f"https://shop.example/p/{n}", **item} for n, item in enumerate(items, 1))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return run(store, SETTINGS, path, source="shop", clock=lambda: now)


def prices(store: Store) -> list[tuple[Decimal | None, str | None]]:
    found = store.snapshot().table("products", ["price", "currency"]).to_pylist()
    return [(row["price"], row["currency"]) for row in found]


def faults(store: Store) -> list[tuple[str, str, str]]:
    found = store.snapshot().sql("SELECT item, reason, detail FROM rejects ORDER BY ALL").to_pylist()
    return [(row["item"], row["reason"], row["detail"]) for row in found]


WRITTEN = (
    ("1.299,00 €", None, "1299", "EUR"),
    ("1 299,00", "EUR", "1299", "EUR"),
    ("1.299", "EUR", "1299", "EUR"),
    ("0,999 EUR", None, "0.999", "EUR"),
    ("１２．５０", "CNY", "12.5", "CNY"),
    ("١٢٫٥٠", "SAR", "12.5", "SAR"),
    ("$12.50 - $20.00", None, "12.5", "$"),
    ("15.00 usd", None, "15", "USD"),
    ("EUR 3", "USD", "3", "EUR"),
    ("15.00", "rmb", "15", "CNY"),
    ("12.50 RMB", None, "12.5", "CNY"),
    (1.299, "EUR", "1.299", "EUR"),
    (1299, "EUR", "1299", "EUR"),
)


def test_prices_are_read_as_people_write_them(store: Store) -> None:
    report = ingest(store, [{"price": price, "currency": code} for price, code, _, _ in WRITTEN])
    assert prices(store) == [(Decimal(amount), code) for _, _, amount, code in WRITTEN]
    assert (report.kept, report.left_out) == (len(WRITTEN), {})


def test_mark_of_most_prices_decides_what_is_ambiguous(store: Store) -> None:
    ingest(store, [{"price": price, "currency": "EUR"} for price in ("12.50", "3.90", "1.299")])
    assert [amount for amount, _ in prices(store)] == [Decimal("12.5"), Decimal("3.9"), Decimal("1.299")]


def test_no_price_is_absent_and_a_bad_one_counted(store: Store) -> None:
    report = ingest(store, [{"price": price} for price in ("0", "0.00 EUR", "n/a", "-", "", None, "call us", -5)])
    assert {amount for amount, _ in prices(store)} == {None}
    assert (report.read, report.kept, report.dropped, report.left_out) == (8, 8, {}, {"bad_price": 2})
    assert faults(store) == [(f"feed.jsonl:{n}", "bad_price", "price: not an amount") for n in (7, 8)]


SALES = (
    ("20 EUR", "15 EUR", None, "15"),
    ("20 EUR", "15 EUR", "2020-01-01T00:00+0000/2020-01-31T23:59+0000", "20"),
    ("20 EUR", "15 EUR", "2099-01-01/2099-01-31", "20"),
    ("20 EUR", "15 EUR", "2026-05-01T13:00+0200 / 2026-05-01T15:00+02:00", "15"),
    ("20 EUR", "15 EUR", "2026-05-01/2026-05-01", "15"),
    ("20 EUR", "15 EUR", "2026-04-01T00:00Z/", "15"),
    ("20 EUR", "20 EUR", None, "20"),
    ("n/a", "15 EUR", None, "15"),
    ("20 EUR", "0", None, "20"),
)


def test_sale_prices_count_in_their_time(store: Store) -> None:
    names = ("price", "sale_price", "sale_price_effective_date")
    report = ingest(store, [dict(zip(names, sale[:3], strict=True)) for sale in SALES])
    assert [amount for amount, _ in prices(store)] == [Decimal(sale[3]) for sale in SALES]
    assert report.left_out == {}


def test_sale_price_that_cannot_be_used_is_counted(store: Store) -> None:
    sale = {"price": "20 EUR", "sale_price": "15 EUR"}
    dates = "sale_price_effective_date"
    items = [sale | {dates: "soon"}, sale | {dates: "2026-06-01/2026-05-01"}, sale | {"sale_price": "25 EUR"}]
    report = ingest(store, [*items, sale | {"sale_price": "ask"}])
    assert {amount for amount, _ in prices(store)} == {Decimal(20)}
    assert report.left_out == {"bad_price": 2, "bad_sale_dates": 2}
    when = "sale_price_effective_date: not two times of ISO 8601 with / between"
    assert faults(store) == [
        ("feed.jsonl:1", "bad_sale_dates", when),
        ("feed.jsonl:2", "bad_sale_dates", when),
        ("feed.jsonl:3", "bad_price", "sale_price: above the price"),
        ("feed.jsonl:4", "bad_price", "sale_price: not an amount"),
    ]


def test_same_feed_is_read_again_on_another_day_if_it_has_dated_sales(store: Store) -> None:
    sale = {"price": "20 EUR", "sale_price": "15 EUR", "sale_price_effective_date": "2026-05-01/2026-05-01"}
    ingest(store, [sale])
    assert ingest(store, [sale]).unchanged
    assert not ingest(store, [sale], datetime(2026, 5, 2, tzinfo=UTC)).unchanged
    assert prices(store) == [(Decimal(20), "EUR")]


def test_relative_media_are_resolved_against_the_page(store: Store) -> None:
    images = ["/a.jpg", "//cdn.example/b.jpg", "c.jpg", "https://shop.example/a.jpg", " ", None]
    ingest(store, [{"image_urls": images, "video_urls": ["/v.mp4"]}])
    media = store.snapshot().sql("SELECT kind, position, url FROM media ORDER BY ALL").to_pylist()
    assert [tuple(row.values()) for row in media] == [
        ("image", 0, "https://shop.example/a.jpg"),
        ("image", 1, "https://cdn.example/b.jpg"),
        ("image", 2, "https://shop.example/p/c.jpg"),
        ("video", 0, "https://shop.example/v.mp4"),
    ]


def test_parquet_means_the_same(store: Store, tmp_path: Path) -> None:
    table = pa.table(
        {
            "id": [101.0, 102.0, 2.0**60],
            "url": ["http://a/1", "http://a/2", "http://a/3"],
            "brand": pa.nulls(3),
            "price": [1.299, float("nan"), 0.0],
            "currency": ["EUR", None, None],
            "gtin": [4006381333931.0, float("nan"), 1.0],
            "image_urls": [["/1.jpg", None], [], None],
            "video_urls": pa.array([[], None, []], pa.list_(pa.null())),
            "specs": [{"Colour": "red", "Size": None, "Tags": ["a", "b"]}, None, None],
        }
    )
    pq.write_table(table, tmp_path / "feed.parquet")
    report = run(store, SETTINGS, tmp_path / "feed.parquet", source="shop", clock=lambda: NOON)
    assert report.dropped == {"bad_row": 1}
    products = store.snapshot().sql("SELECT native_id, brand, price, gtin FROM products ORDER BY 1").to_pylist()
    assert [tuple(row.values()) for row in products] == [
        ("101", None, Decimal("1.299"), "4006381333931"),
        ("102", None, None, None),
    ]
    specs = store.snapshot().sql("SELECT property, value FROM specs ORDER BY position").to_pylist()
    assert [tuple(row.values()) for row in specs] == [("Colour", "red"), ("Tags", "a, b")]
    assert store.snapshot().sql("SELECT url FROM media").to_pylist() == [{"url": "http://a/1.jpg"}]


@given(st.from_regex(rf"\A{PLAIN_PRICE}\Z", fullmatch=True).filter(lambda text: text.isascii()))
def test_plain_prices_are_read_by_sql_as_by_python(text: str) -> None:
    found = read_money(text)
    with duckdb.connect() as connection:
        add_functions(connection)
        [(amount,)] = connection.execute("SELECT plain_amount($1)", [text]).fetchall()
    assert amount == (found.amount if found else None)


@pytest.mark.parametrize(
    ("published", "stock"),
    [
        ("in stock", "InStock"),
        ("in_stock", "InStock"),
        ("IN-STOCK", "InStock"),
        ("https://schema.org/InStock", "InStock"),
        ("http://www.schema.org/LimitedAvailability/", "InStock"),
        ("schema:OutOfStock", "OutOfStock"),
        ("Sold out", "OutOfStock"),
        ("perhaps", None),
        (None, None),
    ],
)
def test_availability_has_many_spellings(published: str | None, stock: str | None) -> None:
    with duckdb.connect() as connection:
        add_functions(connection)
        assert connection.execute("SELECT stock($1)", [published]).fetchall() == [(stock,)]
