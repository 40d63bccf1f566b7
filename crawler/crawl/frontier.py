"""The frontier: the state of every URL of a source, in an SQLite file, so that a kill loses nothing."""

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager

from crawler.crawl.visits import CrawlTask, Found, Recrawl, Visit
from crawler.net.http_policy import RETRYABLE
from storage import Store, transaction

__all__ = [
    "DUE",
    "FRONTIER_DDL",
    "ROOM",
    "UNASKED",
    "Frontier",
    "due_parameters",
    "each_frontier",
    "make_frontier",
    "open_frontier",
]


ROOM = "crawler"
"""Name of the frontier's tables in the record of migrations."""
UNASKED = ("action", "file", "nofollow", "other_host", "same_items")
"""Reasons for links that are no pages of the shop, or that it asks crawlers not to follow."""
_UNASKED = ", ".join(f"'{reason}'" for reason in UNASKED)
_OUTSIDE = f"'not_followed', 'offsite', 'other_language', 'too_deep', 'trap', {_UNASKED}"
"""Reasons for URLs that the settings or the shop exclude: time changes nothing about that."""
_UNCHANGED = """
UPDATE source_pages SET state = 'done' WHERE source = ? AND listed_in = ? AND state = 'pending'
    AND page_sha256 IS NOT NULL AND reason IS NULL AND listed_modified < checked_at AND checked_at > ?
"""
_CHANGED = """
UPDATE source_pages SET state = 'pending' WHERE source = ? AND listed_in = ? AND state = 'done'
    AND listed_modified >= checked_at AND checked_at <= ?
"""
_COUNT = "SELECT count(*) FROM source_pages WHERE source = ? AND url >= ? AND url < ?"
_TAKE = """
SELECT url, kind, rank, depth, hops, chain, listed, etag, last_modified, page_sha256, signals
FROM source_pages
WHERE source = ? AND state = 'pending' AND (NOT ? OR page_sha256 IS NOT NULL) AND {condition}
ORDER BY rank, depth, url LIMIT ?
"""
FRONTIER_DDL = (
    # One row per URL of a source. state: pending, done, failed, skipped, redirected, absent.
    # page_sha256 is the last stored page, whatever the result of later visits; parsed_* is the result of the
    # records stage (a cache, valid only with the tables of the same commit).
    """CREATE TABLE IF NOT EXISTS source_pages (
        source TEXT NOT NULL,
        url TEXT NOT NULL,
        kind TEXT NOT NULL,
        rank INTEGER NOT NULL,
        depth INTEGER NOT NULL,
        hops INTEGER NOT NULL,
        chain INTEGER NOT NULL,
        listed INTEGER NOT NULL,
        state TEXT NOT NULL,
        reason TEXT,
        detail TEXT NOT NULL DEFAULT '',
        attempts INTEGER NOT NULL DEFAULT 0,
        http_status INTEGER,
        etag TEXT,
        last_modified TEXT,
        headers TEXT,
        page_sha256 TEXT,
        redirect_to TEXT,
        canonical TEXT,
        fetched_at TEXT,
        checked_at TEXT,
        vanished_at TEXT,
        parsed_sha256 TEXT,
        parser TEXT,
        outcome TEXT,
        outcome_detail TEXT,
        native_id TEXT,
        identity TEXT,
        PRIMARY KEY (source, url)
    ) WITHOUT ROWID""",
    """CREATE INDEX IF NOT EXISTS source_pages_queue ON source_pages (source, state, rank, depth, url)""",
    # robots.txt and similar files; status 0: no response.
    """CREATE TABLE IF NOT EXISTS source_files (
        url TEXT PRIMARY KEY,
        status INTEGER NOT NULL,
        body TEXT NOT NULL,
        fetched_at TEXT NOT NULL
    ) WITHOUT ROWID""",
    # One row per source: the scope of its pages, and why its last run stopped early.
    """CREATE TABLE IF NOT EXISTS source_runs (
        source TEXT PRIMARY KEY,
        scope TEXT NOT NULL,
        stopped TEXT,
        detail TEXT NOT NULL DEFAULT ''
    ) WITHOUT ROWID""",
    # The sitemap that lists the page, its date of the last change, and consecutive visits that found no change.
    "ALTER TABLE source_pages ADD COLUMN listed_in TEXT",
    "ALTER TABLE source_pages ADD COLUMN listed_modified TEXT",
    "ALTER TABLE source_pages ADD COLUMN steady INTEGER NOT NULL DEFAULT 0",
    # Rename reasons of earlier versions to those that pages and media share.
    "UPDATE source_pages SET reason = 'connect' WHERE reason = 'unreachable'",
    "UPDATE source_pages SET reason = 'bad_http' WHERE reason = 'broken_answer'",
    # The page's claims about the identity of its product, as JSON (crawler.records.page_outcome.Claims).
    "ALTER TABLE source_pages ADD COLUMN claims TEXT",
    # Start pages come before sitemaps: they determine the language to crawl. Products come before listings.
    "UPDATE source_pages SET rank = CASE rank WHEN 0 THEN 1 WHEN 1 THEN 0 WHEN 2 THEN 3 ELSE 4 END",
    # A hash of the page's visible content.
    "ALTER TABLE source_pages ADD COLUMN content TEXT",
    "CREATE INDEX IF NOT EXISTS source_pages_content ON source_pages (source, content) WHERE content IS NOT NULL",
    # The source's known languages (JSON), and the number of consecutive pages without anything new, by URL space
    # and part of it.
    "ALTER TABLE source_runs ADD COLUMN languages TEXT",
    """CREATE TABLE IF NOT EXISTS source_spaces (
        source TEXT NOT NULL,
        space TEXT NOT NULL,
        part TEXT NOT NULL,
        streak INTEGER NOT NULL,
        PRIMARY KEY (source, space, part)
    ) WITHOUT ROWID""",
    # The template learned from a source's pages (JSON, crawler.records.templates), and the digest of its samples.
    """CREATE TABLE IF NOT EXISTS source_templates (
        source TEXT PRIMARY KEY,
        digest TEXT NOT NULL,
        places TEXT NOT NULL
    ) WITHOUT ROWID""",
    # The page's usage signals, as served: JSON (crawler.rights.page.to_json).
    "ALTER TABLE source_pages ADD COLUMN signals TEXT",
)


