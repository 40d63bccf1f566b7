"""The child process that crawls one source with Scrapy."""

import asyncio
import logging
import os
import re
import sqlite3
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path

from scrapy.crawler import AsyncCrawlerProcess

from core.urls import normalise
from crawler.crawl.frontier import Frontier, open_frontier
from crawler.crawl.frontier_queue import FrontierQueue, QueueLimits, ShowsProduct
from crawler.crawl.job import CrawlJob
from crawler.crawl.page_deadline import PageDeadline
from crawler.crawl.responses import PageRules
from crawler.crawl.scope import Scope, web_host, without_order
from crawler.crawl.site_rules import HostRules, SiteFiles, SourceStoppedError
from crawler.crawl.sitemaps import is_sitemap_url
from crawler.crawl.spider import ShopSpider, SpiderWork
from crawler.crawl.visits import Found
from crawler.net.client import ClientLimits, PageClient
from crawler.net.robots import MAX_ROBOTS_BYTES
from crawler.settings import CrawlSettings
from crawler.tombstoned_pages import PageRedactor
from reader.page_kind import is_product
from reader.parse import READING_ERRORS, parse_page
from storage import Store
from storage.lock import enter_child
from takedown.register import open_register

__all__ = ["crawl_source"]

_MAX_USAGE_HEADERS = 20
_MAX_SITEMAP_HOSTS = 10
"""Most other hosts of whose sitemaps the rules are read."""
_LONGEST_SHOWN = 2_000


def crawl_source(job: CrawlJob, progress: Connection) -> None:
    """Crawl one source to its end, in this child process.

    Sends the number of visits made durable through ``progress`` after each batch.
    """
    enter_child(job.root)
    _log_to(job.root / "logs" / f"crawl-{job.name}.log")
    store = Store.open(job.root)
    with open_frontier(store, job.name) as connection:
        frontier = Frontier(connection, job.name, job.now.isoformat(), job.recrawl)
        deadline = PageDeadline(job.root / "logs" / f"reading-{job.name}.url", job.settings.parse_timeout_s)
        frontier.record(deadline.failed_before())
        try:
            rules, others = asyncio.run(_site_rules(job, connection))
            delay_s = _delay(job, rules)
        except SourceStoppedError as stop:
            _note_stop(connection, job.name, (stop.reason, stop.detail))
            return
        frontier.add(_sitemaps(job, rules, others))
        with store.objects.writer("page") as pages:
            hosts = _HostRules({**others, **rules})
            shows_product = _shows_product(job, deadline)
            queue = FrontierQueue(
                frontier, pages, _limits(job, delay_s), hosts, progress.send, shows_product, job.source.languages
            )
            with _noting_stop(connection, job.name, queue):
                _run_spider(job, queue, PageRedactor(open_register(store)), hosts, deadline)
        if licences := frontier.licences():
            asyncio.run(_fetch_licences(job, connection, licences))


async def _site_rules(
    job: CrawlJob, connection: sqlite3.Connection
) -> tuple[dict[str, HostRules], dict[str, HostRules]]:
    """Return the rules of the source's hosts, and of the other hosts on which its robots.txt names sitemaps.

    Raises:
        SourceStoppedError: those of one of the source's hosts cannot be read.
    """
    tdm = "tdm-reservation" in job.settings.opt_outs
    scope = Scope(job.source.start)
    async with PageClient(job.settings.agent_header, job.local_hosts) as client:
        files = _site_files(job, connection, client)
        rules = {web_host(home): await files.rules(home, job.settings.user_agent, tdm=tdm) for home in job.homes}
        named = (sitemap for home in job.homes for _, sitemap in _named_sitemaps(home, rules) if sitemap)
        homes = {web_host(url): url for url in named if not scope.holds(url)}
        others: dict[str, HostRules] = {}
        for host, url in islice(homes.items(), _MAX_SITEMAP_HOSTS):
            with suppress(SourceStoppedError):  # its sitemaps are refused, by name
                others[host] = await files.rules(url, job.settings.user_agent, tdm=tdm)
    return rules, others


def _named_sitemaps(home: str, rules: dict[str, HostRules]) -> Iterator[tuple[str, str | None]]:
    """Yield each sitemap that a host's robots.txt names, as written and as requested; None: it is no web URL."""
    for text in rules[web_host(home)].robots.sitemaps:
        url = normalise(text, home)
        yield text, without_order(url) if url else None


async def _fetch_licences(job: CrawlJob, connection: sqlite3.Connection, urls: list[str]) -> None:
    """Fetch the licences that pages name, once all pages are known."""
    async with PageClient(job.settings.agent_header, job.local_hosts) as client:
        await _site_files(job, connection, client).fetch(urls)


def _site_files(job: CrawlJob, connection: sqlite3.Connection, client: PageClient) -> SiteFiles:
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


class _HostRules:
    """The rules of all hosts of a source."""

    def __init__(self, rules: dict[str, HostRules]) -> None:
        self._rules = rules

    def __call__(self, url: str) -> tuple[str, str] | None:
        host = self._rules.get(web_host(url))
        return host.refusal(url) if host else ("offsite", "no start URL of the source has its host")

    def usage_headers(self, url: str) -> tuple[tuple[str, str], ...]:
        """Return the host's usage signals for a page, as headers that are stored with it."""
        host = self._rules.get(web_host(url))
        said = host.signals.statements(url) if host else ()
        named = (f"{one.place} {one.name}: {one.served[:500]}" for one in islice(said, _MAX_USAGE_HEADERS))
        return tuple(("X-Archive-Usage", value) for value in named)


