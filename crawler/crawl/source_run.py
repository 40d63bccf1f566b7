"""Parts of a source's run that crawls and imports of archives share: the rules of its hosts, its sitemaps, its log."""

import logging
import os
import re
import sqlite3
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path

from lxml import etree

from core.urls import normalise
from crawler.crawl.frontier_queue import QueueLimits, ShowsProduct
from crawler.crawl.job import CrawlJob
from crawler.crawl.page_deadline import PageDeadline
from crawler.crawl.responses import PageRules, read_response
from crawler.crawl.scope import Scope, web_host, without_order
from crawler.crawl.site_rules import HostRules, SiteClient, SiteFiles, SourceStoppedError
from crawler.crawl.sitemaps import is_sitemap_url
from crawler.crawl.visits import CrawlTask, Found, Visit
from crawler.net.client import ClientLimits, Fetched
from crawler.net.robots import MAX_ROBOTS_BYTES
from reader.page_kind import is_product
from reader.parse import READING_ERRORS, parse_page

__all__ = [
    "RulesByHost",
    "SourceHosts",
    "limits_of",
    "log_to",
    "note_stop",
    "page_rules",
    "product_test",
    "site_files",
    "site_rules",
    "sitemaps_of",
    "visit_of",
]

_MOST_USAGE_HEADERS = 20
_MOST_SITEMAP_HOSTS = 10
"""Most other hosts of whose sitemaps the rules are read."""
_LONGEST_SHOWN = 2_000

RulesByHost = Mapping[str, HostRules]
"""Host -> its rules."""


async def site_rules(
    job: CrawlJob, connection: sqlite3.Connection, client: SiteClient
) -> tuple[RulesByHost, RulesByHost]:
    """Return the rules of the source's hosts, and of the other hosts on which its robots.txt names sitemaps.

    Raises:
        SourceStoppedError: those of one of the source's hosts cannot be read.
    """
    tdm = "tdm-reservation" in job.settings.opt_outs
    scope = Scope(job.source.start)
    files = site_files(job, connection, client)
    rules = {web_host(home): await files.rules(home, job.settings.user_agent, tdm=tdm) for home in job.homes}
    named = (sitemap for home in job.homes for _, sitemap in _named_sitemaps(home, rules) if sitemap)
    homes = {web_host(url): url for url in named if not scope.holds(url)}
    others: dict[str, HostRules] = {}
    for host, url in islice(homes.items(), _MOST_SITEMAP_HOSTS):
        with suppress(SourceStoppedError):  # its sitemaps are refused, by name
            others[host] = await files.rules(url, job.settings.user_agent, tdm=tdm)
    return rules, others


def _named_sitemaps(home: str, rules: RulesByHost) -> Iterator[tuple[str, str | None]]:
    """Yield each sitemap that a host's robots.txt names, as written and as requested; None: it is no web URL."""
    for text in rules[web_host(home)].robots.sitemaps:
        url = normalise(text, home)
        yield text, without_order(url) if url else None


def site_files(job: CrawlJob, connection: sqlite3.Connection, client: SiteClient) -> SiteFiles:
    """Return what fetches robots.txt and similar files with a client."""
    settings = job.settings
    limits = ClientLimits(settings.timeout_s, settings.connect_timeout_s, MAX_ROBOTS_BYTES, cut=True)
    return SiteFiles(
        client,
        connection,
        now=job.now,
        limits=limits,
        retries=settings.retries,
        backoff_s=settings.backoff_s,
        max_wait_s=settings.max_wait_s,
    )


class SourceHosts:
    """The rules of all hosts of a source."""

    def __init__(self, rules: RulesByHost) -> None:
        self._rules = rules

    def __call__(self, url: str) -> tuple[str, str] | None:
        """Return why a URL must not be requested, as reason and detail."""
        host = self._rules.get(web_host(url))
        return host.refusal(url) if host else ("offsite", "no start URL of the source has its host")

    def usage_headers(self, url: str) -> tuple[tuple[str, str], ...]:
        """Return the host's usage signals for a page, as headers that are stored with it."""
        host = self._rules.get(web_host(url))
        said = host.signals.statements(url) if host else ()
        named = (f"{one.place} {one.name}: {one.served[:500]}" for one in islice(said, _MOST_USAGE_HEADERS))
        return tuple(("X-Archive-Usage", value) for value in named)