def make_frontier(store: Store, source: str) -> None:
    """Create the frontier of a source that has none. The caller must hold the lock."""
    store.frontiers.add(source, ROOM, FRONTIER_DDL)


@contextmanager
def open_frontier(store: Store, source: str) -> Iterator[sqlite3.Connection]:
    """Yield a connection to the frontier of a source, in autocommit mode.

    Raises:
        CorruptObjectError: The file is missing or damaged.
    """
    file = store.frontiers.of(source)
    file.migrate(ROOM, FRONTIER_DDL)
    with closing(file.connect()) as connection:
        yield connection


def each_frontier(store: Store) -> Iterator[tuple[str, sqlite3.Connection]]:
    """Yield each crawled source, in alphabetical order, with a connection to its frontier."""
    for source in store.frontiers.names():
        with open_frontier(store, source) as connection:
            yield source, connection


def due_parameters(recrawl: Recrawl) -> dict[str, object]:
    """Return the parameters of :data:`DUE`; a visit that failed for a retryable reason is repeated sooner."""
    return {
        "soonest": recrawl.soonest,
        "due": json.dumps(recrawl.due),
        "last": len(recrawl.due) - 1,
        "failed": recrawl.failed,
        "passing": json.dumps(sorted(RETRYABLE)),
    }


