"""The spider and the Scrapy components that it works with: scheduler and download handler."""

import asyncio
import importlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from scrapy import Request, Spider, signals
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.core.scheduler import BaseScheduler
from scrapy.crawler import Crawler
from scrapy.http import Response
from twisted.python.failure import Failure

from core.stage import Clock
from core.urls import absolute
from crawler.crawl.frontier_queue import FrontierQueue, Refuse
from crawler.crawl.page_deadline import PageDeadline
from crawler.crawl.responses import PageRules
from crawler.crawl.source_run import visit_of
from crawler.crawl.visits import CrawlTask, Visit
from crawler.net.client import ClientLimits, Fetched, FetchError, PageClient
from crawler.net.http_policy import is_retryable, retry_after_s, status_reason
from crawler.settings import CrawlSettings
from crawler.tombstoned_pages import PageRedactor

if TYPE_CHECKING:
    from crawler.crawl.browser import BrowserClient

__all__ = ["FrontierScheduler", "GuardedHandler", "ShopSpider", "SpiderWork"]


@dataclass(frozen=True, slots=True)
class SpiderWork:
    """Queue, rules and settings of one crawl."""

    queue: FrontierQueue
    rules: PageRules
    settings: CrawlSettings
    local_hosts: frozenset[str]
    """``host:port`` pairs that the guard admits although they are private."""
    clock: Clock
    redact_page: PageRedactor
    refuse: Refuse
    """robots.txt and site-wide opt-outs."""
    usage_headers: Callable[[str], tuple[tuple[str, str], ...]]
    """URL -> usage signals of its host, to be stored with the page."""
    browser: bool
    """Whether pages are rendered."""
    deadline: PageDeadline
    """Time limit for reading one page."""


class ShopSpider(Spider):
    """Crawls one source through its queue.

    Attributes:
        work: queue, rules and settings.
        failure: an error outside any page (disk, database), which ends the crawl.
    """

    name = "shop"

    def __init__(self, work: SpiderWork, **kwargs: Any) -> None:  # noqa: ANN401  Scrapy's own signature
        super().__init__(**kwargs)
        self.work = work
        self.failure: BaseException | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> "ShopSpider":  # noqa: ANN401
        """Create the spider and listen for its own failures, which Scrapy would only log."""
        spider = super().from_crawler(crawler, *args, **kwargs)
        crawler.signals.connect(spider.fail, signal=signals.spider_error)
        return spider

    async def start(self) -> AsyncIterator[Any]:
        """Yield nothing: the scheduler knows the start URLs."""
        nothing: tuple[Request, ...] = ()
        for request in nothing:
            yield request

    def request(self, task: CrawlTask) -> Request | None:
        """Return the request of a task, conditional if its page is stored; None if it has no URL that can be sent."""
        if absolute("", task.url) is None:
            return None
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
        """Process a response, whatever its status."""
        task: CrawlTask = response.meta["task"]
        fetched: Fetched = response.meta["fetched"]
        self.work.queue.count_bytes(len(fetched.body))
        if fetched.status >= 400 and is_retryable(reason := status_reason(fetched.status), fetched.status):
            asked_s = retry_after_s(fetched.header("retry-after"), self.work.clock())
            if self._retry(task, reason, asked_s, fetched.status):
                return
        visit, body = visit_of(task, fetched, self.work.rules, self.work.deadline)
        headers = (*fetched.headers, *self.work.usage_headers(task.url))
        self.work.queue.finish(*self.work.redact_page(visit, body), headers)

    def failed(self, task: CrawlTask, failure: Failure) -> None:
        """Process a request without a complete response."""
        error = failure.value
        if not isinstance(error, FetchError):
            self.fail(failure)
        elif not (is_retryable(error.reason) and self._retry(task, error.reason)):
            self.work.queue.finish(Visit(task, "failed", error.reason, error.detail, kind=task.kind))

    def fail(self, failure: Failure) -> None:
        """Keep the first error outside any page, which ends the crawl."""
        self.failure = self.failure or failure.value

    def _retry(self, task: CrawlTask, reason: str, asked_s: float | None = None, status: int | None = None) -> bool:
        wait = self.work.queue.retry_in(task, reason, asked_s, status)
        if wait is None:
            return False
        asyncio.get_running_loop().call_later(wait, self._try_again, task)
        return True

    def _try_again(self, task: CrawlTask) -> None:
        if self.crawler.engine.spider is not None and (request := self.request(task)):
            self.crawler.engine.crawl(request)


