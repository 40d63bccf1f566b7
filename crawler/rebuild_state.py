"""Rebuilding of lost frontiers from tables and stored pages."""

import json
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter

from core.errors import CorruptObjectError, MissingSegmentError
from crawler.crawl.frontier import make_frontier, open_frontier
from crawler.crawl.responses import kept_headers
from storage import Snapshot, Store, transaction

__all__ = ["rebuild_frontiers"]

_PAGES = "SELECT source, page_sha256, last_seen FROM products WHERE page_sha256 IS NOT NULL ORDER BY 1, 2"
_ADD_PAGE = """INSERT OR IGNORE INTO source_pages (source, url, kind, rank, depth, hops, chain, listed, state,
    http_status, etag, last_modified, headers, page_sha256, fetched_at, checked_at)
VALUES (?, ?, 'page', 1, 0, 0, 0, 0, 'done', ?, ?, ?, ?, ?, ?, ?)"""


def rebuild_frontiers(store: Store, snapshot: Snapshot) -> int:
    """Add the stored pages of products that are missing from their frontiers, and return how many there were.

    Other URLs are found again by the next crawl. The next run of ``records`` reads the pages again.
    """
    count = 0
    for source, pages in groupby(_pages(store, snapshot), key=itemgetter(0)):
        make_frontier(store, source)
        with open_frontier(store, source) as connection, transaction(connection):
            count += connection.executemany(_ADD_PAGE, pages).rowcount
    return count


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
