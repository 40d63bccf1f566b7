"""The scope of a source: its hosts, and the links worth following."""

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from crawler.net.address_guard import authority

__all__ = ["Scope", "rehost", "web_host", "without_order"]

_FILES = re.compile(
    r"""\.(?:jpe?g|png|gif|webp|avif|svg|ico|bmp|tiff?|mp4|webm|mov|avi|mkv|m3u8|mp3|wav|ogg|flac|css|m?js|json
    |woff2?|ttf|eot|otf|pdf|docx?|xlsx?|pptx?|zip|rar|7z|tar|t?gz|exe|dmg|apk|iso|rss|atom)$""",
    re.IGNORECASE | re.VERBOSE,
)
_FORMS = re.compile(
    r"""/(?:(?:shopping-?)?cart|checkout|log-?(?:in|out)|sign-?(?:in|out|up)|register|wish-?lists?|my-?account|compare
    |(?:reviews?|comments?)/(?:add|new|create|post|write))(?:/|\.\w+$|$)""",
    re.IGNORECASE | re.VERBOSE,
)
"""Paths of pages that perform an action for a visitor: they show no product of their own."""
_ACTIONS = re.compile(r"add[-_]to[-_]cart|compare|wishlist|replytocom|share", re.IGNORECASE)
"""Parameters that perform an action for a visitor."""
_SAME_ITEMS = re.compile(
    r"sort(?:_?by|_?order|ing)?|order(?:_?by)?|dir(?:ection)?|view_?mode|display|per_?page|page_?size|print",
    re.IGNORECASE,
)
"""Parameters that show the same items in another order or layout: they never lead to a distinct page."""


def web_host(url: str) -> str:
    """Return the host, with its port unless that is the default of http or https.

    Both schemes of a host are one shop, whose robots.txt is requested once.
    """
    return authority(url).removesuffix(":80").removesuffix(":443")


def without_order(url: str) -> str:
    """Return a URL with its parameters in alphabetical order, each once.

    Filters link to the same page with parameters in the order of the clicks that lead there. A query string that does
    not consist of ``name=value`` pairs stays as it is.
    """
    base, mark, query = url.partition("?")
    pairs = query.split("&")
    if not mark or not all("=" in pair for pair in pairs):
        return url
    return f"{base}?{'&'.join(sorted(set(pairs)))}"


def rehost(url: str, host_of: str) -> str:
    """Return ``url`` with the scheme and host of ``host_of``."""
    there, here = urlsplit(url), urlsplit(host_of)
    return urlunsplit((here.scheme, here.netloc, there.path, there.query, ""))


class Scope:
    """The URLs of one source.

    Args:
        start: its start URLs; their hosts are the scope.
        follow: regular expressions, one of which a URL must match; empty: every URL of the hosts.
        product_urls: regular expressions of product pages, which are always followed.
    """

    def __init__(self, start: Iterable[str], follow: Iterable[str] = (), product_urls: Iterable[str] = ()) -> None:
        self.hosts = frozenset(web_host(url) for url in start)
        self._follow = tuple(re.compile(pattern) for pattern in follow)
        self._products = tuple(re.compile(pattern) for pattern in product_urls)

    def holds(self, url: str) -> bool:
        """Return whether a URL is on one of the source's hosts."""
        return web_host(url) in self.hosts

    def refusal(self, url: str) -> tuple[str, str] | None:
        """Return why a link is not worth a request, as reason and detail; None if it is.

        Reasons: ``other_host``, ``not_followed``, and for links that match no pattern of the settings ``file``,
        ``action`` (cart, login) and ``same_items`` (a listing in another order).
        """
        if not self.holds(url):
            return "other_host", "the source has no start URL there"
        if self._follow and self.allows(url):
            return None
        outside = ("not_followed", "it matches neither follow nor product_urls") if self._follow else None
        return _no_page(url) or outside

    def allows(self, url: str) -> bool:
        """Return whether the settings allow a URL to be requested; without ``follow``, every URL."""
        return not self._follow or any(pattern.search(url) for pattern in (*self._follow, *self._products))

    def rank(self, url: str, *, listed: bool = False) -> int:
        """Return the place of a page in the order of requests (:attr:`crawler.crawl.visits.Found.rank`).

        Args:
            url: the page, not the next one of a listing.
            listed: whether a sitemap lists it.
        """
        if any(pattern.search(url) for pattern in self._products) or (listed and not self._products):
            return 2
        return 5 if "?" in url else 4


def _no_page(url: str) -> tuple[str, str] | None:
    """Return why a URL leads to no page of its own, as reason and detail; None if it may."""
    parts = urlsplit(url)
    if found := _FILES.search(parts.path):
        return "file", f"{found[0].lower()} is no page"
    if found := _FORMS.search(parts.path):
        return "action", f"{found[0]} performs an action"
    for name, _ in parse_qsl(parts.query, keep_blank_values=True):
        if _ACTIONS.fullmatch(name):
            return "action", f"{name} performs an action"
        if _SAME_ITEMS.fullmatch(name):
            return "same_items", f"{name} shows the same items in another way"
    return None
