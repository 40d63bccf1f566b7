"""Pages of others that name the target: found, and cleaned."""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from crawler.page_scrub import scrub_page
from crawler.pages.urls import normalise
from storage.objects.warc import StoredPage, parse_response
from storage.takedown import SegmentRecord, Words

__all__ = ["PageCleaner"]

_PACKED = b"\x1f\x8b"


class PageCleaner:
    """Takes addresses, texts and ids out of stored pages.

    Args:
        addresses: The target's.
        words: How it is named.
    """

    def __init__(self, addresses: Iterable[str], words: Words) -> None:
        known = set(addresses)
        self._addresses = known | {spelt for url in known if (spelt := normalise(url))}
        self._tails = {tail for url in known if (tail := _tail(url))}
        self._words = words

    def is_item(self, url: str) -> bool:
        """Tell whether an address is the target's."""
        return url in self._addresses

    def names_it(self, record: SegmentRecord) -> bool:
        """Tell whether a gzipped response record has anything of the target in its header or page."""
        data = record.record
        if self._words.found_in(data):
            return True
        if not any(tail in data for tail in self._tails) and _PACKED not in data:
            return False  # a cheap look before a close one: relative links end as the address does
        page = parse_response(data)
        return self.clean(page) != page

    def clean(self, page: StoredPage) -> StoredPage:
        """Return a page without what names the target."""
        body = self._words.blank(scrub_page(page.body, page.url, self.is_item))
        headers = tuple((name, self._words.blank(value.encode()).decode()) for name, value in page.headers)
        return StoredPage(page.url, page.status, headers, body)


def _tail(url: str) -> bytes:
    """Return the last part of an address's path, as every link to it has."""
    path = urlsplit(url).path.rstrip("/")
    return re.split(r"[%&]", path.rpartition("/")[2])[0].encode()
