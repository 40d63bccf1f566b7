"""Which reader is believed for which field, and the values that follow from it.

| field | order of trust |
|---|---|
| caption | JSON-LD, microdata, heading, og:title, title (``titles.choose_caption``) |
| category | JSON-LD, microdata and HTML breadcrumb, then the product's own category in markup |
| brand | specification table, JSON-LD, microdata, OpenGraph, manufacturer, brand beside the heading |
| price | JSON-LD, microdata, OpenGraph, HTML; among several, what the HTML shows wins, else the lowest |
| currency | the reader that the price came from, then the others in that order |
| availability | JSON-LD, microdata, OpenGraph, HTML; InStock where a price is shown and nothing is said |
| native_id | label beside the heading, JSON-LD, microdata, OpenGraph, other label, address, hash of address |
| gtin, mpn | JSON-LD, microdata, specification table, OpenGraph |
| images | JSON-LD, microdata, OpenGraph first; then the gallery's others |
| videos | JSON-LD, microdata, elements and scripts, OpenGraph |
| specs | HTML, then ``additionalProperty`` of names that the HTML has not |
| merchant | JSON-LD, microdata, label on the page |

A label wins over markup for the id because shops put internal keys of variants into markup, and the label
is what they print on invoices. A specification table wins for the brand because markup often names the shop.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from crawler.pages.facts import Findings
from crawler.pages.gallery import distinct_images
from m5data.records import Availability

__all__ = ["Text", "choose_availability", "choose_images", "choose_price", "choose_specs", "choose_text"]

Text = tuple[str, str]
"""A value and its origin."""

MAX_TEXT = 120
"""Longest brand, id or number, characters; more is a text that got into the wrong place."""
MAX_IMAGES = 100
"""Pictures of one product; the richest real gallery met had 24."""
MAX_SPECS = 500
"""Specifications of one product; the longest real table met had 90."""


def choose_text(field: str, facts: Sequence[Findings]) -> Text | None:
    """Return the first value of a text field that is not too long, with its origin; ``facts`` are in order of trust."""
    found = ((getattr(one, field), one.origin) for one in facts)
    return next(((value, origin) for value, origin in found if value and len(value) <= MAX_TEXT), None)


def choose_price(marked: Sequence[Findings], shown: Findings) -> tuple[Decimal, str | None, str] | None:
    """Return price, currency and origin.

    Of several offers (sizes, sellers) the one that the page shows is taken, else the lowest: "from". Where two
    readers of markup differ and the page shows what the later says, the earlier is out of date: an auction's
    first bid, a price before the sale.
    """
    priced = [one for one in marked if one.price is not None] or [shown]
    first = priced[0]
    if first.price is None:
        return None
    price = first.price
    if len(first.prices) > 1:
        price = shown.price if shown.price in first.prices and shown.price is not None else min(first.prices)
    agreeing = [one for one in priced[1:] if one.price != price]
    confirmed = next((one for one in agreeing if one.price == shown.price and one.price is not None), None)
    if confirmed is not None and confirmed.price is not None:
        first, price = confirmed, confirmed.price
    others = (other.currency for other in [*marked, shown] if other.currency)
    return price, first.currency or next(others, None), first.origin


def choose_availability(
    marked: Sequence[Findings], shown: Findings, *, priced: bool
) -> tuple[Availability, str] | None:
    """Return availability and origin; what has a price and no word against it can be bought."""
    for one in [*marked, shown]:
        if one.availability is not None:
            return one.availability, one.origin
    return ("InStock", "html:price") if priced else None


def choose_images(marked: Sequence[Findings], shown: Findings) -> list[Text]:
    """Return addresses with their origins: markup's first, since it names the main one, then the gallery's others.

    Where markup lists three and more, it lists them all.
    """
    first = next((one for one in marked if one.image_urls), None)
    if first is None:
        return [(url, shown.origin) for url in shown.image_urls[:MAX_IMAGES]]
    if len(first.image_urls) >= 3:
        return [(url, first.origin) for url in distinct_images(first.image_urls)[:MAX_IMAGES]]
    origins = dict.fromkeys(shown.image_urls, shown.origin) | dict.fromkeys(first.image_urls, first.origin)
    return [(url, origins[url]) for url in distinct_images([*first.image_urls, *shown.image_urls])[:MAX_IMAGES]]


def choose_specs(shown: Findings, marked: Iterable[Findings]) -> list[tuple[str, str, str]]:
    """Return names, values and origins: the HTML's, then the markup's of names not there yet."""
    specs = [(name, value, "html:specs") for name, value in shown.specs]
    for one in marked:
        known = {name.casefold() for name, _, _ in specs}
        specs += [(name, value, one.origin) for name, value in one.specs if name.casefold() not in known]
    return specs[:MAX_SPECS]
