"""The few requests of a survey of a shop, made by the crawl's client under the crawl's rules."""

import asyncio
import socket
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import Self
from urllib.parse import urlsplit

from core.errors import DataError
from crawler.crawl.frontier import FRONTIER_DDL
from crawler.crawl.responses import redirected
from crawler.crawl.scope import Scope, web_host
from crawler.crawl.site_rules import HostRules, SiteFiles, SourceStoppedError
from crawler.crawl.visits import CrawlTask
from crawler.net.address_guard import authority, judge_address
from crawler.net.client import ClientLimits, Fetched, FetchError, PageClient
from crawler.net.http_policy import BUSY_STATUSES, RateLimiter
from crawler.net.robots import MAX_ROBOTS_BYTES
from crawler.settings import CrawlSettings

__all__ = ["MAX_REQUESTS", "MAX_SECONDS", "Visitor", "check_reachable", "is_local"]

MAX_REQUESTS = 20
"""Most requests of one survey: as many pages as a person reads before deciding."""
MAX_SECONDS = 300.0
"""Seconds after which a survey makes no further request: a person waits for it."""
_CONNECT_S = 10.0
_FEWEST_PAGES = 3
"""Pages that are looked at, whatever the delay: the home page, and two of its links."""


def is_local(url: str) -> bool:
    """Return whether the host of a URL is on this machine or its network.

    Raises:
        DataError: The host has no IP address, or one that is never requested.
    """
    return all(judge_address(host) == "private" for host, _ in _endpoints(url))


def check_reachable(url: str) -> None:
    """Check that a URL's host takes connections; nothing is requested.

    Raises:
        DataError: It takes none.
    """
    try:
        socket.create_connection(_endpoints(url)[0], timeout=_CONNECT_S).close()
    except OSError as error:
        raise _unreachable(url, (error.strerror or str(error)).lower()) from None


def _endpoints(url: str) -> list[tuple[str, int]]:
    """Return the IP addresses and ports of a URL's host.

    Raises:
        DataError: It has none, or one that is never requested.
    """
    parts = urlsplit(url)
    try:
        port = parts.port or (80 if parts.scheme == "http" else 443)
        if not parts.hostname:
            raise _unreachable(url, "the URL names no host")
        found = [(str(one[4][0]), port) for one in socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)]
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else None
        raise _unreachable(url, (said or str(error)).lower()) from None
    if any(judge_address(host) == "forbidden" for host, _ in found):
        raise _unreachable(url, "its IP address is reserved and never requested")
    return found


def _unreachable(url: str, why: str) -> DataError:
    return DataError(f"{url}: connect: {why}. Check the URL; nothing was written.")


class _PacedClient(PageClient):
    """The crawl's client, which counts its requests and waits between them."""

    def __init__(self, agent: str, local_hosts: frozenset[str], interval_s: float) -> None:
        super().__init__(agent, local_hosts)
        self.requests = 0
        self.limiter = RateLimiter(interval_s)

    async def get(self, url: str, limits: ClientLimits, headers: Mapping[str, str] | None = None) -> Fetched:
        """Return the response to one GET, after the delay."""
        await self.limiter.acquire()
        self.requests += 1
        return await super().get(url, limits, headers)


