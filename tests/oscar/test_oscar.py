"""A third-party shop is crawled and downloaded without an adapter."""

import subprocess
import sys
from collections import Counter
from itertools import groupby
from pathlib import Path

import pytest

import m5data
from tests.oscar.conftest import OscarShop
from workspace import Workspace

PROGRAM = Path(sys.executable).parent / "m5data"
SETTINGS = """
[sources.oscar]
start = ["{base}/catalogue/"]

product_urls = ['/catalogue/[\\w-]+_\\d+/$']
crawl_authorised = true
local = true
delay_s = 0.0
"""


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory, oscar_shop: OscarShop) -> Workspace:
    folder = tmp_path_factory.mktemp("crawled") / "workspace"
    for words in (["init", str(folder)], ["crawl"], ["download"]):
        if words == ["crawl"]:
            (folder / "m5data.toml").write_text(SETTINGS.format(base=oscar_shop.base), encoding="utf-8")
        place = [] if words[0] == "init" else ["-w", str(folder)]
        done = subprocess.run([PROGRAM, *words, *place], capture_output=True, text=True, check=False, timeout=500)
        assert done.returncode == 0, done.stderr
    return m5data.open(folder)


def test_every_public_product_is_there_once_with_its_table(crawled: Workspace, oscar_shop: OscarShop) -> None:
    specs = {
        product: {row["property"]: row["value"] for row in group}
        for product, group in groupby(crawled.table("specs").to_pylist(), lambda row: row["product_id"])
    }
    products = crawled.table("products").to_pylist()
    assert Counter(row["caption"] for row in products) == Counter(one["title"] for one in oscar_shop.products)
    by_title = {row["caption"]: row for row in products}
    for one in oscar_shop.products:
        row = by_title[one["title"]]
        table = specs[row["product_id"]]
        assert one["specs"].items() <= table.items()  # type: ignore[attr-defined]
        assert table["UPC"] == one["upc"]
        assert (row["category"], str(row["price"].normalize()), row["currency"]) == (
            one["category"], one["price"].rstrip("0"), "GBP",  # type: ignore[attr-defined]
        )  # fmt: skip


def test_both_pictures_of_every_product_are_stored_and_no_medium_twice(crawled: Workspace) -> None:
    media = crawled.table("media").to_pylist()
    pictures = {product: list(group) for product, group in groupby(media, lambda row: row["product_id"])}
    assert {row["state"] for row in media} == {"ok"}
    assert [product for product, rows in pictures.items() if len({row["sha256"] for row in rows}) < 2] == []
    assert max(Counter((row["product_id"], row["url"]) for row in media).values()) == 1
    fetched = {row["url"] for row in media}
    stored = crawled.sql("select count(*) as n from objects where kind = 'media'")["n"][0].as_py()
    assert stored <= len(fetched)


def test_a_second_crawl_asks_for_nothing(crawled: Workspace) -> None:
    done = subprocess.run(
        [PROGRAM, "crawl", "-w", crawled.root], capture_output=True, text=True, check=False, timeout=100
    )
    assert (done.returncode, done.stdout.count("unchanged")) == (0, 2), done.stdout
