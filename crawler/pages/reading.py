"""All facts of one page, and the order in which sources are trusted.

| field | order of trust |
|---|---|
| caption | JSON-LD, microdata, heading, og:title, title (``titles.choose_caption``) |
| category | JSON-LD, microdata and HTML breadcrumb, then the category of the product in markup |
| brand | specification table, JSON-LD, microdata, OpenGraph, manufacturer, brand beside the heading |
| price | JSON-LD, microdata, OpenGraph, HTML; among several, the one that the HTML shows, else the lowest |
| currency | the source of the price, then the others in that order |
| availability | JSON-LD, microdata, OpenGraph, HTML; InStock if the page only shows a price |
| native_id | label beside the heading, JSON-LD, microdata, OpenGraph, other label, URL, hash of the URL |
| gtin, mpn | JSON-LD, microdata, specification table, OpenGraph |
| images | JSON-LD, microdata, OpenGraph first; then the other images of the gallery |
| videos | JSON-LD, microdata, elements and scripts, OpenGraph |
| specs | HTML, then ``additionalProperty`` of names that the HTML does not have |
| merchant | JSON-LD, microdata, label on the page |

A label wins over markup for the id because shops put internal keys of variants into markup; the label is what they
print on invoices. A specification table wins for the brand because markup often names the shop.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

from crawler.pages.breadcrumbs import marked_breadcrumb
from crawler.pages.document import Document
from crawler.pages.facts import Facts, MarkedProduct, choose_product, opengraph_facts, product_facts
from crawler.pages.html_facts import HtmlFacts
from crawler.pages.links import canonical_url
from crawler.pages.markup import Node, jsonld_nodes, microdata_nodes
from crawler.pages.media_urls import distinct_images
from crawler.pages.page_kind import page_kind
from crawler.pages.titles import choose_caption, find_title, page_titles
from crawler.pages.urls import id_from_url, id_of_last_resort
from crawler.pages.visible import Visible, read_visible
from m5data.records import Availability

__all__ = ["Reading"]

_AnyFacts = Facts | HtmlFacts
_Text = tuple[str, str]
"""A value and its origin."""

_MAX_TEXT = 120
"""Longest brand, id or number, characters. Longer texts are descriptions in the wrong place."""
_MAX_IMAGES = 100
"""Images of one product; the largest real gallery seen had 24."""
_MAX_SPECS = 500
"""Specifications of one product; the longest real table seen had 90."""


def _choose_text(field: str, facts: Sequence[_AnyFacts]) -> _Text | None:
    """Return the first value of a field that is not too long, and its origin. ``facts`` are in order of trust."""
    found = ((getattr(one, field), one.origin) for one in facts)
    return next(((value, origin) for value, origin in found if value and len(value) <= _MAX_TEXT), None)


def _choose_price(marked: Sequence[Facts], shown: HtmlFacts) -> tuple[Decimal, str | None, str] | None:
    """Return price, currency and origin.

    Of several offers (sizes, sellers), the one that the page shows is taken, else the lowest ("from"). If two
    kinds of markup differ and the page shows the later one, the earlier is out of date: the first bid of an
    auction, a price before the sale.
    """
    priced: Sequence[_AnyFacts] = [one for one in marked if one.price is not None] or [shown]
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
    every: Sequence[_AnyFacts] = [*marked, shown]
    others = (other.currency for other in every if other.currency)
    return price, first.currency or next(others, None), first.origin


def _choose_availability(marked: Sequence[Facts], shown: HtmlFacts, *, priced: bool) -> tuple[Availability, str] | None:
    """Return availability and origin. A product with a price is in stock unless the page says otherwise."""
    every: Sequence[_AnyFacts] = [*marked, shown]
    for one in every:
        if one.availability is not None:
            return one.availability, one.origin
    return ("InStock", "html:price") if priced else None


def _choose_images(marked: Sequence[Facts], shown: HtmlFacts) -> list[_Text]:
    """Return image URLs and origins: those of the markup, which name the main one, then the rest of the gallery.

    Markup with three or more images is taken to list all of them.
    """
    first = next((one for one in marked if one.image_urls), None)
    if first is None:
        return [(url, shown.origin) for url in shown.image_urls[:_MAX_IMAGES]]
    if len(first.image_urls) >= 3:
        return [(url, first.origin) for url in distinct_images(first.image_urls)[:_MAX_IMAGES]]
    origins = dict.fromkeys(shown.image_urls, shown.origin) | dict.fromkeys(first.image_urls, first.origin)
    return [(url, origins[url]) for url in distinct_images([*first.image_urls, *shown.image_urls])[:_MAX_IMAGES]]


def _choose_specs(shown: HtmlFacts, marked: Iterable[Facts]) -> list[tuple[str, str, str]]:
    """Return names, values and origins: those of the HTML, then those of the markup with new names."""
    specs = [(name, value, "html:specs") for name, value in shown.specs]
    for one in marked:
        known = {name.casefold() for name, _, _ in specs}
        specs += [(name, value, one.origin) for name, value in one.specs if name.casefold() not in known]
    return specs[:_MAX_SPECS]


class _Markup(NamedTuple):
    origin: str
    nodes: list[Node]
    product: MarkedProduct


class Reading:
    """One page, read by all readers. Every field is read once, on first access.

    Values come with their origin. The table above gives the order of trust.

    Args:
        document: The page.
    """

    def __init__(self, document: Document) -> None:
        self.document = document

    @cached_property
    def url(self) -> str:
        """Canonical URL."""
        return canonical_url(self.document)

    @cached_property
    def seen(self) -> Visible:
        """Visible text of the main part."""
        seen = read_visible(self.document)
        if seen.title is None:
            seen.title = find_title(self.document, seen)
        return seen

    @cached_property
    def titles(self) -> list[tuple[str, str]]:
        """The page's titles with their origins."""
        return page_titles(self.document, self.seen)

    @cached_property
    def marked(self) -> list[Facts]:
        """Facts of JSON-LD and microdata if they have a product, then of OpenGraph."""
        nodes = [(one.product.node, one.origin) for one in self._markup]
        facts = [product_facts(self.document, node, origin) for node, origin in nodes if node is not None]
        return [*facts, opengraph_facts(self.document)]

    @cached_property
    def html(self) -> HtmlFacts:
        """Facts of the plain HTML."""
        caption = [self.caption[0]] if self.caption else []
        names = [*caption, *(one.caption for one in self.marked if one.caption), *(title for title, _ in self.titles)]
        return HtmlFacts(self.document, self.seen, names)

    @cached_property
    def kind(self) -> str:
        """Kind of the page (``page_kind``)."""
        listed = sum(one.product.listed for one in self._markup if one.product.node is None)
        return page_kind(self.document, self.seen, self.marked, self.html, listed)

    @cached_property
    def caption(self) -> _Text | None:
        """The product's name."""
        named = [(one.caption, one.origin) for one in self.marked if one.caption]
        return choose_caption(named, self.titles)

    @cached_property
    def native_id(self) -> _Text:
        """The shop's own id."""
        if beside := self.html.sku_beside_title:
            return beside, "html:label"
        if found := _choose_text("sku", [*self.marked, self.html]):
            return found
        for url in (self.url, self.document.url):
            if number := id_from_url(url):
                return number, "url"
        return id_of_last_resort(self.url), "url-hash"

    @cached_property
    def category(self) -> tuple[tuple[str, ...], str] | None:
        """Path of categories."""
        names = [*(title for title, _ in self.titles), *([self.caption[0]] if self.caption else [])]
        for one in self._markup:
            if path := marked_breadcrumb(self.document, one.nodes, names):
                return path, one.origin
        if self.html.category:
            return self.html.category, "html:breadcrumb"
        return next(((one.category, one.origin) for one in self.marked if one.category), None)

    @cached_property
    def brand(self) -> _Text | None:
        """Brand as published."""
        maker = self.html.maker
        return _choose_text("brand", [self.html, *self.marked]) or ((maker, self.html.origin) if maker else None)

    @cached_property
    def price(self) -> tuple[Decimal, str | None, str] | None:
        """Price, currency, origin."""
        return _choose_price(self.marked, self.html)

    @cached_property
    def availability(self) -> tuple[Availability, str] | None:
        """InStock or OutOfStock."""
        return _choose_availability(self.marked, self.html, priced=self.price is not None)

    @cached_property
    def merchant_name(self) -> _Text | None:
        """Name of the seller. It may leave the page object only as a hash."""
        return _choose_text("merchant_name", [*self.marked, self.html])

    @cached_property
    def gtin(self) -> _Text | None:
        """GTIN, digits."""
        return _choose_text("gtin", self._html_before_opengraph)

    @cached_property
    def mpn(self) -> _Text | None:
        """Manufacturer's part number; None if it repeats the shop's own id."""
        found = _choose_text("mpn", self._html_before_opengraph)
        return found if found and found[0] != self.native_id[0] else None

    @cached_property
    def images(self) -> list[_Text]:
        """Image URLs, main image first."""
        return _choose_images(self.marked, self.html)

    @cached_property
    def videos(self) -> list[_Text]:
        """URLs of video files."""
        first = next((one for one in self._html_before_opengraph if one.video_urls), None)
        return [(url, first.origin) for url in dict.fromkeys(first.video_urls)] if first else []

    @cached_property
    def specs(self) -> list[tuple[str, str, str]]:
        """Names, values, origins of specifications."""
        return _choose_specs(self.html, self.marked)

    @cached_property
    def _markup(self) -> list[_Markup]:
        titles = [text for text, _ in self.titles]
        found = (("json-ld", jsonld_nodes(self.document)), ("microdata", microdata_nodes(self.document)))
        return [_Markup(origin, nodes, choose_product(self.document, nodes, titles)) for origin, nodes in found]

    @cached_property
    def _html_before_opengraph(self) -> Sequence[_AnyFacts]:
        return [*self.marked[:-1], self.html, self.marked[-1]]

    def origins(self) -> dict[str, str]:
        """Return the origin of each field that has a value, and the kind of the page under ``page``."""
        single = {
            "native_id": self.native_id,
            "caption": self.caption,
            "category": self.category,
            "brand": self.brand,
            "price": self.price,
            "currency": self.price if self.price and self.price[1] else None,
            "availability": self.availability,
            "merchant": self.merchant_name,
            "gtin": self.gtin,
            "mpn": self.mpn,
        }
        several: dict[str, Sequence[tuple[str, ...]]] = {
            "image_urls": self.images,
            "video_urls": self.videos,
            "specs": self.specs,
        }
        found = {name: str(value[-1]) for name, value in single.items() if value}
        for name, values in several.items():
            if values:
                found[name] = "+".join(dict.fromkeys(value[-1] for value in values))
        return found | {"page": self.kind}
