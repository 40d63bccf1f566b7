"""The crawler's part in a take-down: frontiers, downloads, and other items' stored pages that name the item."""

import html
import json
import re
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from typing import Any
from urllib.parse import unquote, urlsplit

from core.contacts import hash_merchant
from core.urls import normalise
from crawler.crawl.frontier import each_frontier
from crawler.page_scrub import scrub_page
from storage import Store, transaction
from storage.erasure import find_records
from storage.files import Layout
from storage.identity import load_or_create_key
from storage.objects.warc import StoredPage, parse_response
from takedown.plan import Plan, Removal, Target
from takedown.spelling import common_part, spellings, url_key
from takedown.words import Words

__all__ = ["Cleaner", "cleaner", "forget_urls", "near_merchants", "remove", "search", "users_of"]

_MAX_NAME = 100
_MIN_NAME = 4
"""Number of characters from which a merchant's name in a URL makes it the merchant's."""
_MIN_PART = 4
"""Bytes of a part of a name that is searched for; a Chinese character has three."""

_PAGES = """
SELECT url, page_sha256, parsed_sha256, identity,
    CASE WHEN outcome = 'product' AND parsed_sha256 = page_sha256 THEN source || ':' || native_id END
FROM source_pages
WHERE url IN (SELECT value FROM json_each(:urls)) OR canonical IN (SELECT value FROM json_each(:urls))
    OR redirect_to IN (SELECT value FROM json_each(:urls)) OR identity IN (SELECT value FROM json_each(:urls))
    OR source || ':' || native_id IN (SELECT value FROM json_each(:products))
"""
_CONTAINING = """
SELECT url FROM source_pages WHERE instr(url, :part) UNION SELECT canonical FROM source_pages
WHERE canonical IS NOT NULL AND instr(canonical, :part)
"""
_USERS = """
SELECT page_sha256, min(url) FROM source_pages WHERE page_sha256 IS NOT NULL
    AND url NOT IN (SELECT value FROM json_each(:urls)) GROUP BY page_sha256
"""
_PAGE = "UPDATE media_urls SET page = '' WHERE page IN (SELECT value FROM json_each(?))"
_MEDIA = "SELECT sha256 FROM media_urls WHERE sha256 IS NOT NULL AND url IN (SELECT value FROM json_each(?))"
_GZIP = b"\x1f\x8b"


def search(store: Store, target: Target, plan: Plan) -> Plan:
    """Return the plan with all pages that show the item or lead to it, the products on them, and stored objects."""
    pages, merchants = set(plan.pages), plan.merchants
    if target.kind == "url":
        pages |= spellings(target.value) | _stored_spellings(store, target.value)
    if target.kind == "merchant":
        merchants = (hash_merchant(target.value, load_or_create_key(store.root)),)
        if len(target.value) >= _MIN_NAME and plan.products:
            urls = (url for (url,) in _ask(store, "SELECT url FROM source_pages"))
            pages |= {url for url in urls if target.value.casefold() in unquote(url).casefold()}
    pages, products, objects = _follow(store, pages, set(plan.products))
    with _queue(store) as queue:
        objects |= {sha256 for (sha256,) in queue.execute(_MEDIA, (_listed(plan.media),))} if queue else set()
    found = {"pages": pages, "products": products, "objects": objects, "merchants": merchants}
    return plan.model_copy(update={name: tuple(sorted(values)) for name, values in found.items()})


def near_merchants(store: Store, name: str, merchants: Collection[str]) -> list[str]:
    """Return merchants' whole names, as stored pages have them, that contain a part of a name.

    Args:
        store: The workspace's storage.
        name: Part of a name, in any case.
        merchants: Hashes of the merchants of products.
    """
    key, found = load_or_create_key(store.root), set[str]()
    if len(name.encode()) < _MIN_PART:
        return []
    around = re.compile(rf"[^<>\"\n]{{0,{_MAX_NAME}}}{re.escape(name)}[^<>\"\n]{{0,{_MAX_NAME}}}", re.IGNORECASE)

    def collect(record: bytes) -> bool:
        text = parse_response(record).body.decode(errors="replace")
        with suppress(UnicodeError):
            text += text.encode("latin-1", "replace").decode("unicode_escape") if "\\u" in text else ""
        texts = {html.unescape(one.strip(" \\,:")) for one in around.findall(html.unescape(text))}
        found.update(one for one in texts if hash_merchant(one, key) in merchants)
        return False

    find_records(store.root, store.objects, lambda _: False, collect)
    return sorted(found)


def _stored_spellings(store: Store, url: str) -> set[str]:
    """Return the URLs of frontiers that are the same as ``url``, spelt in any way."""
    key, part = url_key(url), common_part(url)
    for condition in (part, ""):
        urls = {one for (one,) in _ask(store, _CONTAINING, {"part": condition})}
        if found := {one for one in urls if url_key(one) == key}:
            return found
    return set()


