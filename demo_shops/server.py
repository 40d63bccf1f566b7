"""Serve both built shops on loopback, in a child process that ends with its parent."""

import asyncio
import hashlib
import json
import multiprocessing
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from aiohttp import web

from core.errors import UsageError
from demo_shops.folder import Layout
from demo_shops.pages import BASES
from demo_shops.products import SHOPS, ShopName

__all__ = ["ShopURLs", "serving"]

_TYPES: dict[ShopName, dict[str, str]] = {
    "north": {".html": "text/html; charset=utf-8"},
    "south": {".html": "text/html"},
}
"""The southern shop sends no charset; its pages declare it themselves."""
_COMMON_TYPES = {
    ".xml": "application/xml",
    ".txt": "text/plain; charset=utf-8",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".gif": "image/gif",
    ".mp4": "video/mp4",
}
_PAGES = (".html", ".xml", ".txt")
_NOTHING = b"<!doctype html><html><head><title>404 Not Found</title></head><body><h1>404</h1></body></html>"


class _Shop:
    """Request handlers of one shop.

    Args:
        layout: Paths of the built shops.
        shop: Which of the two.
    """

    def __init__(self, layout: Layout, shop: ShopName) -> None:
        self._layout = layout
        self._shop = shop
        self._types = _COMMON_TYPES | _TYPES[shop]
        self._answers: dict[str, dict[str, Any]] = json.loads(layout.answers(shop).read_text(encoding="utf-8"))
        self._log: Counter[tuple[str, int]] = Counter()

    async def log(self, _: web.Request) -> web.Response:
        """Return the requests so far: path -> status -> count."""
        found: dict[str, dict[str, int]] = {}
        for (path, status), times in sorted(self._log.items()):
            found.setdefault(path, {})[str(status)] = times
        return web.json_response(found)

    async def answer(self, request: web.Request) -> web.Response:
        """Answer any other request."""
        response = self._response(request)
        self._log[request.path, response.status] += 1
        return response

    def _response(self, request: web.Request) -> web.Response:
        base = f"http://{request.host}"
        known = self._answers.get(request.path, {"status": 200, "headers": {}, "file": None})
        headers = {name: value.replace(BASES[self._shop], base) for name, value in known["headers"].items()}
        if known["status"] != 200:
            return web.Response(status=known["status"], headers=headers)
        path = known["file"] or ("/index.html" if request.path == "/" else request.path)
        return self._file(request, path, base, headers)

    def _file(self, request: web.Request, path: str, base: str, headers: dict[str, str]) -> web.Response:
        file = self._layout.site(self._shop, path)
        if ".." in path or not file.is_file():
            return web.Response(status=404, body=_NOTHING, content_type="text/html")
        content = file.read_bytes()
        if file.suffix in _PAGES:
            content = content.replace(BASES[self._shop].encode(), base.encode())
        tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        headers |= {"ETag": tag, "Last-Modified": formatdate(file.stat().st_mtime, usegmt=True)}
        if _is_fresh(request, headers):
            return web.Response(status=304, headers=headers)
        return web.Response(body=content, headers=headers | {"Content-Type": self._types[file.suffix]})


def _is_fresh(request: web.Request, headers: dict[str, str]) -> bool:
    """Return whether the client has this version; a tag takes precedence over a date (RFC 9110, section 13.2.2)."""
    tags = request.headers.get("If-None-Match")
    if tags is not None:
        return headers["ETag"] in [tag.strip() for tag in tags.split(",")]
    return request.headers.get("If-Modified-Since") == headers["Last-Modified"]


def make_app(layout: Layout, shop: ShopName) -> web.Application:
    """Return the application that serves one shop."""
    app, site = web.Application(), _Shop(layout, shop)
    app.router.add_get("/__log", site.log)
    app.router.add_get("/{path:.*}", site.answer)
    return app


_HOST = "127.0.0.1"
_START_SECONDS = 30.0
_STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class ShopURLs:
    """URLs of the served shops."""

    bases: Mapping[ShopName, str]
    """Shop -> URL without a trailing slash, e.g. ``http://127.0.0.1:43117``."""

    def requests(self, shop: ShopName) -> dict[str, dict[str, int]]:
        """Return the shop's request log: path -> status -> count. Reading the log is not counted."""
        with urllib.request.urlopen(f"{self.bases[shop]}/__log", timeout=_STOP_SECONDS) as answer:  # noqa: S310 - our own URL
            log: dict[str, dict[str, int]] = json.load(answer)
        return log


async def _run(root: Path, ports: Mapping[ShopName, int], pipe: Connection) -> None:
    runners, bases = [], {}
    try:
        for shop in SHOPS:
            runner = web.AppRunner(make_app(Layout(root), shop), access_log=None)
            runners.append(runner)
            await runner.setup()
            site = web.TCPSite(runner, _HOST, ports.get(shop, 0))
            await site.start()
            bases[shop] = f"http://{_HOST}:{runner.addresses[0][1]}"
        pipe.send(bases)
        await asyncio.to_thread(_wait_for_end, pipe)
    except OSError as error:
        pipe.send(str(error))
    finally:
        for runner in runners:
            await runner.cleanup()


def _wait_for_end(pipe: Connection) -> None:
    """Return when the parent closes its end of the pipe or ends."""
    try:
        pipe.recv()
    except EOFError:
        return


def _serve(root: Path, ports: Mapping[ShopName, int], pipe: Connection) -> None:
    asyncio.run(_run(root, ports, pipe))


@contextmanager
def serving(folder: Path, ports: Mapping[ShopName, int] | None = None) -> Iterator[ShopURLs]:
    """Serve built shops while the context lasts.

    Args:
        folder: The demo's folder, as given to :func:`demo_shops.shops.build`.
        ports: Shop -> port; a free port if none is given.

    Raises:
        UsageError: A port is in use, or the server does not start.
    """
    context = multiprocessing.get_context("spawn")
    pipe, theirs = context.Pipe()
    child = context.Process(target=_serve, args=(folder, dict(ports or {}), theirs), daemon=True)
    child.start()
    theirs.close()
    try:
        started = pipe.recv() if pipe.poll(_START_SECONDS) else f"no answer within {_START_SECONDS:g} s"
        if isinstance(started, str):
            raise UsageError(f"demo shops: cannot serve on {_HOST}: {started}; choose other ports")
        yield ShopURLs(started)
    finally:
        pipe.close()
        child.join(_STOP_SECONDS)
        if child.is_alive():
            child.kill()
            child.join()
