"""The child process that imports the pages of one source from web archives, as the crawl would have stored them.

The archives answer instead of the shop: robots.txt is asked first, then what start pages, sitemaps and links name, and
at last the pages that nothing names. URLs that the archives lack stay pending: a later crawl requests them.
"""

import asyncio
import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

from core.urls import normalise
from crawler.crawl.archives import ArchivedResponse, BrokenArchiveError, Skipped, read_archive
from crawler.crawl.frontier import Frontier, open_frontier
from crawler.crawl.frontier_queue import FrontierQueue, QueueLimits
from crawler.crawl.job import CrawlJob
from crawler.crawl.page_deadline import PageDeadline
from crawler.crawl.scope import Scope, without_order
from crawler.crawl.site_rules import SourceStoppedError
from crawler.crawl.source_run import (
    SourceHosts,
    limits_of,
    log_to,
    note_stop,
    page_rules,
    product_test,
    site_files,
    site_rules,
    sitemaps_of,
    visit_of,
)
from crawler.crawl.visits import CrawlTask, Found, Visit
from crawler.net.client import ClientLimits, Fetched, FetchError
from crawler.net.content_coding import CodingError, decode_content
from crawler.rights.site import SITE_FILES
from crawler.tombstoned_pages import PageRedactor
from storage import Store
from storage.lock import enter_child
from takedown.register import open_register

__all__ = ["import_source"]

_MEDIA = ("image/", "video/", "audio/", "font/")
"""Types of files that are no pages; archives hold many, and large ones."""
_BATCH = 500
_EXAMPLES = 3
"""Most records that cannot be read which are named."""


def import_source(job: CrawlJob, progress: Connection) -> None:
    """Import one source to its end, in this child process.

    Sends the number of visits made durable through ``progress`` after each batch.
    """
    enter_child(job.root)
    log_to(job.root / "logs" / f"crawl-{job.name}.log")
    store = Store.open(job.root)
    with TemporaryDirectory(prefix="import-") as folder, open_frontier(store, job.name) as connection:
        archive = Path(folder) / "responses.db"
        with closing(sqlite3.connect(archive)) as responses:
            notes = _fill(responses, job, progress)
        job.notes.write_text(json.dumps(notes), "utf-8")
        connection.execute("ATTACH DATABASE ? AS archive", (str(archive),))
        _import(replace(job, now=_newest(connection) or job.now), store, connection, progress)


def _fill(responses: sqlite3.Connection, job: CrawlJob, progress: Connection) -> list[str]:
    """Write the newest response of each URL of the source to a file, and return messages about the rest."""
    responses.execute(
        "CREATE TABLE responses (url PRIMARY KEY, at TEXT, status INTEGER, headers TEXT, body BLOB, is_cut INTEGER)"
    )
    scope, counts, broken = Scope(job.source.start), Counter[str](), list[str]()
    limit = max(job.settings.max_page_bytes, job.settings.max_sitemap_bytes)
    for path in job.archives:
        try:
            for number, response in enumerate(read_archive(path, limit)):
                counts[_keep(responses, response, scope)] += 1
                if isinstance(response, Skipped) and response.reason == "unreadable" and len(broken) < _EXAMPLES:
                    broken.append(f"{path.name}: {response.detail}")
                if number % _BATCH == 0:
                    responses.commit()
                    progress.send(0)
        except BrokenArchiveError as error:
            broken.append(f"{path.name}: the rest of the archive cannot be read: {error}")
    responses.commit()
    said = ", ".join(f"{reason} {count:,}" for reason, count in sorted(counts.items()))
    return [f"source {job.name}: responses in the archives: {said or 'none'}", *broken]


def _keep(responses: sqlite3.Connection, response: ArchivedResponse | Skipped, scope: Scope) -> str:
    """Insert a response unless a newer one of its URL is known, and return what it is counted as."""
    if isinstance(response, Skipped):
        return response.reason
    url = normalise(response.url)
    if url is None or not scope.holds(url):
        return "other_host"
    mime = next((value for name, value in response.headers if name.lower() == "content-type"), "")
    if mime.strip().lower().startswith(_MEDIA):
        return "media"
    row = (response.at.isoformat(), response.status, json.dumps(response.headers), response.body, response.is_cut)
    responses.execute(
        "INSERT INTO responses VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (url) DO UPDATE SET at = excluded.at, "
        "status = excluded.status, headers = excluded.headers, body = excluded.body, is_cut = excluded.is_cut "
        "WHERE excluded.at > at",
        (without_order(url), *row),
    )
    return "of the source"


def _newest(connection: sqlite3.Connection) -> datetime | None:
    [(text,)] = connection.execute("SELECT max(at) FROM archive.responses").fetchall()
    return datetime.fromisoformat(text) if text else None


def _import(job: CrawlJob, store: Store, connection: sqlite3.Connection, progress: Connection) -> None:
    frontier = _ArchivedFrontier(connection, job.name, job.now.isoformat(), job.recrawl)
    deadline = PageDeadline(job.root / "logs" / f"reading-{job.name}.url", job.settings.parse_timeout_s)
    frontier.record(deadline.failed_before())
    try:
        rules, others = asyncio.run(site_rules(job, connection, _ArchiveClient(connection)))
    except SourceStoppedError as stop:
        note_stop(connection, job.name, (stop.reason, f"{stop.detail}. {_WITHOUT_ROBOTS}"))
        return
    frontier.reopen_archived()
    frontier.add(sitemaps_of(job, rules, others))
    hosts = SourceHosts({**others, **rules})
    with store.objects.writer("page") as pages:
        queue = FrontierQueue(
            frontier, pages, _limits(job), hosts, progress.send, product_test(job, deadline), job.source.languages
        )
        redact = PageRedactor(open_register(store))

        def visit_all() -> None:
            while task := queue.next():
                visit, body, headers = _visit(task, job, connection, deadline)
                visit, body = redact(visit, body)
                queue.finish(visit, body, (*headers, *hosts.usage_headers(task.url)))
            queue.flush()

        visit_all()
        frontier.add(_unnamed(job, connection))
        visit_all()
    lacking = ("budget", "the archives do not hold them") if frontier.waiting() else (None, "")
    note_stop(connection, job.name, queue.stopped or lacking)
    if licences := frontier.licences():
        asyncio.run(site_files(job, connection, _ArchiveClient(connection)).fetch(licences))