class Visitor:
    """Makes at most 20 requests in five minutes, one after another, as the crawl would.

    Args:
        url: The shop; its host may be private if ``local`` is set.
        settings: Politeness, and the opt-outs that count.
        local: Whether the shop is on this machine or its network.
    """

    def __init__(self, url: str, settings: CrawlSettings, *, local: bool) -> None:
        self.local = local
        self._settings = settings
        self._client = _PacedClient(
            settings.agent_header, frozenset({authority(url)}) if local else frozenset(), settings.delay_s
        )
        self._hosts: dict[str, HostRules] = {}
        self._disallowed: dict[str, tuple[str, ...]] = {}
        self._busy = False
        self._most = MAX_REQUESTS
        self._until: float | None = None

    @property
    def requests(self) -> int:
        """Requests made, those for robots.txt and similar files included."""
        return self._client.requests

    @property
    def left(self) -> int:
        """Requests that may still be made; none once the shop asks to be left alone."""
        if self._busy:
            return 0
        late = self._until is not None and asyncio.get_running_loop().time() > self._until
        return 0 if late else self._most - self.requests

    def slow_down(self, interval_s: float) -> None:
        """Wait ``interval_s`` between two requests from now on, and make as many as five minutes allow."""
        self._client.limiter = RateLimiter(interval_s)
        self._until = asyncio.get_running_loop().time() + MAX_SECONDS
        pages = max(_FEWEST_PAGES, int(MAX_SECONDS / interval_s)) if interval_s else MAX_REQUESTS
        # A host with many licences has used up the requests before its first page.
        self._most = max(min(MAX_REQUESTS, self.requests + pages), self.requests + _FEWEST_PAGES)
        if pages == _FEWEST_PAGES:
            self._until += _FEWEST_PAGES * interval_s

    async def rules(self, url: str) -> HostRules:
        """Return the rules of a URL's host, read as the crawl reads them.

        Raises:
            DataError: They cannot be read, so that nothing may be requested.
        """
        host = web_host(url)
        if host not in self._hosts:
            settings = self._settings
            limits = ClientLimits(settings.timeout_s, settings.connect_timeout_s, MAX_ROBOTS_BYTES, cut=True)
            with closing(sqlite3.connect(":memory:", isolation_level=None)) as files:
                for statement in FRONTIER_DDL:
                    files.execute(statement)
                reader = SiteFiles(
                    self._client, files, now=datetime.now(UTC), limits=limits, retries=0,
                    backoff_s=settings.backoff_s, max_wait_s=settings.max_wait_s,
                )  # fmt: skip
                tdm = "tdm-reservation" in settings.opt_outs
                try:
                    self._hosts[host] = await reader.rules(url, settings.user_agent, tdm=tdm)
                except SourceStoppedError as stop:
                    raise DataError(f"{stop.detail}. Check the URL.") from None
                self._disallowed[host] = _disallowed(files)
        return self._hosts[host]

    def disallowed(self, url: str) -> tuple[str, ...]:
        """Return the paths of the ``Disallow`` lines in the robots.txt of a URL's host, whomever they address."""
        return self._disallowed[web_host(url)]

    def refusal(self, url: str) -> str | None:
        """Return why the shop does not admit this crawler at a URL; None if it does."""
        rules = self._hosts.get(web_host(url))
        refused = rules.refusal(url) if rules else ("offsite", "its host is not the shop's")
        return refused[1] if refused else None

    async def get(self, url: str, *, sitemap: bool = False) -> Fetched | str:
        """Return the response of a URL, or the reason why there is none."""
        if said := self.refusal(url):
            return said
        if self.left <= 0:
            return "no request is left"
        settings = self._settings
        most = settings.max_sitemap_bytes if sitemap else settings.max_page_bytes
        try:
            answer = await self._client.get(url, ClientLimits(settings.timeout_s, settings.connect_timeout_s, most))
        except FetchError as error:
            return str(error)
        self._busy = answer.status in BUSY_STATUSES
        return answer

    async def follow(self, url: str, scope: Scope, *, sitemap: bool = False) -> tuple[str, Fetched | str]:
        """Return the URL that redirects of a URL end at, and its response, or the reason why there is none."""
        task = CrawlTask(url, "sitemap" if sitemap else "page", 4, 1, 0, 0, listed=False)
        while True:
            answer = await self.get(task.url, sitemap=sitemap)
            if isinstance(answer, str) or not 300 <= answer.status < 400:
                return task.url, answer
            found = redirected(task, answer.header("location"), scope, self._settings.max_redirects)
            if isinstance(found, str):
                return task.url, f"{found}: redirect to {answer.header('location')[:200] or 'nowhere'}"
            task = CrawlTask(found.url, found.kind, 4, 1, found.hops, 0, listed=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()


def _disallowed(files: sqlite3.Connection) -> tuple[str, ...]:
    found = files.execute("SELECT body FROM source_files WHERE url LIKE '%/robots.txt' AND status = 200").fetchall()
    lines = (line.strip() for (body,) in found for line in body.splitlines())
    paths = (line.partition(":")[2].strip() for line in lines if line.lower().startswith("disallow:"))
    return tuple(path for path in paths if path)
