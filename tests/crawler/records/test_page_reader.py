"""A page that hangs, exhausts memory or kills its process is one reject."""

import hashlib
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from core.errors import DataError
from crawler import records_stage
from crawler.settings import CrawlSettings
from storage import Store
from tests.crawler.crawl.conftest import product_page
from tests.crawler.crawl.test_records_stage import _spy, counts, forget, rejects, settings, store_pages, table

PAGE_OBJECT = """
import os, time
from crawler import ProductPage, field


class Page(ProductPage):
    @field
    def brand(self):
        url = self.document.url
        if "hang" in url:
            time.sleep(600)
        if "memory" in url:
            return str(len(bytearray(1 << 40)))
        if "crash" in url:
            os._exit(3)
        if "much" in url:
            return "x" * (20 << 20)
        return "Acme"
"""
FAULTS = {"memory": "memory", "crash": "crashed", "much": "output_limit"}


@pytest.fixture
def limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], CrawlSettings]:
    """Return a function from a time limit, in seconds, to settings with the page object above."""
    name = f"corner_{hashlib.sha256(str(tmp_path).encode()).hexdigest()[:8]}"
    (tmp_path / f"{name}.py").write_text(PAGE_OBJECT)
    monkeypatch.syspath_prepend(tmp_path)
    return lambda seconds: settings(page_object=f"{name}:Page").model_copy(update={"parse_timeout_s": seconds})


def test_page_beyond_its_limits_costs_no_other_page(
    store: Store, limited: Callable[[float], CrawlSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = {f"/p/{name}": product_page(name) for name in ("a", *FAULTS, "z")}
    store_pages(store, pages)
    few = limited(60.0)
    report = records_stage.run(store, few)
    assert counts(report) == (5, 2, dict.fromkeys(sorted(FAULTS.values()), 1))
    assert rejects(store) == {f"/p/{name}": reason for name, reason in FAULTS.items()}
    assert [row[0] for row in table(store, "products", "product_id")] == ["shop:a", "shop:z"]

    store_pages(store, {"/p/new": product_page("new"), "/p/crash": product_page("well")})
    read: list[str] = []
    monkeypatch.setattr(store.objects, "read", _spy(store.objects.read, read))
    assert records_stage.run(store, few).kept == 3
    assert len(read) == 2


def test_the_detail_says_which_limit_it_was(store: Store, limited: Callable[[float], CrawlSettings]) -> None:
    def details() -> dict[str, str]:
        return {row["reason"]: row["detail"] for row in store.snapshot().table("rejects").to_pylist()}

    store_pages(store, {"/p/hang": product_page("hang")})
    with pytest.raises(DataError, match="timeout 1"):
        records_stage.run(store, limited(1.0))
    assert details() == {"timeout": "no result within 1 s"}
    forget(store, "/p/hang")
    store_pages(store, {f"/p/{name}": product_page(name) for name in ("a", "crash")})
    records_stage.run(store, limited(60.0))
    assert details() == {"crashed": "its process ended with exit code 3"}


def test_all_that_a_page_states_reaches_the_tables(store: Store) -> None:
    offer = {
        "@type": "Offer",
        "price": "49",
        "priceCurrency": "EUR",
        "itemCondition": "https://schema.org/UsedCondition",
        "priceSpecification": {"priceType": "https://schema.org/ListPrice", "price": "59.5", "priceCurrency": "EUR"},
    }
    facts = {
        "@context": "https://schema.org",
        "@type": "Product",
        "name": "Reed lamp",
        "sku": "R7",
        "description": "Woven of reed.",
        "inProductGroupWithID": "G1",
        "aggregateRating": {"@type": "AggregateRating", "ratingValue": "4.5", "ratingCount": 12},
        "offers": offer,
    }
    points = '<ul class="feature-bullets"><li>Turns</li><li>Dims</li></ul>'
    script = f'<script type="application/ld+json">{json.dumps(facts)}</script>'
    store_pages(store, {"/p/r7": f"<html><head>{script}</head><body><h1>Reed lamp</h1>{points}</body></html>"})
    records_stage.run(store, settings())
    columns = ("description", "features", "list_price", "rating", "rating_count", "condition", "item_group")
    assert table(store, "products", *columns) == [
        ("Woven of reed.", ["Turns", "Dims"], Decimal("59.5"), 4.5, 12, "Used", "G1")
    ]
