"""Forgetting what became of pages and media, so that the next run asks for them, or reads them, again."""

import json
import sqlite3
from collections.abc import Collection
from contextlib import closing

from crawler.frontier_schema import FRONTIER_DDL
from crawler.media.queue_schema import DDL, ROOM
from storage import Store

__all__ = ["forget_fetched", "forget_media", "forget_read"]

_OF_PRODUCTS = "page_sha256 IS NOT NULL AND source || ':' || native_id IN (SELECT value FROM json_each(:products))"


def forget_fetched(store: Store, source: str | None, products: Collection[str] | None, *, dry_run: bool) -> int:
    """Put pages back in the queue, to be fetched whole; return how many.

    Args:
        store: The workspace's, locked.
        source: Of this source; None: of all.
        products: Only pages of these products; None: all addresses.
        dry_run: Only count.
    """
    change = "UPDATE source_pages SET state = 'pending', etag = NULL, last_modified = NULL"
    return _change(store, change, source, products, dry_run=dry_run)


def forget_read(store: Store, source: str | None, products: Collection[str] | None, *, dry_run: bool) -> int:
    """Forget what stored pages turned out to be; return of how many. Arguments are as above."""
    return _change(store, "UPDATE source_pages SET parser = NULL", source, products, dry_run=dry_run)


def forget_media(store: Store, urls: Collection[str] | None, *, dry_run: bool) -> int:
    """Forget what became of media; return of how many.

    Args:
        store: The workspace's, locked.
        urls: Their addresses; None: all.
        dry_run: Only count.
    """
    store.state.migrate(ROOM, DDL)
    condition = "true" if urls is None else "url IN (SELECT value FROM json_each(:urls))"
    values = {} if urls is None else {"urls": json.dumps(sorted(urls))}
    with closing(store.state.connect()) as connection:
        return _run(connection, "media_urls", "DELETE FROM media_urls", condition, values, dry_run=dry_run)


def _change(store: Store, change: str, source: str | None, products: Collection[str] | None, *, dry_run: bool) -> int:
    store.state.migrate("crawler", FRONTIER_DDL)
    conditions, values = ["true"], {}
    if source is not None:
        conditions.append("source = :source")
        values["source"] = source
    if products is not None:
        conditions.append(_OF_PRODUCTS)
        values["products"] = json.dumps(sorted(products))
    with closing(store.state.connect()) as connection:
        return _run(connection, "source_pages", change, " AND ".join(conditions), values, dry_run=dry_run)


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
