"""Pages that need a browser: rendered by Chromium, while the guarded client still makes every request.

Chromium itself reaches nothing: the requests of a page are answered from here, and a proxy that does not
exist stops any request that would bypass this. Needs the extra ``browser``.
"""

import asyncio
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from playwright.async_api import Browser, BrowserContext, Error, Playwright, Route, WebSocketRoute, async_playwright

from crawler.net.client import ClientLimits, Fetched, FetchError, PageClient
from crawler.net.http_policy import RateLimiter

__all__ = ["BrowserClient", "Rendering"]

_PROGRAMS = ("chromium", "chromium-browser")
_ARGUMENTS = (
    "--proxy-server=127.0.0.1:9",
    "--proxy-bypass-list=<-loopback>",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--disable-background-networking",
)
_WANTED = frozenset({"script", "xhr", "fetch"})
"""Resources that a page needs to fill itself; the downloader fetches the images."""
_MAX_REQUESTS = 60
"""Requests per page; shops that render themselves send about ten."""
_DROPPED = frozenset({"content-type", "content-encoding", "content-length", "transfer-encoding"})


@dataclass(frozen=True, slots=True)
class Rendering:
    """Rules for the requests of a page."""

    refuse: Callable[[str], tuple[str, str] | None]
    """URL -> reason and detail why it must not be requested; None if it may be."""
    limiter: RateLimiter
    """Request rate of the source's host."""


class BrowserClient:
    """Like ``PageClient``, but returns HTML pages as they are once their scripts have run.

    Args:
        client: makes all requests.
        rendering: rules for the requests of pages.
        user_agent: shown to scripts.
    """

    def __init__(self, client: PageClient, rendering: Rendering, user_agent: str) -> None:
        self._client = client
        self._rendering = rendering
        self._user_agent = user_agent
        self._turn = asyncio.Lock()
        self._opening = asyncio.Lock()
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None

    async def get(self, url: str, limits: ClientLimits, headers: Mapping[str, str] | None = None) -> Fetched:
        """Return the response to one GET request, an HTML page as rendered.

        Raises:
            FetchError: refused by the guard, or no complete page within the limits.
        """
        response = await self._client.get(url, limits, headers)
        if response.status != 200 or not response.header("content-type").lower().startswith("text/html"):
            return response
        try:
            async with asyncio.timeout(limits.total_s):
                text = await self._render(url, response, limits)
        except (Error, TimeoutError) as error:
            detail = " ".join(str(error).split())[:200] or f"not rendered within {limits.total_s:g} s"
            raise FetchError("timeout", detail) from error
        body = text.encode()
        if len(body) > limits.max_bytes:
            raise FetchError("too_large", f"{len(body)} bytes rendered, limit {limits.max_bytes}")
        kept = tuple((name, value) for name, value in response.headers if name.lower() not in _DROPPED)
        return replace(response, headers=(*kept, ("Content-Type", "text/html; charset=utf-8")), body=body)

    async def close(self) -> None:
        """End Chromium."""
        if self._browser is not None:
            await self._browser.close()
        if self._playwright is not None:
            await self._playwright.stop()

    async def _render(self, url: str, response: Fetched, limits: ClientLimits) -> str:
        browser = await self._open()
        context = await browser.new_context(
            user_agent=self._user_agent, service_workers="block", accept_downloads=False
        )
        try:
            await self._answer_from_here(context, url, response, limits)
            page = await context.new_page()
            await page.goto(url, wait_until="networkidle", timeout=limits.total_s * 1000)
            return await page.content()
        finally:
            await context.close()

    async def _answer_from_here(
        self, context: BrowserContext, url: str, response: Fetched, limits: ClientLimits
    ) -> None:
        """Answer the page's own URL with the fetched response, and a few further requests through the client."""
        left = _MAX_REQUESTS

        async def answer_one(route: Route) -> None:
            nonlocal left
            request = route.request
            if request.is_navigation_request() and request.url == url:
                await route.fulfill(status=200, content_type=response.header("content-type"), body=response.body)
            elif request.resource_type in _WANTED and request.method == "GET" and left > 0:
                left -= 1
                await self._pass_on(route, limits)
            else:
                await route.abort()

        async def close(socket: WebSocketRoute) -> None:
            await socket.close()

        await context.route("**/*", answer_one)
        await context.route_web_socket("**/*", close)

    async def _pass_on(self, route: Route, limits: ClientLimits) -> None:
        """Make one of the page's requests if robots.txt and the guard allow it."""
        url = route.request.url
        if self._rendering.refuse(url):
            await route.abort()
            return
        async with self._turn:
            await self._rendering.limiter.acquire()
            try:
                found = await self._client.get(url, limits)
            except FetchError:
                await route.abort()
                return
        kind = found.header("content-type") or None
        await route.fulfill(status=found.status, content_type=kind, body=found.body)

    async def _open(self) -> Browser:
        async with self._opening:
            if self._browser is None:
                self._playwright = await async_playwright().start()
                program = next((path for name in _PROGRAMS if (path := shutil.which(name))), None)
                self._browser = await self._playwright.chromium.launch(
                    executable_path=program, args=list(_ARGUMENTS), chromium_sandbox=os.geteuid() != 0
                )
            return self._browser
