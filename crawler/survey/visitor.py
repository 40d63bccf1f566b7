"""The few requests of a survey of a shop."""

import socket
from collections.abc import Callable
from typing import Self
from urllib.parse import urlsplit

from crawler.net.address_guard import authority, judge_address
from crawler.net.client import ClientLimits, Fetched, FetchError, PageClient
from crawler.net.http_policy import BUSY_STATUSES, RateLimiter
from crawler.settings import CrawlSettings

__all__ = ["MOST_REQUESTS", "Visitor", "is_local"]

MOST_REQUESTS = 20
"""Most requests of one survey: as many pages as a person reads before deciding."""


def is_local(url: str) -> bool:
    """Return whether the host of a URL is on this machine or its network."""
    parts = urlsplit(url)
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
        return bool(found) and all(judge_address(str(address[4][0])) == "private" for address in found)
    except (OSError, ValueError):
        return False


class Visitor:
    """Makes at most 20 requests, one after another, with the crawl's delay and within robots.txt.

    Args:
        url: The shop; its host may be private if ``local`` is set.
        settings: Politeness.
        local: Whether the shop is on this machine or its network.
    """

    def __init__(self, url: str, settings: CrawlSettings, *, local: bool) -> None:
        self.local = local
        self.requests = 0
        self.refuse: Callable[[str], str | None] = lambda _: None
        """URL -> why the shop does not admit this crawler there; None if it does."""
        self._client = PageClient(settings.agent_header, frozenset({authority(url)}) if local else frozenset())
        self._limits = ClientLimits(settings.timeout_s, settings.connect_timeout_s, settings.max_sitemap_bytes)
        self._limiter = RateLimiter(settings.delay_s)
        self._busy = False

    @property
    def left(self) -> int:
        """Requests that may still be made; none once the shop asks to be left alone."""
        return 0 if self._busy else MOST_REQUESTS - self.requests

    def slow_down(self, interval_s: float) -> None:
        """Wait ``interval_s`` between two requests from now on."""
        self._limiter = RateLimiter(interval_s)

    async def get(self, url: str) -> Fetched | str:
        """Return the response of a URL, or the reason why there is none."""
        if said := self.refuse(url):
            return said
        if self.left <= 0:
            return "no request is left"
        self.requests += 1
        await self._limiter.acquire()
        try:
            answer = await self._client.get(url, self._limits)
        except FetchError as error:
            return str(error)
        self._busy = answer.status in BUSY_STATUSES
        return answer

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()
