"""The crawl's state, made again from tables and stored pages after the state was lost."""

import json
from collections.abc import Iterator
from contextlib import closing

from crawler.crawl.frontier import FRONTIER_DDL
from crawler.crawl.responses import kept_headers
from m5data.errors import CorruptObjectError, MissingSegmentError
from storage import Snapshot, Store, transaction

__all__ = ["rebuild_frontier"]

_PAGES = "SELECT source, page_sha256, last_seen FROM products WHERE page_sha256 IS NOT NULL ORDER BY 1, 2"
_ADD_PAGE = """INSERT OR IGNORE INTO source_pages (source, url, kind, rank, depth, hops, chain, listed, state,
    http_status, etag, last_modified, headers, page_sha256, fetched_at, checked_at)
VALUES (?, ?, 'page', 1, 0, 0, 0, 0, 'done', ?, ?, ?, ?, ?, ?, ?)"""


def rebuild_frontier(store: Store, snapshot: Snapshot) -> int:
    """Enter the stored page of every product, and return how many there are.

    Other URLs are found again by the next crawl. The next run of ``records`` reads the pages again.
    """
    store.state.migrate("crawler", FRONTIER_DDL)
    with closing(store.state.connect()) as connection, transaction(connection):
        return connection.executemany(_ADD_PAGE, _pages(store, snapshot)).rowcount


def _pages(store: Store, snapshot: Snapshot) -> Iterator[tuple[object, ...]]:
    """Yield the rows of products' pages; a page that cannot be read is fetched again."""
    for row in snapshot.sql(_PAGES).to_pylist():
        try:
            page = store.objects.page(row["page_sha256"])
        except (CorruptObjectError, MissingSegmentError):
            continue
        headers, seen = kept_headers(page.headers), row["last_seen"].isoformat()
        kept = json.dumps(headers, ensure_ascii=False, sort_keys=True)
        validators = (headers.get("etag"), headers.get("last-modified"))
        yield (row["source"], page.url, page.status, *validators, kept, row["page_sha256"], seen, seen)
