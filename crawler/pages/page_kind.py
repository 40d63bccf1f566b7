"""The kind of a page: product, listing, error page with status 200, or something else."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from crawler.pages.currencies import CODE, SIGN, UNIT
from crawler.pages.document import Document
from crawler.pages.facts import Facts, says_product
from crawler.pages.html_facts import HtmlFacts
from crawler.pages.links import next_link
from crawler.pages.text import anywhere, squash
from crawler.pages.visible import Visible
from m5data.records import ProductRecord

__all__ = ["Verdict", "is_product", "page_kind"]

_MONEY = re.compile(rf"(?:{SIGN}|(?<![A-Za-z]){CODE})\s?\d|\d[\d.,\s]*(?:{SIGN}|{CODE}\b|{UNIT})")
_MANY = 4
"""Amounts of money in similar elements that make a page a listing if nothing shows a single product."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a record is a product. It is true in a condition if it is."""

    product: bool
    reason: str = ""
    """Reason against it: ``soft_404``, ``listing``, ``no_product_evidence`` or ``no_content``; empty for a product."""

    def __bool__(self) -> bool:
        """Return ``product``."""
        return self.product


def is_product(record: ProductRecord) -> Verdict:
    """Return whether a record is a product: it comes from a product page and has content.

    A product page has a product in its markup, or at least two of these in plain HTML: price, id with a label,
    specifications, availability. Listings and error pages with status 200 are not product pages. A record without
    caption, image and specification has no content. A record that comes from a feed has no page and is judged by
    its content alone.
    """
    kind = record.origins.get("page", "product")
    if kind == "not-found":
        return Verdict(product=False, reason="soft_404")
    if kind == "listing":
        return Verdict(product=False, reason="listing")
    if not kind.startswith("product"):
        return Verdict(product=False, reason="no_product_evidence")
    if not (record.caption or record.image_urls or record.specs):
        return Verdict(product=False, reason="no_content")
    return Verdict(product=True)


def page_kind(document: Document, seen: Visible, marked: Sequence[Facts], shown: HtmlFacts, listed: int) -> str:
    """Return the kind of a page.

    ``product:json-ld``, ``product:microdata``, ``product:opengraph``, ``product:html``, ``listing``, ``not-found`` or
    ``other``.

    Args:
        document: The page.
        seen: Visible text of the page.
        marked: Facts of the markup, OpenGraph last.
        shown: Facts of the plain HTML.
        listed: Products of different names in the markup if none of them is the product of the page.
    """
    for one in marked:
        if one.origin != "opengraph" and (one.caption or one.price is not None or one.sku):
            return f"product:{one.origin}"
    if _says_missing(document, seen):
        return "not-found"
    if listed > 2:
        return "listing"
    if says_product(document) and (marked[-1].price is not None or shown.price is not None):
        return "product:opengraph"
    signs = (shown.price is not None, shown.sku is not None, len(shown.specs) >= 2, shown.availability is not None)
    strong = sum(signs) + (len(shown.specs) >= 4)
    lists = next_link(document) is not None or _prices_alike(seen) >= _MANY
    if strong >= 2 and not (strong == 2 and lists and not shown.sku and len(shown.specs) < 2):
        return "product:html"
    return "listing" if lists else "other"


def _prices_alike(seen: Visible) -> int:
    """Return the most amounts of money in elements of the same tag and class, as in product cards."""
    shapes = Counter(
        (run.element.tag, run.element.get("class"))
        for run in seen.runs
        if len(run.text) < 40 and _MONEY.search(run.text)
    )
    return max(shapes.values(), default=0)


def _says_missing(document: Document, seen: Visible) -> bool:
    """Return whether a short heading or window title says that the page does not exist."""
    heading = seen.text_of(seen.title) if seen.title is not None else ""
    return any(
        0 < len(text) <= 80 and anywhere("missing_pages").search(squash(text)) for text in (heading, document.title)
    )
