"""Stage ``crawl``: finds and fetches the pages of all authorised sources."""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from core.errors import DataError, SettingsError, UsageError
from core.records import Reject
from core.stage import Clock, Progress, SilentProgress, StageReport, utc_now
from core.urls import normalise
from crawler.crawl.archives import is_archive
from crawler.crawl.frontier import Frontier, each_frontier, make_frontier, open_frontier
from crawler.crawl.job import CrawlJob, crawl_sources
from crawler.crawl.nothing_kept import explain_no_pages
from crawler.crawl.scope import Scope
from crawler.crawl.visits import Found
from crawler.failures import Answers, explain_failures
from crawler.net.address_guard import authority
from crawler.settings import CrawlSettings, SourceSettings
from reader.parse import load_page_object
from storage import Store, transaction
from takedown.register import Register, open_register

__all__ = ["run"]

_Row = tuple[str, str, str | None, str, str | None]


def run(
    store: Store,
    settings: CrawlSettings,
    *,
    clock: Clock = utc_now,
    progress: Progress = SilentProgress(),
    only: Sequence[str] | None = None,
    max_products: int | None = None,
    force: bool = False,
    archives: Sequence[Path] = (),
) -> StageReport:
    """Fetch every page of the sources that is due; ``read`` counts URLs, ``kept`` those with a stored page.

    A page is due when it is new, or when its last visit is long enough ago and no sitemap calls it unchanged.
    If no page is due, nothing is requested, not even robots.txt.

    Args:
        store: the workspace.
        settings: sources and politeness.
        clock: source of the time of this run.
        progress: advanced by every visit.
        only: names of the sources to crawl; None: all that have a start URL.
        max_products: most product pages to fetch per source; None: only the settings' limits.
        force: every page is due, however recent its last visit.
        archives: web archives that answer instead of the shops: pages later than the stored ones are imported, and
            nothing is requested.

    Raises:
        NotAuthorisedError: a source may not be crawled; nothing was requested.
        SettingsError: an unknown source, an invalid start URL, a page object that cannot be loaded.
        DataError: the process of a source failed (the pages that it fetched are kept), or no page of a source was kept.
    """
    began = time.monotonic()
    names = settings.authorised(None if only is None else tuple(only))
    _check_sources(settings, names)
    _check_archives(archives)
    with store.lock():
        now = clock()
        register = open_register(store)
        files = tuple(path.absolute() for path in archives)
        jobs = [CrawlJob(store.root, name, settings, now, max_products, force, files) for name in names]
        progress.start("crawl", None)
        failed = crawl_sources(
            [job for job in jobs if _prepare(store, job, register)], settings.sources_at_once, progress
        )
        notes = [note for job in jobs for note in _import_notes(job)]
        report = _publish(store, settings, began, notes)
        progress.finish()
        empty = _without_pages(store, names)
    if failed:
        raise DataError(f"source {failed[0]}: its crawl failed. Look at logs/crawl-{failed[0]}.log, then run again.")
    if empty:
        raise DataError(" ".join(empty))
    return report


def _without_pages(store: Store, names: Mapping[str, SourceSettings]) -> list[str]:
    """Return a message for each source without a stored page."""
    said = []
    for name, source in names.items():
        with open_frontier(store, name) as connection:
            said.append(explain_no_pages(connection, name, source))
    return [message for message in said if message]


def _check_sources(settings: CrawlSettings, names: Iterable[str]) -> None:
    """Raise now the errors that the records stage would raise hours later."""
    for name in names:
        if page_object := settings.sources[name].page_object:
            load_page_object(page_object)
        if settings.sources[name].browser and find_spec("playwright") is None:
            raise SettingsError(f"sources.{name}.browser needs playwright. Run pip install 'm5data[browser]'.")
        for url in settings.sources[name].start:
            if normalise(url) is None:
                raise SettingsError(f"sources.{name}.start: {url!r} is not an http(s) URL.")


