"""The page that stands for each product, where several pages show it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crawler.crawl.stored_pages import PageOutcome, StoredPageRow
from crawler.settings import CrawlSettings
from m5data.records import Reject

__all__ = ["ChosenPages", "choose_products"]

_EMPTY = frozenset({"listing", "other"})
"""Kinds of pages that hold no product and need not."""

_TAKEN_DOWN = "taken_down"
"""Kind of pages that nothing reports, not even as dropped."""


@dataclass(frozen=True, slots=True)
class ChosenPages:
    """The pages that became products, and those that were dropped."""

    products: dict[str, StoredPageRow]
    """Product id -> the page it is read from, in order of id."""
    rejects: tuple[Reject, ...]
    """By URL."""


def choose_products(
    pages: Sequence[StoredPageRow], outcomes: Mapping[tuple[str, str], PageOutcome], settings: CrawlSettings
) -> ChosenPages:
    """Choose a page for each product.

    Two pages show the same product if they have the same canonical URL or the same native id. The page at the
    canonical URL comes before others, then the first by URL.

    Args:
        pages: All pages.
        outcomes: Source and URL -> what the page is.
        settings: Names the URL patterns of product pages (``product_urls``) of each source.
    """
    patterns = {
        name: tuple(re.compile(pattern) for pattern in source.product_urls) for name, source in settings.sources.items()
    }
    products: list[tuple[StoredPageRow, PageOutcome]] = []
    rejects: list[Reject] = []
    for page in pages:
        outcome = outcomes[page.source, page.url]
        product_urls = patterns.get(page.source, ())
        kind = outcome.kind
        if kind == "product" and product_urls and not _matches(product_urls, page.url, outcome.identity):
            kind = "other"  # the source says what the URL of a product looks like
        if kind == "product":
            products.append((page, outcome))
        elif kind in _EMPTY:
            expected = _matches(product_urls, page.url) if product_urls else page.listed and kind != "listing"
            if expected:
                rejects.append(Reject(page.url, "not_a_product", "listed as a product, but the page shows none"))
        elif kind != _TAKEN_DOWN:
            rejects.append(Reject(page.url, kind, outcome.detail))
    chosen, duplicates = _drop_duplicates(products)
    return ChosenPages(chosen, tuple(sorted([*rejects, *duplicates], key=lambda reject: (reject.item, reject.reason))))


def _matches(patterns: Sequence[re.Pattern[str]], *urls: str | None) -> bool:
    return any(pattern.search(url) for url in urls if url for pattern in patterns)


def _drop_duplicates(
    read: Sequence[tuple[StoredPageRow, PageOutcome]],
) -> tuple[dict[str, StoredPageRow], list[Reject]]:
    products: dict[str, StoredPageRow] = {}
    rejects: list[Reject] = []
    seen: dict[tuple[str, str | None], str] = {}
    ordered = sorted(read, key=lambda item: (item[0].source, item[0].url != item[1].identity, item[0].url))
    for page, outcome in ordered:
        identity, name = (page.source, outcome.identity), f"{page.source}:{outcome.native_id}"
        winner = products[name].url if name in products else seen.get(identity)
        if winner is None:
            products[name] = page
            seen[identity] = page.url
        else:
            rejects.append(Reject(page.url, "duplicate_url", f"the same product as {winner}"))
    return dict(sorted(products.items())), rejects