_WITHOUT_ROBOTS = "Add an archive of robots.txt, or crawl the source once: its rules decide which pages are imported"


def _limits(job: CrawlJob) -> QueueLimits:
    """Return the crawl's limits, without those on time, bytes and failures: nothing is requested."""
    limits = limits_of(job, 0.0)
    return replace(limits, max_bytes=1 << 62, max_seconds=float("inf"), max_failures_in_a_row=1 << 62, backoff_s=0.0)


def _unnamed(job: CrawlJob, connection: sqlite3.Connection) -> Iterator[Found]:
    """Yield the archived pages that neither start pages nor sitemaps nor links lead to."""
    scope = page_rules(job).scope
    known = "SELECT url FROM source_pages WHERE source = ?"
    query = f"SELECT url FROM archive.responses WHERE url NOT IN ({known}) ORDER BY url"  # noqa: S608
    for (url,) in connection.execute(query, (job.name,)).fetchall():
        if "/" + url.split("/", 3)[-1] not in SITE_FILES:
            reason, detail = scope.refusal(url) or (None, "")
            yield Found(url, rank=scope.rank(url), depth=1, refused=reason, detail=detail)


def _visit(
    task: CrawlTask, job: CrawlJob, connection: sqlite3.Connection, deadline: PageDeadline
) -> tuple[Visit, bytes | None, tuple[tuple[str, str], ...]]:
    at, fetched = _response_of(connection, task.url)
    limit = job.settings.max_sitemap_bytes if task.kind == "sitemap" else job.settings.max_page_bytes
    try:
        response = _decoded(fetched, limit)
    except FetchError as error:
        return Visit(task, "failed", error.reason, error.detail, kind=task.kind, at=at), None, ()
    visit, body = visit_of(task, response, page_rules(job), deadline)
    return replace(visit, at=at), body, response.headers


def _response_of(connection: sqlite3.Connection, url: str) -> tuple[str, ArchivedResponse]:
    query = "SELECT at, status, headers, body, is_cut FROM archive.responses WHERE url = ?"
    [(at, status, headers, body, is_cut)] = connection.execute(query, (url,)).fetchall()
    named = tuple((name, value) for name, value in json.loads(headers))
    return at, ArchivedResponse(url, datetime.fromisoformat(at), status, named, body, bool(is_cut))


def _decoded(response: ArchivedResponse, max_bytes: int) -> Fetched:
    """Return a response without its content coding.

    Raises:
        FetchError: The body is too large or damaged.
    """
    codings = ", ".join(value for name, value in response.headers if name.lower() == "content-encoding")
    try:
        body = decode_content(response.body, codings, max_bytes) if codings else response.body
    except CodingError as error:
        raise FetchError("bad_http" if error.reason == "bad_encoding" else error.reason, error.detail) from error
    if response.is_cut or len(body) > max_bytes:
        raise FetchError("too_large", f"its body is longer than {max_bytes} bytes")
    return Fetched(response.status, response.headers, body)


class _ArchiveClient:
    """Answers requests for the files of a host from the archives, else with what an earlier crawl fetched."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def get(self, url: str, limits: ClientLimits) -> Fetched:
        """Return the archived response; a file that hosts rarely have, and archives rarely hold, is not there.

        Raises:
            FetchError: It is in no archive.
        """
        rows = self._connection.execute("SELECT 1 FROM archive.responses WHERE url = ?", (url,)).fetchall()
        if rows:
            return _decoded(replace(_response_of(self._connection, url)[1], is_cut=False), 32 * limits.max_bytes)
        known = self._connection.execute("SELECT status, body FROM source_files WHERE url = ?", (url,)).fetchone()
        if known and known[0]:
            return Fetched(known[0], (("content-type", "text/plain; charset=utf-8"),), known[1].encode())
        if url.endswith(SITE_FILES[1:]):
            return Fetched(404, (), b"")
        raise FetchError("connect", "it is in none of the archives")


class _ArchivedFrontier(Frontier):
    """The frontier whose URLs are due only if the archives have a response later than their last visit."""

    _DUE = (
        "EXISTS (SELECT 1 FROM archive.responses AS a WHERE a.url = source_pages.url "
        "AND (source_pages.checked_at IS NULL OR a.at > source_pages.checked_at))"
    )

    def reopen_archived(self) -> None:
        """Put the URLs that are due back in the queue, unless they were left out."""
        self._connection.execute(
            f"UPDATE source_pages SET state = 'pending' WHERE source = ? AND state != 'skipped' AND {self._DUE}",  # noqa: S608
            (self._source,),
        )

    def take(self, count: int, busy: Collection[str], *, known_only: bool = False) -> list[CrawlTask]:
        """Return up to ``count`` pending URLs of the archives that are not ``busy``, in queue order."""
        return self._take(count, busy, known_only=known_only, condition=self._DUE)
