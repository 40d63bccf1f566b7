"""One product, one record: which page speaks for a product that several pages show."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from crawler.crawl.stored_pages import PageOutcome, StoredPageRow
from m5data.records import Reject

__all__ = ["Choice", "choose_products"]

_EMPTY = frozenset({"listing", "other"})
"""Kinds of pages without a product, and without need of one."""

_TAKEN_DOWN = "taken_down"
"""Kind of pages that nothing is to be said of, not even that they were dropped."""

_Read = tuple[StoredPageRow, PageOutcome]


@dataclass(frozen=True, slots=True)
class Choice:
    """The pages that became products, and those that were dropped."""

    products: dict[str, StoredPageRow]
    """Product id -> the page that speaks for it, in order of id."""
    rejects: tuple[Reject, ...]
    """By address."""


def choose_products(pages: Iterable[_Read], is_expected: Callable[[StoredPageRow, PageOutcome], bool]) -> Choice:
    """Choose a page for each product.

    Two pages show one product where their canonical address or the site's own id is the same. The
    page at the canonical address goes before others, then the first by address.

    Args:
        pages: all pages with what they are.
        is_expected: tells whether a page should have had a product (``not_a_product`` if it has none).
    """
    read = [item for item in pages if item[1].kind != _TAKEN_DOWN]
    products: dict[str, StoredPageRow] = {}
    rejects: list[Reject] = []
    for page, outcome in read:
        if outcome.kind in _EMPTY:
            if is_expected(page, outcome):
                rejects.append(Reject(page.url, "not_a_product", "listed as a product's, but no product is on it"))
        elif outcome.kind != "product":
            rejects.append(Reject(page.url, outcome.kind, outcome.detail))
    seen: dict[tuple[str, str | None], str] = {}
    for page, outcome in sorted((item for item in read if item[1].kind == "product"), key=_order):
        identity, name = (page.source, outcome.identity), f"{page.source}:{outcome.native_id}"
        winner = products[name].url if name in products else seen.get(identity)
        if winner is None:
            products[name] = page
            seen[identity] = page.url
        else:
            rejects.append(Reject(page.url, "duplicate_url", f"the same product as {winner}"))
    return Choice(dict(sorted(products.items())), tuple(sorted(rejects, key=lambda r: (r.item, r.reason))))


def _order(item: _Read) -> tuple[str, bool, str]:
    page, outcome = item
    return page.source, page.url != outcome.identity, page.url