class Frontier:
    """The URLs of one source.

    Args:
        connection: to its file, in autocommit mode.
        source: name of the source.
        now: time of this run, ISO 8601, UTC.
        recrawl: when visits are due again; None: at once.
    """

    def __init__(self, connection: sqlite3.Connection, source: str, now: str, recrawl: Recrawl | None = None) -> None:
        self._connection = connection
        self._source = source
        self._now = now
        self._recrawl = recrawl or Recrawl((now,), now)
        self._queries: Counter[str] = Counter()

    def reopen(self) -> None:
        """Put URLs back in the queue if their last visit is long enough ago.

        URLs that lead to new pages (sitemaps, start URLs, further pages of listings) are due at the shortest interval.
        """
        statement = f"UPDATE source_pages SET state = 'pending' WHERE source = :source AND {DUE}"  # noqa: S608
        self._connection.execute(statement, {"source": self._source, **due_parameters(self._recrawl)})

    def reopen_all(self) -> None:
        """Put every URL back in the queue, for an unconditional request, after the source's scope has changed."""
        for statement in (
            "UPDATE source_pages SET state = 'pending', etag = NULL, last_modified = NULL WHERE source = ?",
            "UPDATE source_runs SET languages = NULL WHERE source = ?",
            "DELETE FROM source_spaces WHERE source = ?",
            f"DELETE FROM source_pages WHERE source = ? AND page_sha256 IS NULL AND reason IN ({_OUTSIDE})",  # noqa: S608
        ):
            self._connection.execute(statement, (self._source,))

    def leave_out(self, allows: Callable[[str], bool]) -> None:
        """Forget the pages that the source's settings no longer follow."""
        query = "SELECT url FROM source_pages WHERE source = ? AND kind = 'page' AND rank > 0"
        urls = [url for (url,) in self._connection.execute(query, (self._source,)) if not allows(url)]
        statement = (
            "UPDATE source_pages SET state = 'skipped', reason = 'not_followed', page_sha256 = NULL, "
            "detail = 'it matches neither follow nor product_urls' WHERE source = ? AND url = ?"
        )
        self._connection.executemany(statement, ((self._source, url) for url in urls))

    def languages(self) -> Mapping[str, object] | None:
        """Return what earlier runs have learnt about the source's languages."""
        query = "SELECT languages FROM source_runs WHERE source = ?"
        row = self._connection.execute(query, (self._source,)).fetchone()
        return json.loads(row[0]) if row and row[0] else None

    def keep_languages(self, learnt: Mapping[str, object]) -> None:
        """Store what this run has learnt about the source's languages."""
        statement = "UPDATE source_runs SET languages = ? WHERE source = ?"
        self._connection.execute(statement, (json.dumps(learnt), self._source))

    def licences(self) -> list[str]:
        """Return the URLs of the licences that pages name, in alphabetical order."""
        query = (
            "SELECT DISTINCT value ->> 2 FROM source_pages, json_each(signals) "
            "WHERE source = ? AND signals LIKE '%rsl%' AND value ->> 0 = 'rsl' AND value ->> 1 != 'page' ORDER BY 1"
        )
        return [url for (url,) in self._connection.execute(query, (self._source,))]

    def streaks(self) -> dict[tuple[str, str], int]:
        """Return the number of consecutive pages without anything new, by space and part."""
        query = "SELECT space, part, streak FROM source_spaces WHERE source = ?"
        return {(space, part): streak for space, part, streak in self._connection.execute(query, (self._source,))}

    def revive(self) -> None:
        """Put the URLs of abandoned spaces back in the queue, after one of the spaces yielded something new."""
        statement = "UPDATE source_pages SET state = 'pending' WHERE source = ? AND reason = 'nothing_new'"
        self._connection.execute(statement, (self._source,))

    def shows(self, content: str, url: str) -> bool:
        """Return whether another URL has shown the same content."""
        query = "SELECT 1 FROM source_pages WHERE source = ? AND content = ? AND url != ? LIMIT 1"
        return self._connection.execute(query, (self._source, content, url)).fetchone() is not None

    def add(self, found: Iterable[Found]) -> None:
        """Add URLs; known ones keep their state."""
        self._connection.executemany(_ADD, (self._row(item) for item in found))

    def take(self, count: int, busy: Collection[str], *, known_only: bool = False) -> list[CrawlTask]:
        """Return up to ``count`` pending URLs that are not ``busy``, in queue order.

        With ``known_only``, only those that have a stored page.
        """
        return self._take(count, busy, known_only=known_only)

    def _take(self, count: int, busy: Collection[str], *, known_only: bool, condition: str = "true") -> list[CrawlTask]:
        query = _TAKE.replace("{condition}", condition)
        rows = self._connection.execute(query, (self._source, known_only, count + len(busy)))
        names = [column[0] for column in rows.description]
        found = [dict(zip(names, row, strict=True)) for row in rows]
        tasks = [CrawlTask(**{**values, "listed": bool(values["listed"])}) for values in found]
        return [task for task in tasks if task.url not in busy][:count]

    def record(self, visits: Iterable[Visit], streaks: Iterable[tuple[str, str, int]] = ()) -> None:
        """Record visits, the URLs discovered by them and the counts of spaces in one transaction."""
        with transaction(self._connection):
            self._connection.executemany(
                "INSERT OR REPLACE INTO source_spaces VALUES (?, ?, ?, ?)", ((self._source, *row) for row in streaks)
            )
            for visit in visits:
                self._connection.execute(_RECORD, self._outcome(visit))
                self.add(visit.found)
                if visit.kind == "sitemap" and visit.state == "done":
                    self._apply_sitemap(visit.task.url)

    def _apply_sitemap(self, sitemap: str) -> None:
        """Close pages that a sitemap calls unchanged since their last visit, and reopen those that it calls changed.

        An unmodified sitemap (304) still lists the dates recorded earlier.
        """
        times = (self._source, sitemap, self._recrawl.latest)
        self._connection.execute(_UNCHANGED, times)
        self._connection.execute(_CHANGED, (self._source, sitemap, self._recrawl.soonest))

    def waiting(self, *, known_only: bool = False) -> int:
        """Return how many URLs are pending; with ``known_only``, only those that have a stored page."""
        query = (
            "SELECT count(*) FROM source_pages WHERE source = ? AND state = 'pending' "
            "AND (NOT ? OR page_sha256 IS NOT NULL)"
        )
        return int(self._connection.execute(query, (self._source, known_only)).fetchone()[0])

    def stored(self) -> int:
        """Return how many URLs have a stored page."""
        query = "SELECT count(*) FROM source_pages WHERE source = ? AND page_sha256 IS NOT NULL"
        return int(self._connection.execute(query, (self._source,)).fetchone()[0])

    def count_query(self, url: str) -> int:
        """Return the ordinal of the URL's query string among those of its path, from 1; 0 if it has none.

        Counts the URLs known at the first call for a path, plus each call since.
        """
        path, mark, _ = url.partition("?")
        if not mark:
            return 0
        if path not in self._queries:
            # "?" to "@" spans every URL of the path that has a query string.
            query = f"{_COUNT} AND coalesce(reason, '') NOT IN ({_UNASKED})"
            self._queries[path] = self._connection.execute(query, (self._source, path + "?", path + "@")).fetchone()[0]
        self._queries[path] += 1
        return self._queries[path]

    def knows(self, url: str) -> bool:
        """Return whether the URL is known."""
        query = "SELECT 1 FROM source_pages WHERE source = ? AND url = ?"
        return self._connection.execute(query, (self._source, url)).fetchone() is not None

    def _row(self, item: Found) -> tuple[object, ...]:
        state = "skipped" if item.refused else "pending"
        checked = self._now if item.refused else None
        place = (item.kind, item.rank, item.depth, item.hops, item.chain, item.listed)
        dated = (item.listed_in, item.modified)
        return (self._source, item.url, *place, state, item.refused, item.detail, checked, *dated)

    def _outcome(self, visit: Visit) -> dict[str, object]:
        fresh = visit.headers or {}
        gone = visit.reason in {"http_404", "http_410"} and visit.task.page_sha256 is not None
        return {
            "source": self._source,
            "url": visit.task.url,
            "kind": visit.kind,
            "state": visit.state,
            "reason": visit.reason,
            "detail": visit.detail,
            "attempts": visit.attempts,
            "status": visit.http_status,
            "etag": fresh.get("etag"),
            "modified": fresh.get("last-modified"),
            "headers": None if visit.headers is None else json.dumps(dict(fresh), ensure_ascii=False, sort_keys=True),
            "sha": visit.page_sha256,
            "forget": visit.forget,
            "redirect": visit.redirect_to,
            "canonical": visit.canonical,
            "content": visit.content,
            "signals": visit.signals,
            "now": visit.at or self._now,
            "gone": gone,
        }