class FrontierScheduler(BaseScheduler):
    """Passes the URLs of the frontier to Scrapy's engine: Scrapy's own queue is lost on a kill."""

    def __init__(self, spider: ShopSpider) -> None:
        self._spider = spider

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Create the scheduler of the crawler's spider."""
        if not isinstance(crawler.spider, ShopSpider):
            raise TypeError(f"the spider of this project is needed, not {crawler.spider!r}")
        return cls(crawler.spider)

    def has_pending_requests(self) -> bool:
        """Return whether the crawl continues."""
        return self._spider.failure is None and self._spider.work.queue.is_waiting()

    def next_request(self) -> Request | None:
        """Return the next request; None if there is none at present."""
        queue = self._spider.work.queue
        while self._spider.failure is None:
            try:
                task = queue.next()
                if task is None:
                    return None
                if request := self._spider.request(task):
                    return request
                queue.finish(Visit(task, "failed", "bad_url", "not an http(s) URL", kind=task.kind))
            except Exception as error:  # noqa: BLE001  the engine would log it and call again forever
                self._spider.failure = error
        return None

    def enqueue_request(self, request: Request) -> bool:
        """Put back a request whose wait is over."""
        self._spider.work.queue.put_back(request.meta["task"])
        return True


class GuardedHandler(BaseDownloadHandler):
    """Downloads ``http`` and ``https`` requests, leaving the whole response in ``request.meta["fetched"]``."""

    lazy = True

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        if not isinstance(crawler.spider, ShopSpider):
            raise TypeError(f"the spider of this project is needed, not {crawler.spider!r}")
        settings = crawler.spider.work.settings
        self._limiter = crawler.spider.work.queue.limiter
        times = (settings.timeout_s, settings.connect_timeout_s)
        self._limits = ClientLimits(*times, settings.max_page_bytes)
        self._sitemap_limits = ClientLimits(*times, settings.max_sitemap_bytes)
        self._client = PageClient(settings.agent_header, crawler.spider.work.local_hosts)
        self._browser = _open_browser(self._client, crawler.spider.work)

    async def download_request(self, request: Request) -> Response:
        """Return the status of the response, for throttling.

        Raises:
            FetchError: there is no complete response.
        """
        task: CrawlTask = request.meta["task"]
        limits = self._sitemap_limits if task.kind == "sitemap" else self._limits
        await self._limiter.acquire()
        began = time.monotonic()
        conditions = {name.decode(): b"".join(values).decode() for name, values in request.headers.items()}
        client = self._browser if self._browser is not None and task.kind == "page" else self._client
        # Scrapy spells the URL of a request anew; what robots.txt allowed is the task's.
        fetched = await client.get(task.url, limits, conditions)
        request.meta["download_latency"] = time.monotonic() - began
        request.meta["fetched"] = fetched
        # Adaptive throttling speeds up only after 200; "not modified" is as good.
        return Response(request.url, status=200 if fetched.status == 304 else fetched.status)

    async def close(self) -> None:
        """Close all connections."""
        if self._browser is not None:
            await self._browser.close()
        await self._client.close()


def _open_browser(client: PageClient, work: SpiderWork) -> "BrowserClient | None":
    """Return the client that renders pages; None if the source needs no browser. Playwright is an extra."""
    if not work.browser:
        return None
    browser = importlib.import_module("crawler.crawl.browser")
    rendering = browser.Rendering(work.refuse, work.queue.limiter)
    rendered: BrowserClient = browser.BrowserClient(client, rendering, work.settings.agent_header)
    return rendered
