"""Scrapy's door to the guarded client; its own HTTP handler checks no certificate and no address."""

import importlib
import time
from typing import TYPE_CHECKING

from scrapy import Request
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.crawler import Crawler
from scrapy.http import Response

from crawler.page_client import ClientLimits, PageClient
from crawler.spider import ShopSpider, SpiderWork
from crawler.visits import Task

if TYPE_CHECKING:
    from crawler.browser import BrowserClient

__all__ = ["GuardedHandler"]


class GuardedHandler(BaseDownloadHandler):
    """Downloads ``http`` and ``https`` requests; the whole answer is left in ``request.meta["fetched"]``."""

    lazy = True

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        if not isinstance(crawler.spider, ShopSpider):
            raise TypeError(f"expected the spider of this project, got {crawler.spider!r}")
        settings = crawler.spider.work.settings
        times = (settings.timeout_s, settings.connect_timeout_s)
        self._limits = ClientLimits(*times, settings.max_page_bytes)
        self._sitemap_limits = ClientLimits(*times, settings.max_sitemap_bytes)
        self._client = PageClient(settings.agent_header, crawler.spider.work.local_hosts)
        self._browser = _open_browser(self._client, crawler.spider.work)

    async def download_request(self, request: Request) -> Response:
        """Return the answer's status, for throttling.

        Raises:
            FetchError: there is no whole answer.
        """
        task: Task = request.meta["task"]
        limits = self._sitemap_limits if task.kind == "sitemap" else self._limits
        began = time.monotonic()
        conditions = {name.decode(): b"".join(values).decode() for name, values in request.headers.items()}
        client = self._browser if self._browser is not None and task.kind == "page" else self._client
        answer = await client.get(request.url, limits, conditions)
        request.meta["download_latency"] = time.monotonic() - began
        request.meta["fetched"] = answer
        # Adaptive throttling never speeds up at anything but 200; "not modified" is as good.
        return Response(request.url, status=200 if answer.status == 304 else answer.status)

    async def close(self) -> None:
        """Close all connections."""
        if self._browser is not None:
            await self._browser.close()
        await self._client.close()


def _open_browser(client: PageClient, work: SpiderWork) -> "BrowserClient | None":
    """Return what renders pages, None where the source needs no browser; playwright is an extra."""
    if not work.browser:
        return None
    browser = importlib.import_module("crawler.browser")
    rendering = browser.Rendering(work.refuse, work.delay_s)
    rendered: BrowserClient = browser.BrowserClient(client, rendering, work.settings.agent_header)
    return rendered
