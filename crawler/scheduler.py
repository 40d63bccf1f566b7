"""Scrapy's queue, kept in the frontier: Scrapy's own loses it on a kill."""

import sqlite3
from typing import Self

from scrapy import Request
from scrapy.core.scheduler import BaseScheduler
from scrapy.crawler import Crawler

from crawler.spider import ShopSpider

__all__ = ["FrontierScheduler"]


class FrontierScheduler(BaseScheduler):
    """Hands the frontier's addresses to the engine."""

    def __init__(self, spider: ShopSpider) -> None:
        self._spider = spider

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Build it for the crawler's spider."""
        if not isinstance(crawler.spider, ShopSpider):
            raise TypeError(f"expected the spider of this project, got {crawler.spider!r}")
        return cls(crawler.spider)

    def has_pending_requests(self) -> bool:
        """Tell whether the crawl is to go on."""
        return self._spider.failure is None and self._spider.work.queue.is_waiting()

    def next_request(self) -> Request | None:
        """Return the next request, None where there is none at present."""
        if self._spider.failure is not None:
            return None
        try:
            task = self._spider.work.queue.next()
        except (OSError, sqlite3.Error) as error:
            # The engine would log this and ask again for ever.
            self._spider.failure = error
            return None
        return None if task is None else self._spider.request(task)

    def enqueue_request(self, request: Request) -> bool:
        """Take back a request whose wait is over."""
        self._spider.work.queue.put_back(request.meta["task"])
        return True
