"""What kind of page this is: a product's, a listing, an error that says 200, or something else."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from crawler.pages.currencies import CODE, SIGN, UNIT
from crawler.pages.document import Document
from crawler.pages.facts import Findings, says_product
from crawler.pages.links import next_link
from crawler.pages.text import anywhere, squash
from crawler.pages.visible import Visible
from m5data.records import ProductRecord

__all__ = ["Verdict", "is_product", "page_kind"]

_MONEY = re.compile(rf"(?:{SIGN}|(?<![A-Za-z]){CODE})\s?\d|\d[\d.,\s]*(?:{SIGN}|{CODE}\b|{UNIT})")
_MANY = 4
"""Amounts of money in elements alike from which on a page lists products, where nothing else speaks for one."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a record is a product's; true in a condition if it is."""

    product: bool
    reason: str = ""
    """Why not: ``soft_404``, ``listing``, ``no_product_evidence`` or ``no_content``; empty for a product."""

    def __bool__(self) -> bool:
        """Return ``product``."""
        return self.product


def is_product(record: ProductRecord) -> Verdict:
    """Tell whether a record holds enough to be a product, and came from a page that is one.

    A product page has a product in its markup, or in plain HTML two of: price, an id with its label,
    specifications, a word on availability. Listings and error pages that say 200 are none. A record without
    caption, picture or specification has no content to keep. A record that came by no page (a feed) is
    judged by its content alone.
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


def page_kind(document: Document, seen: Visible, marked: Sequence[Findings], shown: Findings, listed: int) -> str:
    """Return the kind of a page.

    ``product:json-ld``, ``product:microdata``, ``product:opengraph``, ``product:html``, ``listing``, ``not-found`` or
    ``other``.

    Args:
        document: The page.
        seen: Its visible text.
        marked: Facts of the markup; those of a product node have offers, or ids, or a name.
        shown: Findings of the plain HTML.
        listed: Products of different names in the markup of which none is the page's own.
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
    """Return how many amounts of money stand in elements of one tag and class: those of cards do."""
    shapes = Counter(
        (run.element.tag, run.element.get("class"))
        for run in seen.runs
        if len(run.text) < 40 and _MONEY.search(run.text)
    )
    return max(shapes.values(), default=0)


def _says_missing(document: Document, seen: Visible) -> bool:
    """Tell whether heading or window title, short as errors are, says that there is nothing here."""
    heading = seen.text_of(seen.title) if seen.title is not None else ""
    return any(
        0 < len(text) <= 80 and anywhere("missing_pages").search(squash(text)) for text in (heading, document.title)
    )
