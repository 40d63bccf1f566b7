"""Rebuilding of lost frontiers from tables and stored pages, and the move of frontiers out of the state."""

import json
from collections.abc import Iterator
from contextlib import closing
from itertools import groupby
from operator import itemgetter

from core.errors import CorruptObjectError, MissingSegmentError
from crawler.crawl.frontier import FRONTIER_DDL, ROOM, make_frontier, open_frontier
from crawler.crawl.responses import kept_headers
from storage import Snapshot, Store, transaction
from storage.files import Layout

__all__ = ["move_frontiers", "rebuild_frontiers"]

_PAGES = "SELECT source, page_sha256, last_seen FROM products WHERE page_sha256 IS NOT NULL ORDER BY 1, 2"
_ADD_PAGE = """INSERT OR IGNORE INTO source_pages (source, url, kind, rank, depth, hops, chain, listed, state,
    http_status, etag, last_modified, headers, page_sha256, fetched_at, checked_at)
VALUES (?, ?, 'page', 1, 0, 0, 0, 0, 'done', ?, ?, ?, ?, ?, ?, ?)"""
_OF_A_SOURCE = ("source_pages", "source_runs", "source_spaces", "source_templates")


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


def move_frontiers(store: Store, *, dry_run: bool) -> list[str]:
    """Move the frontiers of all sources out of the state, which held them up to format 2; return a line for each.

    The caller must hold the lock. A killed move is repeated.
    """
    with closing(store.state.connect_reading()) as state:
        if state.execute("SELECT 1 FROM sqlite_schema WHERE name = 'source_pages'").fetchone() is None:
            return []
        query = "SELECT source FROM source_pages UNION SELECT source FROM source_runs ORDER BY 1"
        sources = [source for (source,) in state.execute(query)]
    if not dry_run:
        store.state.migrate(ROOM, FRONTIER_DDL)
        for source in sources:
            _move(store, source)
        with closing(store.state.connect()) as state:
            with transaction(state):
                for table in (*_OF_A_SOURCE, "source_files"):
                    state.execute(f"DROP TABLE {table}")
                state.execute("DELETE FROM migrations WHERE room = ?", (ROOM,))
            state.execute("VACUUM")
    return [f"frontiers/{source}.sqlite: the frontier of {source}, moved out of the state" for source in sources]


def _move(store: Store, source: str) -> None:
    """Copy the frontier of a source, with the files of all hosts: which of them are its own was not recorded."""
    make_frontier(store, source)
    with open_frontier(store, source) as connection:
        connection.execute("ATTACH ? AS old", (str(Layout(store.root).state),))
        with transaction(connection):
            for table in _OF_A_SOURCE:
                rows = f"SELECT * FROM old.{table} WHERE source = ?"  # noqa: S608
                connection.execute(f"INSERT OR REPLACE INTO {table} {rows}", (source,))
            connection.execute("INSERT OR REPLACE INTO source_files SELECT * FROM old.source_files")
        connection.execute("DETACH old")
