"""The scope of a source: its hosts, and the links worth following."""

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from crawler.net.address_guard import authority

__all__ = ["Scope", "rehost", "web_host"]

_FILES = re.compile(
    r"""\.(?:jpe?g|png|gif|webp|avif|svg|ico|bmp|tiff?|mp4|webm|mov|avi|mkv|m3u8|mp3|wav|ogg|flac|css|m?js|json
    |woff2?|ttf|eot|otf|pdf|docx?|xlsx?|pptx?|zip|rar|7z|tar|t?gz|exe|dmg|apk|iso|rss|atom)$""",
    re.IGNORECASE | re.VERBOSE,
)
_SAME_ITEMS = re.compile(
    r"""sort(?:_?by|_?order|ing)?|order(?:_?by)?|dir(?:ection)?|view_?mode|display|per_?page|page_?size
    |add[-_]to[-_]cart|compare|wishlist|print|replytocom|share""",
    re.IGNORECASE | re.VERBOSE,
)
"""Parameters that show the same items in another order or do something to them: never a page of its own."""


def web_host(url: str) -> str:
    """Return the host, with its port unless that is the usual one of http or https.

    Both schemes of one host are one shop, and one robots.txt is asked for.
    """
    return authority(url).removesuffix(":80").removesuffix(":443")


def rehost(url: str, host_of: str) -> str:
    """Return ``url`` with the scheme and host of ``host_of``."""
    there, here = urlsplit(url), urlsplit(host_of)
    return urlunsplit((here.scheme, here.netloc, there.path, there.query, ""))


class Scope:
    """The URLs of one source.

    Args:
        start: its start URLs; their hosts are the scope.
        follow: regular expressions, one of which a link must match; none: every link of the hosts.
    """

    def __init__(self, start: Iterable[str], follow: Iterable[str] = ()) -> None:
        self.hosts = frozenset(web_host(url) for url in start)
        self._follow = tuple(re.compile(pattern) for pattern in follow)

    def holds(self, url: str) -> bool:
        """Return whether a URL is on one of the source's hosts."""
        return web_host(url) in self.hosts

    def follows(self, url: str) -> bool:
        """Return whether a link is worth a request: a page of the source, not a file, not the same items re-sorted."""
        if not self.holds(url):
            return False
        if self._follow:
            return any(pattern.search(url) for pattern in self._follow)
        parts = urlsplit(url)
        if _FILES.search(parts.path):
            return False
        names = (name for name, _ in parse_qsl(parts.query, keep_blank_values=True))
        return not any(_SAME_ITEMS.fullmatch(name) for name in names)
