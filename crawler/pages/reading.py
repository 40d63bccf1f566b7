"""All facts of one page, and the order in which sources are trusted."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

from crawler.pages.breadcrumbs import marked_breadcrumb
from crawler.pages.document import Document
from crawler.pages.facts import Choice, Facts, Findings, choose_product, opengraph_facts, product_facts
from crawler.pages.html_facts import HtmlFacts
from crawler.pages.links import canonical_url
from crawler.pages.markup import Node, jsonld_nodes, microdata_nodes
from crawler.pages.media_urls import distinct_images
from crawler.pages.page_kind import page_kind
from crawler.pages.titles import choose_caption, find_title, page_titles
from crawler.pages.urls import id_from_url, id_of_last_resort
from crawler.pages.visible import Visible, read_visible
from m5data.records import Availability

__all__ = ["Reading", "Text", "choose_availability", "choose_images", "choose_price", "choose_specs", "choose_text"]

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


class _Markup(NamedTuple):
    origin: str
    nodes: list[Node]
    choice: Choice


class Reading:
    """One page read by all readers; each thing is looked up when first asked for, once.

    Values come with their origin; the order of trust is the table in ``trust``.

    Args:
        document: The page.
    """

    def __init__(self, document: Document) -> None:
        self.document = document

    @cached_property
    def url(self) -> str:
        """Canonical address."""
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
        """What the markup says: JSON-LD and microdata where they have a product, OpenGraph always, in this order."""
        nodes = [(one.choice.node, one.origin) for one in self._markup]
        facts = [product_facts(self.document, node, origin) for node, origin in nodes if node is not None]
        return [*facts, opengraph_facts(self.document)]

    @cached_property
    def html(self) -> HtmlFacts:
        """What the plain HTML says."""
        caption = [self.caption[0]] if self.caption else []
        names = [*caption, *(one.caption for one in self.marked if one.caption), *(title for title, _ in self.titles)]
        return HtmlFacts(self.document, self.seen, names)

    @cached_property
    def kind(self) -> str:
        """What kind of page this is (``page_kind``)."""
        listed = sum(one.choice.listed for one in self._markup if one.choice.node is None)
        return page_kind(self.document, self.seen, self.marked, self.html, listed)

    @cached_property
    def caption(self) -> Text | None:
        """The product's name."""
        named = [(one.caption, one.origin) for one in self.marked if one.caption]
        return choose_caption(named, self.titles)

    @cached_property
    def native_id(self) -> Text:
        """The shop's own id."""
        if beside := self.html.sku_beside_title:
            return beside, "html:label"
        if found := choose_text("sku", [*self.marked, self.html]):
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
    def brand(self) -> Text | None:
        """Brand as published."""
        maker = self.html.maker
        return choose_text("brand", [self.html, *self.marked]) or ((maker, self.html.origin) if maker else None)

    @cached_property
    def price(self) -> tuple[Decimal, str | None, str] | None:
        """Price, currency, origin."""
        return choose_price(self.marked, self.html)

    @cached_property
    def availability(self) -> tuple[Availability, str] | None:
        """Whether it can be bought."""
        return choose_availability(self.marked, self.html, priced=self.price is not None)

    @cached_property
    def merchant_name(self) -> Text | None:
        """The seller's name: to be hashed, never to be handed on."""
        return choose_text("merchant_name", [*self.marked, self.html])

    @cached_property
    def gtin(self) -> Text | None:
        """GTIN, digits."""
        return choose_text("gtin", self._html_before_opengraph)

    @cached_property
    def mpn(self) -> Text | None:
        """Manufacturer's part number; the shop's own id repeated there is none."""
        found = choose_text("mpn", self._html_before_opengraph)
        return found if found and found[0] != self.native_id[0] else None

    @cached_property
    def images(self) -> list[Text]:
        """Addresses of pictures, main one first."""
        return choose_images(self.marked, self.html)

    @cached_property
    def videos(self) -> list[Text]:
        """Addresses of video files."""
        first = next((one for one in self._html_before_opengraph if one.video_urls), None)
        return [(url, first.origin) for url in dict.fromkeys(first.video_urls)] if first else []

    @cached_property
    def specs(self) -> list[tuple[str, str, str]]:
        """Names, values, origins of specifications."""
        return choose_specs(self.html, self.marked)

    @cached_property
    def _markup(self) -> list[_Markup]:
        titles = [text for text, _ in self.titles]
        found = (("json-ld", jsonld_nodes(self.document)), ("microdata", microdata_nodes(self.document)))
        return [_Markup(origin, nodes, choose_product(self.document, nodes, titles)) for origin, nodes in found]

    @cached_property
    def _html_before_opengraph(self) -> Sequence[Findings]:
        return [*self.marked[:-1], self.html, self.marked[-1]]

    def origins(self) -> dict[str, str]:
        """Return the origin of each field of the record that has a value, and the page's kind under ``page``."""
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
