"""Removal of taken-down items from responses as they arrive, and of stored pages found later to show them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from crawler.crawl.stored_pages import StoredPageRow
from crawler.crawl.visits import Visit
from crawler.page_scrub import scrub_page
from crawler.takedown import forget_urls
from storage import Objects, Store
from storage.erasure import WarcRecord, erase_records
from takedown.register import Mark, Register

__all__ = ["PageRedactor", "drop_tombstoned_pages"]


class PageRedactor:
    """Removes taken-down items from a response before any of it is stored.

    Args:
        register: Register of taken-down items.
    """

    def __init__(self, register: Register) -> None:
        self._register = register

    def __call__(self, visit: Visit, body: bytes | None) -> tuple[Visit, bytes | None]:
        """Return a visit and its page without taken-down items.

        A URL that leads to one, by redirect or canonical URL, becomes ``absent``, and its page is not
        stored. Links to one are neither followed nor kept in the page.
        """
        if not self._register:
            return visit, body
        if self.is_tombstoned(visit.redirect_to) or self.is_tombstoned(visit.canonical):
            return Visit(visit.task, "absent", http_status=visit.http_status, forget=True, kind=visit.kind), None
        found = tuple(item for item in visit.found if not self.is_tombstoned(item.url))
        clean = None if body is None else scrub_page(body, visit.task.url, self.is_tombstoned)
        return replace(visit, found=found), clean

    def is_tombstoned(self, url: str | None) -> bool:
        """Return whether a URL was taken down."""
        return self._register.holds("url", url)


def drop_tombstoned_pages(store: Store, register: Register, pages: Sequence[StoredPageRow], now: datetime) -> None:
    """Remove pages that show a taken-down item from segments and frontiers, and register their URLs.

    Args:
        store: The workspace's storage, its lock held.
        register: Register of taken-down items.
        pages: Pages that show one.
        now: Time of this run.
    """
    if not pages:
        return
    register.add(store.state, [Mark("url", page.url) for page in pages], now)
    places = [place for page in pages if (place := _place(store.objects, page))]
    erase_records(store.root, store.objects, places, [page.sha256 for page in pages], now)
    forget_urls(store, [page.url for page in pages])


def _place(objects: Objects, page: StoredPageRow) -> WarcRecord | None:
    ref = objects.index.find(page.sha256)
    return None if ref is None else WarcRecord(ref.segment, ref.offset, ref.length, "response", page.url, page.sha256)
