"""Error messages for a source of which nothing was kept."""

import pytest

from core.errors import DataError
from crawler import crawl_stage, records_stage
from crawler.settings import CrawlSettings
from storage import Store
from tests.crawler.crawl.conftest import Clock, Shop, listing_page, product_page, settings_for


def message(store: Store, shop: Shop, clock: Clock, **source: object) -> str:
    settings = settings_for(shop, source=source, retries=0)
    with pytest.raises(DataError) as error:
        crawl(store, settings, clock)
    return str(error.value).replace(shop.url, "")


def crawl(store: Store, settings: CrawlSettings, clock: Clock) -> None:
    crawl_stage.run(store, settings, clock=clock)
    records_stage.run(store, settings, clock=clock)


def test_a_shop_that_refuses_is_quoted(store: Store, shop: Shop, clock: Clock) -> None:
    assert message(store, shop, clock) == (
        "source shop: no page was kept: http_404 1 (/: HTTP status 404). "
        "Check sources.shop.start; m5data add-source URL proposes one."
    )


def test_a_shop_whose_robots_forbid_it_is_left_to_its_owner(store: Store, shop: Shop, clock: Clock) -> None:
    shop.pages = {"/": listing_page([]), "/robots.txt": b"User-agent: *\nDisallow: /"}
    assert message(store, shop, clock) == (
        "source shop: no page was kept: robots 2 (/: robots.txt: Disallow). "
        "The shop does not admit this crawler there. Ask its owner to, or choose another start."
    )


def test_a_pattern_that_no_product_matches_is_named(store: Store, shop: Shop, clock: Clock) -> None:
    shop.pages = {"/": listing_page(["/p/1"]), "/p/1": product_page("kettle")}
    assert message(store, shop, clock, product_urls=["/item/"]) == (
        "source shop: pages show products, but none of their URLs matches product_urls (/item/). "
        "Correct or remove sources.shop.product_urls."
    )


def test_pages_without_products_are_counted_by_what_they_are(store: Store, shop: Shop, clock: Clock) -> None:
    shop.pages = {"/": listing_page(["/about"]), "/about": "<!doctype html><html><p>We sell kettles.</p></html>"}
    said = message(store, shop, clock)
    assert said.startswith("source shop: no page shows a product: other ")
    assert "sources.shop.browser = true" in said


def test_language_that_excludes_the_products_is_named(store: Store, shop: Shop, clock: Clock) -> None:
    paths = [f"/p/{n}" for n in range(3)]
    shop.pages = {"/": listing_page(paths)}
    shop.pages |= {path: product_page(path[1:]).replace("<html>", '<html lang="ru">') for path in paths}
    said = message(store, shop, clock, languages=["pl"])
    assert "Most pages were left out: other_language 3 (/p/0: ru; the source's language is pl)." in said
    assert said.endswith("Check sources.shop.languages.")


def test_follow_that_excludes_the_products_is_named(store: Store, shop: Shop, clock: Clock) -> None:
    shop.pages = {"/": listing_page([f"/p/{n}" for n in range(3)])}
    assert message(store, shop, clock, follow=["/shop/"]).endswith("Check sources.shop.follow.")