# What a sitemap, or the page itself, names is worth a request even where a link to it was not.
_ADD = f"""
INSERT INTO source_pages (source, url, kind, rank, depth, hops, chain, listed, state, reason, detail, checked_at,
    listed_in, listed_modified)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (source, url) DO UPDATE SET
    listed = max(listed, excluded.listed),
    listed_modified = iif(excluded.listed_in IS NULL, listed_modified, excluded.listed_modified),
    listed_in = coalesce(excluded.listed_in, listed_in),
    rank = min(rank, excluded.rank),
    hops = min(hops, excluded.hops),
    chain = min(chain, excluded.chain),
    depth = min(depth, excluded.depth),
    kind = CASE WHEN state = 'absent' THEN excluded.kind ELSE kind END,
    state = CASE WHEN excluded.state = 'pending' AND (reason IN ('too_deep', 'trap', {_UNASKED}) OR
        (state = 'absent' AND excluded.kind = 'page')) THEN 'pending'
        WHEN state = 'pending' AND page_sha256 IS NULL AND excluded.reason = 'other_language' THEN 'skipped'
        ELSE state END,
    detail = iif(state = 'pending' AND excluded.reason = 'other_language', excluded.detail, detail),
    reason = iif(state = 'pending' AND excluded.reason = 'other_language', excluded.reason, reason)
"""  # noqa: S608