def sitemaps_of(job: CrawlJob, rules: RulesByHost, others: RulesByHost) -> Iterator[Found]:
    """Yield the sitemaps that robots.txt names or, if it names none that can be requested, the usual location.

    A source that starts from sitemaps uses no others.
    """
    if any(is_sitemap_url(url) for url in job.source.start):
        return
    scope = Scope(job.source.start)
    for home in job.homes:
        requested = False
        for text, url in _named_sitemaps(home, rules):
            found = _sitemap(text, url, scope, others)
            requested = requested or found.refused is None
            yield found
        if not requested:
            yield Found("/".join(home.split("/", 3)[:3]) + "/sitemap.xml", kind="sitemap", rank=1)


def _sitemap(text: str, url: str | None, scope: Scope, others: Collection[str]) -> Found:
    """Return a sitemap that robots.txt names, refused if it cannot be requested."""
    if url is None:
        detail = "robots.txt names it as a sitemap, but it is no web URL"
        return Found(text[:_LONGEST_SHOWN], kind="sitemap", rank=1, refused="bad_url", detail=detail)
    if scope.holds(url) or web_host(url) in others:
        return Found(url, kind="sitemap", rank=1, listed=True)
    detail = "robots.txt names it as a sitemap, but the robots.txt of its host cannot be read"
    return Found(url, kind="sitemap", rank=1, refused="offsite", detail=detail)


def product_test(job: CrawlJob, deadline: PageDeadline) -> ShowsProduct:
    """Return a function that decides whether a page of the source shows a product."""
    patterns = [re.compile(pattern) for pattern in job.source.product_urls]

    def shows_product(url: str, body: bytes, headers: tuple[tuple[str, str], ...]) -> bool:
        if patterns and not any(pattern.search(url) for pattern in patterns):
            return False
        try:
            with deadline.reading(url):
                return bool(is_product(parse_page(body, url, headers, page_object=job.source.page_object)))
        except (*READING_ERRORS, TimeoutError):
            return False

    return shows_product


def limits_of(job: CrawlJob, delay_s: float) -> QueueLimits:
    """Return the budgets of a run."""
    settings = job.settings
    return QueueLimits(
        max_pages=job.source.max_pages or settings.max_pages,
        max_products=job.max_products,
        max_bytes=job.source.max_bytes or settings.max_bytes,
        max_seconds=(job.source.max_hours or settings.max_hours) * 3600,
        max_failures_in_a_row=settings.max_failures_in_a_row,
        max_depth=settings.max_depth,
        max_listing_pages=settings.max_listing_pages,
        retries=settings.retries,
        backoff_s=settings.backoff_s,
        max_wait_s=settings.max_wait_s,
        batch_pages=settings.batch_pages,
        batch_s=settings.batch_s,
        delay_s=delay_s,
    )


def page_rules(job: CrawlJob) -> PageRules:
    """Return scope and rules by which the responses of the source are read."""
    return PageRules(
        scope=Scope(job.source.start, job.source.follow, job.source.product_urls),
        agent=job.settings.user_agent,
        opt_outs=job.settings.opt_outs,
        max_redirects=job.settings.max_redirects,
        max_sitemap_bytes=job.settings.max_sitemap_bytes,
    )


def visit_of(task: CrawlTask, fetched: Fetched, rules: PageRules, deadline: PageDeadline) -> tuple[Visit, bytes | None]:
    """Return what ``read_response`` does; a response that cannot be read within the deadline is ``unreadable``."""
    try:
        with deadline.reading(task.url):
            return read_response(task, fetched, rules)
    except (ValueError, LookupError, RecursionError, TimeoutError, etree.LxmlError) as error:
        detail = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        return Visit(task, "failed", "unreadable", detail, fetched.status, kind=task.kind), None


def note_stop(connection: sqlite3.Connection, name: str, stopped: tuple[str | None, str]) -> None:
    """Record why a run stopped early, None if it did not, and a detail."""
    connection.execute("UPDATE source_runs SET stopped = ?, detail = ? WHERE source = ?", (*stopped, name))


def log_to(path: Path) -> None:
    """Write this process's log and standard error to a file."""
    path.parent.mkdir(exist_ok=True)
    with path.open("ab") as log:
        os.dup2(log.fileno(), sys.stderr.fileno())
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True)
    for handler in logging.getLogger().handlers:
        handler.setLevel(logging.INFO)  # Scrapy lowers its own loggers to DEBUG: one line per page
    logging.captureWarnings(capture=True)