def users_of(store: Store, plan: Plan, objects: Collection[str]) -> dict[str, str]:
    """Return object -> URL of a page outside the plan that uses it, for those of the objects that have one."""
    asked, found = set(objects), dict[str, str]()
    for sha256, url in _ask(store, _USERS, {"urls": _listed(plan.pages)}):
        if sha256 in asked:
            found[sha256] = min(url, found.get(sha256, url))
    return found


def remove(removal: Removal) -> Mapping[str, int]:
    """Delete the item's pages and downloads, and point the frontiers to the cleaned pages of other items.

    The outcome of reading a page holds for the cleaned one. Its validators are deleted: the server would answer
    "not modified" for a page that we changed.
    """
    if removal.dry_run:
        return {}
    for _, frontier in each_frontier(removal.store):
        with transaction(frontier):
            frontier.executemany(
                "UPDATE source_pages SET page_sha256 = ?1, etag = NULL, last_modified = NULL, "
                "parsed_sha256 = CASE WHEN parsed_sha256 = page_sha256 THEN ?1 END WHERE page_sha256 = ?2",
                ((new, old) for old, new in removal.renamed.items()),
            )
    return {"state_rows": forget_urls(removal.store, removal.plan.urls)}


def forget_urls(store: Store, urls: Collection[str]) -> int:
    """Delete the rows of pages and media at these URLs; return how many there were."""
    count = sum(_delete(frontier, ("source_pages", "source_files"), urls) for _, frontier in each_frontier(store))
    with _queue(store) as queue:
        if queue:
            with transaction(queue):
                queue.execute(_PAGE, (_listed(urls),))
            count += _delete(queue, ("media_urls",), urls)
        return count


def _delete(connection: sqlite3.Connection, tables: Collection[str], urls: Collection[str]) -> int:
    condition = "WHERE url IN (SELECT value FROM json_each(?))"
    with transaction(connection):
        return sum(
            connection.execute(f"DELETE FROM {table} {condition}", (_listed(urls),)).rowcount  # noqa: S608
            for table in tables
        )


class Cleaner:
    """Removes URLs, texts and ids from stored pages.

    Args:
        urls: URLs of the item.
        words: Words that name it.
    """

    def __init__(self, urls: Iterable[str], words: Words) -> None:
        known = set(urls)
        self._urls = known | {spelt for url in known if (spelt := normalise(url))}
        self._tails = {tail for url in known if (tail := _tail(url))}
        self._words = words

    def is_item(self, url: str) -> bool:
        """Return whether a URL is the item's."""
        return url in self._urls

    def names_it(self, record: bytes) -> bool:
        """Return whether a ``response`` record names the item in its header or page."""
        if self._words.found_in(record):
            return True
        if not any(tail in record for tail in self._tails) and _GZIP not in record:
            return False  # a cheap check before a thorough one: relative links end as the URL does
        page = parse_response(record)
        return self.clean(page) != page

    def clean(self, page: StoredPage) -> StoredPage:
        """Return a page with everything removed that names the item."""
        body = self._words.blank(scrub_page(page.body, page.url, self.is_item))
        headers = tuple((name, self._words.blank(value.encode()).decode()) for name, value in page.headers)
        return StoredPage(page.url, page.status, headers, body)


def cleaner(plan: Plan, words: Words) -> Cleaner:
    """Return a cleaner that removes the plan's item from pages of other items."""
    return Cleaner(plan.urls, words)


def _follow(store: Store, pages: set[str], products: set[str]) -> tuple[set[str], set[str], set[str]]:
    """Return URLs, products and stored pages that belong together, followed until nothing new is found."""
    while True:
        rows = list(_ask(store, _PAGES, {"urls": _listed(pages), "products": _listed(products)}))
        more = pages | {row[0] for row in rows} | {row[3] for row in rows if row[4] and row[3]}
        shown = products | {row[4] for row in rows if row[4]}
        if (more, shown) == (pages, products):
            return pages, products, {sha256 for row in rows for sha256 in row[1:3] if sha256}
        pages, products = more, shown


def _ask(store: Store, query: str, values: Mapping[str, str] | None = None) -> Iterator[tuple[Any, ...]]:
    """Yield the rows that a query finds in all frontiers."""
    for _, frontier in each_frontier(store):
        yield from frontier.execute(query, values or {})


@contextmanager
def _queue(store: Store) -> Iterator[sqlite3.Connection | None]:
    """Yield a connection to the queue of downloads; None: there is none, and the tables have all outcomes."""
    if not Layout(store.root).downloads.exists():
        yield None
        return
    with closing(store.downloads.connect()) as connection:
        yield connection


def _tail(url: str) -> bytes:
    """Return the last part of a URL's path, as every link to it has."""
    try:
        path = urlsplit(url).path.rstrip("/")
    except ValueError:
        return b""
    return re.split(r"[%&]", path.rpartition("/")[2])[0].encode()


def _listed(values: Collection[str]) -> str:
    return json.dumps(sorted(values))
