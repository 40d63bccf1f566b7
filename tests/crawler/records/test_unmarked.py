"""Uncertain pages without markup, in shops whose product pages have it."""

import pytest

from core.records import Reject
from crawler.crawl.stored_pages import StoredPageRow
from crawler.records.choice import choose_products
from crawler.records.page_outcome import Claims, PageOutcome
from crawler.settings import CrawlSettings

HOME = "https://shop.example/"


def kept(marked: int, unmarked: dict[str, float]) -> tuple[set[str], tuple[Reject, ...]]:
    """Return the paths of the products among pages with markup and those without, and the rejects.

    Args:
        marked: Number of product pages with markup: ``1``, ``2`` and so on.
        unmarked: Path of a page without -> probability that it shows a product.
    """
    said = {f"{n}": (True, 1.0) for n in range(1, marked + 1)} | {path: (False, p) for path, p in unmarked.items()}
    pages, outcomes = [], {}
    for path, (has_markup, likely) in said.items():
        claims = Claims(HOME + path, path, guessed=False, marked=has_markup, likely=likely)
        pages.append(StoredPageRow("s", HOME + path, path, {}, listed=False, fetched_at="", parser=None, outcome=None))
        outcomes["s", HOME + path] = PageOutcome("product", "", path, claims.url, claims)
    chosen = choose_products(pages, outcomes, CrawlSettings())
    return {one.page.url.removeprefix(HOME) for one in chosen.products.values()}, chosen.rejects


FIVE = {"1", "2", "3", "4", "5"}


def test_uncertain_page_without_markup_is_rejected_with_the_count() -> None:
    assert kept(5, {"blog": 0.7}) == (
        FIVE,
        (
            Reject(
                HOME + "blog",
                "not_a_product",
                "it looks like a product (probability 0.70), but has no product markup, which 5 of 5 product pages of "
                "this shop have; if it is one, add its URL to the source's product_urls",
            ),
        ),
    )


@pytest.mark.parametrize(
    ("marked", "unmarked", "lost"),
    [
        (5, {"certain": 0.95}, set()),
        (4, {"blog": 0.7}, set()),
        (9, {"certain": 1.0, "blog": 0.7}, {"blog"}),
        (8, {"certain": 1.0, "blog": 0.7}, set()),
        (5, {f"blog-{n}": 0.6 for n in range(20)}, {f"blog-{n}" for n in range(20)}),
        (0, {"a": 0.7, "b": 0.9}, set()),
    ],
    ids=["certain", "few with markup", "nine of ten", "eight of nine", "many articles", "shop without markup"],
)
def test_rule_needs_markup_on_nearly_all_product_pages(marked: int, unmarked: dict[str, float], lost: set[str]) -> None:
    found, _ = kept(marked, unmarked)
    assert found == {f"{n}" for n in range(1, marked + 1)} | (unmarked.keys() - lost)