def _check_archives(archives: Iterable[Path]) -> None:
    for path in archives:
        if not path.is_file():
            raise UsageError(f"{path}: there is no such file. Name the web archives to import.")
        if not is_archive(path):
            raise UsageError(f"{path}: the file is neither WARC nor WACZ.")


def _import_notes(job: CrawlJob) -> list[str]:
    """Return the messages of a job about its archives."""
    return list(json.loads(job.notes.read_text("utf-8"))) if job.archives and job.notes.is_file() else []


def _prepare(store: Store, job: CrawlJob, register: Register) -> bool:
    """Update the frontier of a source; return whether anything is due."""
    make_frontier(store, job.name)
    with open_frontier(store, job.name) as connection:
        frontier = Frontier(connection, job.name, job.now.isoformat(), job.recrawl)
        digest = job.settings.scope_digest(job.name)
        with transaction(connection):
            known = connection.execute("SELECT scope FROM source_runs WHERE source = ?", (job.name,)).fetchone()
            if known and known[0] != digest:
                frontier.reopen_all()
                scope = Scope(job.source.start, job.source.follow, job.source.product_urls)
                frontier.leave_out(lambda url: scope.holds(url) and scope.allows(url))
            start = (url for text in job.source.start if (url := normalise(text)))
            frontier.add(Found(url, rank=0) for url in start if not register.holds("url", url))
            if not job.archives:
                frontier.reopen()
            connection.execute(
                "INSERT INTO source_runs (source, scope) VALUES (?, ?) ON CONFLICT (source) "
                "DO UPDATE SET scope = excluded.scope, stopped = NULL, detail = ''",
                (job.name, digest),
            )
        full = frontier.stored() >= (job.source.max_pages or job.settings.max_pages)
        return bool(job.archives) or frontier.waiting(known_only=full) > 0


def _publish(store: Store, settings: CrawlSettings, began: float, notes: Sequence[str]) -> StageReport:
    with store.stage("crawl", settings=settings.digest(), extra=_digest(store)) as stage:
        if stage.unchanged:
            return stage.report_unchanged()
        stage.reject(Reject(url, why, detail) for _, url, why, detail, _ in _rows(store) if why is not None)
        report = _report(store, time.monotonic() - began)
        return stage.commit(replace(report, notes=(*notes, *report.notes)))


# A URL that is pending because its source stopped early is dropped for the source's reason,
# unless an earlier page of it is stored.
_ROWS = """
SELECT p.source, p.url,
    CASE WHEN p.state = 'done' OR (p.state = 'pending' AND p.page_sha256 IS NOT NULL) THEN NULL
         WHEN p.state = 'pending' THEN coalesce(r.stopped, 'budget') ELSE p.reason END AS why,
    CASE WHEN p.state = 'pending' THEN coalesce(r.detail, '') ELSE p.detail END AS detail,
    p.page_sha256
FROM source_pages p LEFT JOIN source_runs r USING (source)
WHERE p.state != 'absent' ORDER BY p.source, p.url
"""


def _rows(store: Store) -> Iterator[_Row]:
    """Yield source, URL, reason why it has no page, detail and page of every URL, by source and URL."""
    for _, connection in each_frontier(store):
        yield from connection.execute(_ROWS)


def _report(store: Store, seconds: float) -> StageReport:
    """Count URLs: ``read`` all discovered ones, ``kept`` those with a stored page."""
    counts = Counter(why or "" for _, _, why, *_ in _rows(store))
    kept = counts.pop("", 0)
    answers = Counter((authority(url), why or "") for _, url, why, *_ in _rows(store))
    listed = (Answers(host, why, count) for (host, why), count in answers.items())
    notes = explain_failures(listed, slower="raise crawl.delay_s or the source's delay_s", retry="run m5data crawl")
    return StageReport("crawl", kept + counts.total(), kept, dict(sorted(counts.items())), seconds, notes=notes)


def _digest(store: Store) -> str:
    """Return a hash of the state of every URL."""
    digest = hashlib.sha256()
    for row in _rows(store):
        digest.update(repr(row).encode())
    return digest.hexdigest()[:16]
