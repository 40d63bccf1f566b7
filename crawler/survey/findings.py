"""Findings of a survey of a shop: the pages seen, and the proposal."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from core.records import ProductRecord
from crawler.survey.url_patterns import shape_of

__all__ = ["Seen", "Survey"]


_END = re.compile(r"(?:\.\w{2,5})?/?(?:\?.*)?$")
"""What a URL has behind the name of its page."""


@dataclass
class Survey:
    """The findings of a survey of a shop, and the proposed settings."""

    start: str
    """URL to start from."""
    local: bool
    """Whether the shop is on this machine or its network."""
    languages: tuple[str, ...] = ()
    """Language to crawl; empty: the pages give no reason to leave any out."""
    other_languages: tuple[str, ...] = ()
    """Languages that it leaves out or, without one, all that the shop names."""
    product_urls: tuple[str, ...] = ()
    """Patterns of products; empty: any page may show one, and the reader decides."""
    product_examples: tuple[str, ...] = ()
    listing_examples: tuple[str, ...] = ()
    products: int | None = None
    """Products expected; None: no sitemap names them, or no pattern tells them apart."""
    pages: int = 0
    """Known pages of the shop."""
    left_out: int = 0
    """Known pages that match no pattern, so that none of them becomes a product."""
    left_out_read: int = 0
    """Those of them that were looked at; none shows a product."""
    left_out_examples: tuple[str, ...] = ()
    unread: int = 0
    """Known pages that were not looked at."""
    delay_s: float = 0.0
    """Seconds between two requests."""
    opt_outs: tuple[str, ...] = ()
    """Restrictions that the shop places on crawlers, one line each."""
    notes: tuple[str, ...] = ()
    """Notes for people, one line each."""
    records: tuple[ProductRecord, ...] = ()
    """Products as read, ten at most."""
    requests: int = 0

    @property
    def hours(self) -> float:
        """Hours that the known pages take at the polite rate; more pages may be found."""
        return self.pages * self.delay_s / 3600


@dataclass
class Seen:
    """Pages looked at so far, and the URLs that they name."""

    listed: dict[str, str] = field(default_factory=dict)
    """Page that a sitemap names -> that sitemap."""
    linked: dict[str, str] = field(default_factory=dict)
    """Page that a page links to -> that page."""
    products: dict[str, ProductRecord] = field(default_factory=dict)
    others: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Page that answers and shows no product -> its links."""
    failed: set[str] = field(default_factory=set)
    languages: dict[str, str | None] = field(default_factory=dict)
    """Page that was read -> its language; None: it names none."""
    spoken: set[str] = field(default_factory=set)
    """Languages that pages, sitemaps and URLs name."""
    opt_outs: dict[str, None] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def known(self) -> dict[str, None]:
        """Return all known pages of the shop."""
        return dict.fromkeys((*self.listed, *self.linked, *self.products, *self.others))

    def is_new(self, url: str) -> bool:
        """Return whether a page was not looked at."""
        return not (url in self.products or url in self.others or url in self.failed)

    def beside_listings(self) -> dict[str, str]:
        """Return unread pages beside a listing whose products lie below it -> the URL of such a product below them.

        A listing ``/lamps`` with products ``/lamps/…`` says that ``/tables`` may have products below it, too.
        """
        tails = {
            shape_of(one): tail for one, links in self.others.items() if (tail := _below(one, links, self.products))
        }
        tails.pop((), None)  # all pages lie below the home page
        unread = (one for one in self.known() if self.is_new(one))
        return {one: _stem(one) + tails[shape_of(one)] for one in unread if shape_of(one) in tails}


def _below(page: str, links: Iterable[str], products: Collection[str]) -> str:
    """Return the rest of the URL of a product that a page links to and that lies below it; empty if none does."""
    stem = _stem(page)
    return next((one.removeprefix(stem) for one in links if one in products and one.startswith(f"{stem}/")), "")


def _stem(url: str) -> str:
    return _END.sub("", url)
