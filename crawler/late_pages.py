"""Pages that came although what they show was taken down: under an address that nobody knew."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from crawler.crawl.stored_pages import StoredPageRow
from crawler.takedown import forget_addresses
from storage import Objects, Store
from storage.takedown import Mark, Place, Register, blank_places

__all__ = ["drop_late_pages"]


def drop_late_pages(
    store: Store, connection: sqlite3.Connection, register: Register, pages: Sequence[StoredPageRow], now: datetime
) -> None:
    """Take pages out of the segments and the frontier, and register their addresses.

    Args:
        store: The workspace's storage, its lock held.
        connection: To its state.
        register: What was taken down.
        pages: Pages that show it.
        now: Time of this run.
    """
    if not pages:
        return
    register.add(store.state, [Mark("url", page.url) for page in pages], now)
    places = [place for page in pages if (place := _place(store.objects, page))]
    blank_places(store.root, store.objects, places, [page.sha256 for page in pages], now)
    forget_addresses(connection, [page.url for page in pages])


def _place(objects: Objects, page: StoredPageRow) -> Place | None:
    ref = objects.index.find(page.sha256)
    return None if ref is None else Place(ref.segment, ref.offset, ref.length, "response", page.url, page.sha256)
