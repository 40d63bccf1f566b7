"""The stored pages of the crawl, with the outcome of their last reading."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from crawler.crawl.frontier import each_frontier, open_frontier
from crawler.records.page_outcome import Claims, PageOutcome
from storage import Store, transaction

__all__ = ["SiteFile", "StoredPageRow", "pages_digest", "remember_outcomes", "site_files", "stored_pages"]


@dataclass(frozen=True, slots=True)
class StoredPageRow:
    """One stored page of the frontier."""

    source: str
    url: str
    sha256: str
    headers: Mapping[str, str]
    listed: bool
    """Whether a sitemap lists it."""
    fetched_at: str
    """ISO 8601, UTC."""
    parser: str | None
    """Digest of the parser that produced ``outcome`` from this page; None: none did."""
    outcome: PageOutcome | None
    signals: str | None = None
    """Usage signals of its last visit (:func:`crawler.rights.page.from_json`)."""
    checked_at: str = ""
    """Time of its last visit, ISO 8601, UTC."""


@dataclass(frozen=True, slots=True)
class SiteFile:
    """robots.txt, a licence or another file of a host, as last fetched."""

    url: str
    status: int
    body: str
    fetched_at: str
    """ISO 8601, UTC."""


_QUERY = """
SELECT source, url, page_sha256, headers, listed, signals, fetched_at, checked_at,
    CASE WHEN parsed_sha256 = page_sha256 THEN parser END, outcome, outcome_detail, native_id, identity, claims
FROM source_pages WHERE page_sha256 IS NOT NULL AND kind = 'page' AND vanished_at IS NULL
ORDER BY source, url
"""


def stored_pages(store: Store) -> Iterator[StoredPageRow]:
    """Yield the stored HTML pages that are still online, of all sources, by source and URL."""
    for row in _rows(store):
        source, url, sha256, headers, listed, signals, fetched_at, checked_at, *read = row
        parser, kind, detail, native_id, identity, claims = read
        said_of = Claims(**json.loads(claims)) if claims else None
        outcome = PageOutcome(kind, detail, native_id, identity, said_of) if parser else None
        said = json.loads(headers or "{}")
        yield StoredPageRow(
            source, url, sha256, said, bool(listed), fetched_at, parser, outcome, signals, checked_at or fetched_at
        )


def _rows(store: Store) -> Iterator[tuple[Any, ...]]:
    for _, connection in each_frontier(store):
        yield from connection.execute(_QUERY)


_DEAD = """
SELECT source, url FROM source_pages WHERE page_sha256 IS NULL AND reason IN ('http_404', 'http_410')
    AND url IN (SELECT canonical FROM source_pages WHERE canonical IS NOT NULL AND canonical != url)
"""


def dead_canonicals(store: Store) -> frozenset[tuple[str, str]]:
    """Return source and URL of the canonical URLs of pages that do not exist."""
    return frozenset(row for _, connection in each_frontier(store) for row in connection.execute(_DEAD))


def site_files(store: Store) -> list[SiteFile]:
    """Return the files of all hosts, by URL; of a host that several sources share, the newest."""
    found = [
        SiteFile(*row)
        for _, connection in each_frontier(store)
        for row in connection.execute("SELECT * FROM source_files")
    ]
    newest = {file.url: file for file in sorted(found, key=lambda file: file.fetched_at)}
    return [newest[url] for url in sorted(newest)]


def pages_digest(store: Store, left_out: tuple[object, ...] = ()) -> str:
    """Return a hash of everything in the frontiers that records depend on, and of what was left out."""
    digest = hashlib.sha256()
    for row in _rows(store):
        digest.update(repr(row[:6]).encode())
    digest.update(repr(left_out).encode())
    digest.update(repr(sorted(dead_canonicals(store))).encode())
    for file in site_files(store):
        digest.update(repr((file.url, file.status, file.body)).encode())
    return digest.hexdigest()[:16]


def remember_outcomes(store: Store, outcomes: Iterable[tuple[StoredPageRow, str, PageOutcome]]) -> None:
    """Record the outcome of each page and its parser for the next run; pages must be grouped by source."""
    for source, several in groupby(outcomes, key=lambda outcome: outcome[0].source):
        with open_frontier(store, source) as connection, transaction(connection):
            connection.executemany(
                "UPDATE source_pages SET parsed_sha256 = ?, parser = ?, outcome = ?, outcome_detail = ?, "
                "native_id = ?, identity = ?, claims = ? WHERE source = ? AND url = ?",
                ((page.sha256, parser, *_columns(found), source, page.url) for page, parser, found in several),
            )


def _columns(found: PageOutcome) -> tuple[str | None, ...]:
    claims = None if found.claims is None else json.dumps(asdict(found.claims))
    return found.kind, found.detail, found.native_id, found.identity, claims
