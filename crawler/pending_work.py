"""Counts of pages and media that are still to fetch or read, and the return of finished ones to the queue."""

import json
import sqlite3
from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from crawler.crawl.frontier import DUE, due_parameters, each_frontier, open_frontier
from crawler.crawl.visits import plan_recrawl
from crawler.media.queue import make_queue, reading_queue
from crawler.settings import CrawlSettings
from storage import Snapshot, Store

__all__ = [
    "PendingPages",
    "due_pages",
    "forget_fetched",
    "forget_media",
    "forget_read",
    "pending_media",
    "pending_records",
]


_OF_PRODUCTS = "page_sha256 IS NOT NULL AND source || ':' || native_id IN (SELECT value FROM json_each(:products))"


@dataclass(frozen=True, slots=True)
class PendingPages:
    """URLs of a source that are due."""

    source: str
    new: int
    """Never visited, or left by an interrupted run."""
    again: int
    """Visited long enough ago, or failed for a retryable reason."""
    stored: int
    """With a stored page, due or not."""


def due_pages(store: Store, settings: CrawlSettings, now: datetime, *, refresh: bool = False) -> list[PendingPages]:
    """Return the pages that the next crawl requests, by source, without those that it will discover.

    Args:
        store: The workspace's store; nothing is locked.
        settings: When a visit is due again.
        now: Start of the crawl.
        refresh: Every page is due.
    """
    recrawl = plan_recrawl(settings, now, force=refresh)
    names = [name for name, source in settings.sources.items() if source.start]
    query = f"""
        SELECT source, count(*) FILTER (WHERE state = 'pending'), count(*) FILTER (WHERE {DUE}),
            count(*) FILTER (WHERE page_sha256 IS NOT NULL)
        FROM source_pages GROUP BY source"""  # noqa: S608 - constants
    found = (
        row for _, connection in each_frontier(store) for row in connection.execute(query, due_parameters(recrawl))
    )
    counts = {row[0]: PendingPages(*row) for row in found}
    return [counts.get(name) or PendingPages(name, len(settings.sources[name].start), 0, 0) for name in sorted(names)]


def pending_records(store: Store) -> int:
    """Return how many stored pages have not been read since they changed."""
    query = (
        "SELECT count(*) FROM source_pages WHERE page_sha256 IS NOT NULL AND kind = 'page' AND vanished_at IS NULL "
        "AND (parser IS NULL OR parsed_sha256 IS NOT page_sha256)"
    )
    return sum(connection.execute(query).fetchone()[0] for _, connection in each_frontier(store))


def pending_media(store: Store, snapshot: Snapshot) -> dict[str, int]:
    """Return kind -> number of media URLs that have no outcome yet, not even from a run in progress."""
    counts = {"image": 0, "video": 0}
    with reading_queue(store) as queue:
        for batch in snapshot.batches("SELECT DISTINCT kind, url FROM media WHERE state = 'pending'"):
            for kind in counts:
                urls = [row["url"] for row in batch.to_pylist() if row["kind"] == kind]
                counts[kind] += len(urls) - (_completed(queue, urls) if queue else 0)
    return counts


def _completed(connection: sqlite3.Connection, urls: list[str]) -> int:
    """Return how many of the URLs have an outcome."""
    query = (
        "SELECT count(*) FROM media_urls WHERE state NOT IN ('pending', 'stale') "
        "AND url IN (SELECT value FROM json_each(?))"
    )
    return int(connection.execute(query, (json.dumps(urls),)).fetchone()[0])


def forget_fetched(store: Store, source: str | None, products: Collection[str] | None, *, dry_run: bool) -> int:
    """Put pages back in the queue for an unconditional request; return how many.

    Args:
        store: The workspace's store, locked.
        source: Only pages of this source; None: of all.
        products: Only pages of these products; None: all URLs.
        dry_run: Only count.
    """
    change = "UPDATE source_pages SET state = 'pending', etag = NULL, last_modified = NULL"
    return _change(store, change, source, products, dry_run=dry_run)


def forget_read(store: Store, source: str | None, products: Collection[str] | None, *, dry_run: bool) -> int:
    """Forget the outcomes of stored pages; return how many. Arguments as for ``forget_fetched``."""
    return _change(store, "UPDATE source_pages SET parser = NULL", source, products, dry_run=dry_run)


def forget_media(store: Store, urls: Collection[str], *, dry_run: bool) -> int:
    """Reopen media URLs for unconditional requests; return how many. A stored file stays until it is replaced.

    Args:
        store: The workspace's store, locked.
        urls: The URLs.
        dry_run: Only count.
    """
    snapshot = store.snapshot()
    make_queue(store, snapshot)
    if not dry_run:
        store.downloads.set_mark(snapshot.record.number + 1)
    chosen, values = "url IN (SELECT value FROM json_each(:urls))", {"urls": json.dumps(sorted(urls))}
    stored, again = f"state IN ('ok', 'stale') AND {chosen}", "UPDATE media_urls SET state = 'stale', attempts = 0"
    with closing(store.downloads.connect()) as connection:
        count = _run(connection, "media_urls", again, stored, values, dry_run=dry_run)
        rest = f"{chosen} AND NOT ({stored})"
        return count + _run(connection, "media_urls", "DELETE FROM media_urls", rest, values, dry_run=dry_run)


def _change(store: Store, change: str, source: str | None, products: Collection[str] | None, *, dry_run: bool) -> int:
    condition, values = ("true", {}) if products is None else (_OF_PRODUCTS, {"products": json.dumps(sorted(products))})
    count = 0
    for name in store.frontiers.names():
        if source in (None, name):
            with open_frontier(store, name) as connection:
                count += _run(connection, "source_pages", change, condition, values, dry_run=dry_run)
    return count


def _run(
    connection: sqlite3.Connection,
    table: str,
    change: str,
    condition: str,
    values: dict[str, str],
    *,
    dry_run: bool,
) -> int:
    if dry_run:
        query = f"SELECT count(*) FROM {table} WHERE {condition}"  # noqa: S608 - constants
        return int(connection.execute(query, values).fetchone()[0])
    return connection.execute(f"{change} WHERE {condition}", values).rowcount