# Further pages of listings lead to new products if no sitemap lists the products.
DUE = f"""
state != 'pending' AND coalesce(reason, '') NOT IN ({_OUTSIDE}) AND (
    checked_at <= iif(rank IN (0, 1) OR (rank = 3 AND source NOT IN (
            SELECT source FROM source_pages WHERE rank = 2 AND listed_in IS NOT NULL)),
        :soonest, (SELECT value FROM json_each(:due) WHERE key = min(steady, :last)))
    OR (checked_at <= :failed AND reason IN (SELECT value FROM json_each(:passing))))
"""  # noqa: S608
"""SQL condition that a visit is due again, with the parameters that :func:`due_parameters` returns."""


# Only a new page replaces the stored one. A new page that looks the same (only a token has changed) is steady.
_RECORD = """
UPDATE source_pages SET
    kind = :kind, state = :state, reason = :reason, detail = :detail, http_status = :status,
    attempts = attempts + :attempts, checked_at = :now, redirect_to = :redirect,
    etag = CASE WHEN :sha IS NOT NULL THEN :etag ELSE coalesce(:etag, etag) END,
    last_modified = CASE WHEN :sha IS NOT NULL THEN :modified ELSE coalesce(:modified, last_modified) END,
    headers = CASE WHEN :sha IS NOT NULL THEN :headers ELSE headers END,
    canonical = CASE WHEN :sha IS NOT NULL THEN :canonical ELSE canonical END,
    content = CASE WHEN :sha IS NOT NULL THEN :content ELSE content END,
    fetched_at = CASE WHEN :sha IS NOT NULL THEN :now ELSE fetched_at END, signals = coalesce(:signals, signals),
    vanished_at = CASE WHEN :gone THEN coalesce(vanished_at, :now) WHEN :state = 'done' THEN NULL ELSE vanished_at END,
    steady = CASE WHEN :status = 304 OR :sha = page_sha256 OR :content = content THEN steady + 1
        WHEN :sha IS NOT NULL THEN 0 ELSE steady END,
    page_sha256 = CASE WHEN :forget THEN NULL ELSE coalesce(:sha, page_sha256) END
WHERE source = :source AND url = :url
"""