def _delay(job: CrawlJob, rules: dict[str, HostRules]) -> float:
    """Return the delay between requests: the longest that the settings or any host ask for."""
    own = job.settings.delay_s if job.source.delay_s is None else job.source.delay_s
    asked = max((host.robots.delay_s for host in rules.values()), default=0.0)
    if asked > job.settings.max_delay_s:
        raise SourceStoppedError(
            "robots_delay",
            f"robots.txt asks for {asked:g} s between requests, crawl.max_delay_s is {job.settings.max_delay_s:g}",
        )
    return max(own, asked)


def _sitemaps(job: CrawlJob, rules: dict[str, HostRules], others: dict[str, HostRules]) -> Iterator[Found]:
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


def _shows_product(job: CrawlJob, deadline: PageDeadline) -> ShowsProduct:
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


def _limits(job: CrawlJob, delay_s: float) -> QueueLimits:
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


def _run_spider(
    job: CrawlJob, queue: FrontierQueue, redact_page: PageRedactor, hosts: _HostRules, deadline: PageDeadline
) -> None:
    """Fetch the URLs of the queue with Scrapy.

    Raises:
        BaseException: any error outside a page.
    """
    settings = job.settings
    rules = PageRules(
        scope=Scope(job.source.start, job.source.follow, job.source.product_urls),
        agent=settings.user_agent,
        opt_outs=settings.opt_outs,
        max_redirects=settings.max_redirects,
        max_sitemap_bytes=settings.max_sitemap_bytes,
    )
    process = AsyncCrawlerProcess(_scrapy_settings(settings, queue.limiter.interval_s))
    crawler = process.create_crawler(ShopSpider)
    began = time.monotonic()

    def clock() -> datetime:
        return job.now + timedelta(seconds=time.monotonic() - began)

    usage, browser = hosts.usage_headers, job.source.browser
    work = SpiderWork(queue, rules, settings, job.local_hosts, clock, redact_page, hosts, usage, browser, deadline)
    process.crawl(crawler, work=work)
    process.start(install_signal_handlers=False)
    spider = crawler.spider
    if not isinstance(spider, ShopSpider):
        raise TypeError("the spider did not start; the log above says why")
    if spider.failure is not None:
        raise spider.failure
    queue.flush()


@contextmanager
def _noting_stop(connection: sqlite3.Connection, name: str, queue: FrontierQueue) -> Iterator[None]:
    """Record why the crawl stopped early, if it did."""
    yield
    _note_stop(connection, name, queue.stopped or (None, ""))


def _note_stop(connection: sqlite3.Connection, name: str, stopped: tuple[str | None, str]) -> None:
    connection.execute("UPDATE source_runs SET stopped = ?, detail = ? WHERE source = ?", (*stopped, name))


def _log_to(path: Path) -> None:
    """Write this process's log and standard error to a file."""
    path.parent.mkdir(exist_ok=True)
    with path.open("ab") as log:
        os.dup2(log.fileno(), sys.stderr.fileno())
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True)
    for handler in logging.getLogger().handlers:
        handler.setLevel(logging.INFO)  # Scrapy lowers its own loggers to DEBUG: one line per page
    logging.captureWarnings(capture=True)


def _scrapy_settings(settings: CrawlSettings, delay_s: float) -> dict[str, object]:
    """Return settings under which Scrapy does only adaptive throttling and concurrency."""
    handler = "crawler.crawl.spider.GuardedHandler"
    return {
        "TWISTED_REACTOR": "twisted.internet.asyncioreactor.AsyncioSelectorReactor",
        "SCHEDULER": "crawler.crawl.spider.FrontierScheduler",
        "DOWNLOAD_HANDLERS_BASE": {"http": handler, "https": handler},
        # The queue and the client decide on delays, redirects, retries, robots.txt and size limits.
        "DOWNLOADER_MIDDLEWARES_BASE": {},
        "SPIDER_MIDDLEWARES_BASE": {},
        "EXTENSIONS_BASE": {
            "scrapy.extensions.corestats.CoreStats": 0,
            "scrapy.extensions.logstats.LogStats": 0,
            "scrapy.extensions.throttle.AutoThrottle": 0,
        },
        # The total, too: without a delay, Scrapy 2.19 starts all requests of a host at once.
        "CONCURRENT_REQUESTS": settings.concurrency_per_host,
        "CONCURRENT_REQUESTS_PER_DOMAIN": settings.concurrency_per_host,
        # Scrapy starts this many tasks for the items of every response; the spider yields none.
        "CONCURRENT_ITEMS": 1,
        "AUTOTHROTTLE_ENABLED": True,
        "AUTOTHROTTLE_START_DELAY": delay_s,
        "AUTOTHROTTLE_MAX_DELAY": max(settings.max_delay_s, delay_s),
        "AUTOTHROTTLE_TARGET_CONCURRENCY": settings.concurrency_per_host,
        "LOG_INSTALL_ROOT_HANDLER": False,  # the process has its own log
        "TELNETCONSOLE_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
    }
