"""The crawl's state, made again from tables and stored pages after the state was lost."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing

from crawler.crawl.frontier import FRONTIER_DDL
from crawler.crawl.responses import kept_headers
from crawler.media.queue import DDL, ROOM
from crawler.net.address_guard import authority
from m5data.errors import CorruptObjectError, MissingSegmentError
from storage import Snapshot, Store, transaction

__all__ = ["rebuild_frontier", "rebuild_media_queue"]

_PAGES = "SELECT source, page_sha256, last_seen FROM products WHERE page_sha256 IS NOT NULL ORDER BY 1, 2"
_ADD_PAGE = """INSERT OR IGNORE INTO source_pages (source, url, kind, rank, depth, hops, chain, listed, state,
    http_status, etag, last_modified, headers, page_sha256, fetched_at, checked_at)
VALUES (?, ?, 'page', 1, 0, 0, 0, 0, 'done', ?, ?, ?, ?, ?, ?, ?)"""
_MEDIA = """SELECT url, any_value(kind), any_value(state), any_value(reason), coalesce(any_value(r.detail), ''),
    max(attempts), any_value(http_status), any_value(sha256), any_value(bytes), any_value(mime), any_value(width),
    any_value(height), any_value(duration_s), any_value(etag), any_value(last_modified)
FROM media LEFT JOIN (SELECT item, detail FROM rejects WHERE stage = 'download') r ON r.item = url
WHERE state <> 'pending' GROUP BY url ORDER BY url"""
_ADD_MEDIA = f"""INSERT OR IGNORE INTO media_urls (url, kind, host, state, reason, detail, attempts, http_status,
    sha256, bytes, mime, width, height, duration_s, etag, last_modified) VALUES ({", ".join("?" * 16)})"""  # noqa: S608


def rebuild_frontier(store: Store, snapshot: Snapshot) -> int:
    """Enter the stored page of every product, and return how many there are.

    Other URLs are found again by the next crawl. The next run of ``records`` reads the pages again.
    """
    store.state.migrate("crawler", FRONTIER_DDL)
    with closing(store.state.connect()) as connection, transaction(connection):
        return connection.executemany(_ADD_PAGE, _pages(store, snapshot)).rowcount


def rebuild_media_queue(store: Store, snapshot: Snapshot) -> int:
    """Enter the outcome of every image and video, and return how many there are."""
    store.state.migrate(ROOM, DDL)
    with closing(store.state.connect()) as connection, closing(snapshot.connection(("media", "rejects"))) as engine:
        found = engine.execute(_MEDIA)
        with transaction(connection):
            return sum(_add(connection, rows) for rows in iter(lambda: found.fetchmany(10_000), []))


def _add(connection: sqlite3.Connection, rows: list[tuple[object, ...]]) -> int:
    hosts = [(row[0], row[1], authority(str(row[0])), *row[2:]) for row in rows]
    return connection.executemany(_ADD_MEDIA, hosts).rowcount


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
