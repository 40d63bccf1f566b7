"""The child process that crawls one source with Scrapy."""

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from multiprocessing.connection import Connection

from scrapy.crawler import AsyncCrawlerProcess

from crawler.crawl.frontier import Frontier, open_frontier
from crawler.crawl.frontier_queue import FrontierQueue
from crawler.crawl.job import CrawlJob
from crawler.crawl.page_deadline import PageDeadline
from crawler.crawl.site_rules import SourceStoppedError
from crawler.crawl.source_run import (
    RulesByHost,
    SourceHosts,
    limits_of,
    log_to,
    note_stop,
    page_rules,
    product_test,
    site_files,
    site_rules,
    sitemaps_of,
)
from crawler.crawl.spider import ShopSpider, SpiderWork
from crawler.net.client import PageClient
from crawler.settings import CrawlSettings
from crawler.tombstoned_pages import PageRedactor
from storage import Store
from storage.lock import enter_child
from takedown.register import open_register

__all__ = ["crawl_source"]


def crawl_source(job: CrawlJob, progress: Connection) -> None:
    """Crawl one source to its end, in this child process.

    Sends the number of visits made durable through ``progress`` after each batch.
    """
    enter_child(job.root)
    log_to(job.root / "logs" / f"crawl-{job.name}.log")
    store = Store.open(job.root)
    with open_frontier(store, job.name) as connection:
        frontier = Frontier(connection, job.name, job.now.isoformat(), job.recrawl)
        deadline = PageDeadline(job.root / "logs" / f"reading-{job.name}.url", job.settings.parse_timeout_s)
        frontier.record(deadline.failed_before())
        try:
            rules, others = asyncio.run(_site_rules(job, connection))
            delay_s = _delay(job, rules)
        except SourceStoppedError as stop:
            note_stop(connection, job.name, (stop.reason, stop.detail))
            return
        frontier.add(sitemaps_of(job, rules, others))
        with store.objects.writer("page") as pages:
            hosts = SourceHosts({**others, **rules})
            shows_product = product_test(job, deadline)
            queue = FrontierQueue(
                frontier, pages, limits_of(job, delay_s), hosts, progress.send, shows_product, job.source.languages
            )
            with _noting_stop(connection, job.name, queue):
                _run_spider(job, queue, PageRedactor(open_register(store)), hosts, deadline)
        if licences := frontier.licences():
            asyncio.run(_fetch_licences(job, connection, licences))


async def _site_rules(job: CrawlJob, connection: sqlite3.Connection) -> tuple[RulesByHost, RulesByHost]:
    async with PageClient(job.settings.agent_header, job.local_hosts) as client:
        return await site_rules(job, connection, client)


async def _fetch_licences(job: CrawlJob, connection: sqlite3.Connection, urls: list[str]) -> None:
    """Fetch the licences that pages name, once all pages are known."""
    async with PageClient(job.settings.agent_header, job.local_hosts) as client:
        await site_files(job, connection, client).fetch(urls)


def _delay(job: CrawlJob, rules: RulesByHost) -> float:
    """Return the delay between requests: the longest that the settings or any host ask for."""
    own = job.settings.delay_s if job.source.delay_s is None else job.source.delay_s
    asked = max((host.robots.delay_s for host in rules.values()), default=0.0)
    if asked > job.settings.max_delay_s:
        raise SourceStoppedError(
            "robots_delay",
            f"robots.txt asks for {asked:g} s between requests, crawl.max_delay_s is {job.settings.max_delay_s:g}",
        )
    return max(own, asked)


def _run_spider(
    job: CrawlJob, queue: FrontierQueue, redact_page: PageRedactor, hosts: SourceHosts, deadline: PageDeadline
) -> None:
    """Fetch the URLs of the queue with Scrapy.

    Raises:
        BaseException: any error outside a page.
    """
    settings = job.settings
    rules = page_rules(job)
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
    note_stop(connection, name, queue.stopped or (None, ""))


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
