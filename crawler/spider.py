"""The one spider: asks for what the queue hands out, and tells it what came."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from lxml import etree
from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.http import Response
from twisted.python.failure import Failure

from crawler.answers import PASSING_STATUSES, PageRules, read_answer, retry_after_s
from crawler.crawl_queue import CrawlQueue, Refuse
from crawler.page_client import Fetched, FetchError
from crawler.settings import CrawlSettings
from crawler.tombstoned_pages import Withhold
from crawler.visits import Task, Visit

__all__ = ["ShopSpider", "SpiderWork"]


@dataclass(frozen=True, slots=True)
class SpiderWork:
    """All that the spider works with."""

    queue: CrawlQueue
    rules: PageRules
    settings: CrawlSettings
    local_hosts: frozenset[str]
    """``host:port`` that the guard lets pass though private."""
    now: datetime
    withhold: Withhold
    refuse: Refuse
    """What robots.txt and site-wide opt-outs say of an address."""
    delay_s: float
    """Seconds between two requests."""
    browser: bool
    """Pages are rendered."""


class ShopSpider(Spider):
    """Crawls one source through its queue.

    Attributes:
        work: what it works with.
        failure: what went wrong outside any page (disk, database); the crawl ends with it.
    """

    name = "shop"

    def __init__(self, work: SpiderWork, **kwargs: Any) -> None:  # noqa: ANN401  Scrapy's own signature
        super().__init__(**kwargs)
        self.work = work
        self.failure: BaseException | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> "ShopSpider":  # noqa: ANN401
        """Build the spider and listen for its own failures, which Scrapy would only log."""
        spider = super().from_crawler(crawler, *args, **kwargs)
        crawler.signals.connect(spider.fail, signal=signals.spider_error)
        return spider

    async def start(self) -> AsyncIterator[Any]:
        """Yield nothing: the scheduler knows the start."""
        nothing: tuple[Request, ...] = ()
        for request in nothing:
            yield request

    def request(self, task: Task) -> Request:
        """Return the request of a task; conditional where its page is stored."""
        conditions = {}
        if task.page_sha256 and task.etag:
            conditions["If-None-Match"] = task.etag
        if task.page_sha256 and task.last_modified:
            conditions["If-Modified-Since"] = task.last_modified
        return Request(
            task.url,
            callback=self.parse,
            errback=partial(self.failed, task),
            headers=conditions,
            meta={"task": task},
            dont_filter=True,
        )

    def parse(self, response: Response, **_: Any) -> None:  # noqa: ANN401
        """Take an answer, whatever its status."""
        task: Task = response.meta["task"]
        answer: Fetched = response.meta["fetched"]
        self.work.queue.count_bytes(len(answer.body))
        if answer.status in PASSING_STATUSES:
            reason = "http_429" if answer.status == 429 else "http_5xx"
            asked_s = retry_after_s(answer.header("retry-after"), self.work.now)
            if self._retry(task, reason, asked_s):
                return
        try:
            visit, body = read_answer(task, answer, self.work.rules)
        except (ValueError, LookupError, RecursionError, etree.LxmlError) as error:
            detail = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            visit, body = Visit(task, "failed", "unreadable", detail, answer.status, kind=task.kind), None
        self.work.queue.finish(*self.work.withhold(visit, body), answer.headers)

    def failed(self, task: Task, failure: Failure) -> None:
        """Take a request without a whole answer."""
        error = failure.value
        if not isinstance(error, FetchError):
            self.fail(failure)
        elif not (error.passing and self._retry(task, error.reason, None)):
            self.work.queue.finish(Visit(task, "failed", error.reason, error.detail, kind=task.kind))

    def fail(self, failure: Failure) -> None:
        """Keep what went wrong beside the pages; the crawl ends with it."""
        self.failure = self.failure or failure.value

    def _retry(self, task: Task, reason: str, asked_s: float | None) -> bool:
        wait = self.work.queue.retry_in(task, reason, asked_s)
        if wait is None:
            return False
        asyncio.get_running_loop().call_later(wait, self._try_again, task)
        return True

    def _try_again(self, task: Task) -> None:
        if self.crawler.engine.spider is not None:
            self.crawler.engine.crawl(self.request(task))
