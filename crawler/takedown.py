"""What the crawl and the downloader know of an item, and making them forget it."""

import json
import sqlite3
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from crawler.crawl.frontier import FRONTIER_DDL, transaction
from crawler.media.queue import DDL, ROOM
from storage import State

__all__ = ["KnownPages", "find_media", "find_pages", "forget_addresses", "prepare_state", "rename_pages"]

_PAGES = """
SELECT url, canonical, redirect_to, identity, page_sha256, parsed_sha256,
    CASE WHEN outcome = 'product' AND parsed_sha256 = page_sha256 THEN source || ':' || native_id END
FROM source_pages
WHERE url IN (SELECT value FROM json_each(:urls)) OR canonical IN (SELECT value FROM json_each(:urls))
    OR redirect_to IN (SELECT value FROM json_each(:urls)) OR identity IN (SELECT value FROM json_each(:urls))
    OR source || ':' || native_id IN (SELECT value FROM json_each(:products))
"""


@dataclass(frozen=True, slots=True)
class KnownPages:
    """An item's pages in the frontier."""

    urls: frozenset[str]
    """Every address that showed it, or led to it."""
    products: frozenset[str]
    """Ids of the products that were on them."""
    objects: frozenset[str]
    """The stored pages."""


def prepare_state(state: State) -> None:
    """Make the tables of frontier and downloader where no stage has yet."""
    state.migrate("crawler", FRONTIER_DDL)
    state.migrate(ROOM, DDL)


def find_pages(
    connection: sqlite3.Connection, urls: Collection[str], products: Collection[str], name: str | None = None
) -> KnownPages:
    """Return all pages that show an item or lead to it, followed until nothing new is found.

    Args:
        connection: To the workspace's state.
        urls: Addresses of the item.
        products: Its product ids.
        name: A merchant; an address that has the name in it is the item's.
    """
    known = KnownPages(frozenset(urls) | _addresses_with(connection, name), frozenset(products), frozenset())
    while True:
        rows = connection.execute(_PAGES, {"urls": _listed(known.urls), "products": _listed(known.products)}).fetchall()
        more = KnownPages(
            known.urls | {row[0] for row in rows} | {row[3] for row in rows if row[6] and row[3]},
            known.products | {row[6] for row in rows if row[6]},
            frozenset(sha for row in rows for sha in row[4:6] if sha),
        )
        if more == known:
            return known
        known = more


def find_media(connection: sqlite3.Connection, urls: Collection[str]) -> dict[str, str]:
    """Return url -> object of those media URLs that the downloader has an object of."""
    query = "SELECT url, sha256 FROM media_urls WHERE sha256 IS NOT NULL AND url IN (SELECT value FROM json_each(?))"
    return dict(connection.execute(query, (_listed(urls),)).fetchall())


def forget_addresses(connection: sqlite3.Connection, urls: Collection[str]) -> int:
    """Delete the rows of pages and media at these addresses; return how many there were."""
    wanted = (_listed(urls),)
    with transaction(connection):
        return sum(
            connection.execute(
                f"DELETE FROM {table} WHERE url IN (SELECT value FROM json_each(?))",  # noqa: S608
                wanted,
            ).rowcount
            for table in ("source_pages", "source_files", "media_urls")
        )


def rename_pages(connection: sqlite3.Connection, renamed: Mapping[str, str]) -> None:
    """Let addresses name the new object of their page; what was read from the old one holds for it.

    Its validators go: the server would call the page unchanged that we changed.
    """
    with transaction(connection):
        for old, new in renamed.items():
            connection.execute(
                "UPDATE source_pages SET page_sha256 = ?, etag = NULL, last_modified = NULL, "
                "parsed_sha256 = CASE WHEN parsed_sha256 = page_sha256 THEN ? END WHERE page_sha256 = ?",
                (new, new, old),
            )


def _addresses_with(connection: sqlite3.Connection, name: str | None) -> frozenset[str]:
    if not name:
        return frozenset()
    rows = connection.execute("SELECT url FROM source_pages")
    return frozenset(url for (url,) in rows if name.casefold() in unquote(url).casefold())


def _listed(values: Collection[str]) -> str:
    return json.dumps(sorted(values))
