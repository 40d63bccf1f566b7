"""A small synthetic shop on loopback that records its requests."""

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
from aiohttp import web

from crawler.settings import CrawlSettings, SourceSettings
from storage import Store

NOW = datetime(2024, 5, 1, 12, 0, 0, tzinfo=UTC)

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def product_page(name: str, *, links: str = "", head: str = "", sku: str | None = None) -> str:
    """Return a page with one product in JSON-LD and its specifications in a table."""
    return f"""<!doctype html><html><head><title>{name}</title>{head}
<script type="application/ld+json">{{"@context": "https://schema.org", "@type": "Product", "name": "{name}",
 "sku": "{sku or name}", "image": ["/img/{name}-0.jpg", "/img/{name}-1.jpg"],
 "brand": {{"@type": "Brand", "name": "Acme"}},
 "offers": {{"@type": "Offer", "price": "12.50", "priceCurrency": "EUR", "availability": "https://schema.org/InStock"}}}}
</script></head><body><h1>{name}</h1>
<table class="specs"><tr><th>Colour</th><td>blue</td></tr><tr><th>Weight</th><td>12 g</td></tr>
<tr><th>Material</th><td>steel</td></tr></table>{links}</body></html>"""


def listing_page(urls: list[str], *, following: str | None = None, head: str = "") -> str:
    """Return a page of links."""
    items = "".join(f'<li><a href="{url}">{url}</a></li>' for url in urls)
    more = f'<a rel="next" href="{following}">next</a>' if following else ""
    return f"<!doctype html><html><head><title>All</title>{head}</head><body><ul>{items}</ul>{more}</body></html>"


@dataclass
class Shop:
    """A server whose pages a test may change while it runs."""

    pages: dict[str, str | bytes | Answer] = field(default_factory=dict)
    """Path with query -> HTML, bytes, or a handler. The ETag is the content's hash."""
    otherwise: Answer | None = None
    """Handler of all other paths; None: they return 404."""
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    at_request: dict[int, Callable[[], None]] = field(default_factory=dict)
    """Number of a request, from 1 -> action when it arrives."""
    port: int = 0
    busiest: int = 0
    """Most requests in progress at once."""
    _busy: int = 0
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _runner: web.AppRunner | None = None
    _thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def count(self) -> Counter[str]:
        """Return the number of requests by path."""
        return Counter(path for path, _ in self.asked)

    def __enter__(self) -> Self:
        started = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(started,), daemon=True)
        self._thread.start()
        assert started.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        assert self._thread is not None
        self._thread.join(10)
        self._loop.close()

    def _serve(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._start())
        started.set()
        self._loop.run_forever()

    async def _start(self) -> None:
        app = web.Application()
        app.router.add_route("GET", "/{rest:.*}", self._count)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _stop(self) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _count(self, request: web.Request) -> web.StreamResponse:
        self._busy += 1
        self.busiest = max(self.busiest, self._busy)
        try:
            await asyncio.sleep(0)
            return await self._answer(request)
        finally:
            self._busy -= 1

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.path_qs, dict(request.headers)))
        self.at_request.pop(len(self.asked), lambda: None)()
        page = self.pages.get(request.path_qs) or self.otherwise
        if page is None:
            return web.Response(status=404, text="nothing here")
        if callable(page):
            return await page(request)
        body = page.encode() if isinstance(page, str) else page
        tag = f'"{hash(body) & 0xFFFFFFFF:x}"'
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers={"ETag": tag})
        mime = "text/html; charset=utf-8" if isinstance(page, str) else "application/octet-stream"
        return web.Response(body=body, headers={"ETag": tag, "Content-Type": mime})


@pytest.fixture
def shop() -> Iterator[Shop]:
    with Shop() as running:
        yield running


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "ws", buckets=2)


@dataclass
class Clock:
    """A clock that tests advance."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_hours(self, hours: float) -> None:
        self.now += timedelta(hours=hours)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def settings_for(
    shop: Shop, *, start: str = "/", source: dict[str, object] | None = None, **crawl: object
) -> CrawlSettings:
    """Return settings for one local source ``shop``, without delays."""
    options: dict[str, object] = {
        "start": (shop.url + start,),
        "crawl_authorised": True,
        "local": True,
        **(source or {}),
    }
    manners: dict[str, object] = {
        "delay_s": 0, "backoff_s": 0.01, "timeout_s": 60, "concurrency_per_host": 4, "retries": 2, **crawl,
    }  # fmt: skip
    return CrawlSettings.model_validate({"sources": {"shop": SourceSettings.model_validate(options)}, **manners})
