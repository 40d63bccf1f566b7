"""Serves both built shops on loopback, in a child process that ends with its parent."""

import asyncio
import json
import multiprocessing
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from aiohttp import web

from demo_shops.folder import Layout
from demo_shops.goods import SHOPS, ShopName
from demo_shops.site_app import make_app
from m5data.errors import UsageError

__all__ = ["ShopAddresses", "serving"]

_HOST = "127.0.0.1"
_START_SECONDS = 30.0
_STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class ShopAddresses:
    """Where the shops are served."""

    bases: Mapping[ShopName, str]
    """Shop -> address without a slash at the end, e.g. ``http://127.0.0.1:43117``."""

    def requests(self, shop: ShopName) -> dict[str, dict[str, int]]:
        """Return what the shop was asked for: path -> status -> times. Asking for this does not count."""
        with urllib.request.urlopen(f"{self.bases[shop]}/__log", timeout=_STOP_SECONDS) as answer:  # noqa: S310 - our own address
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
    """Return when the parent closes its end of the pipe, which its own end does too."""
    try:
        pipe.recv()
    except EOFError:
        return


def _serve(root: Path, ports: Mapping[ShopName, int], pipe: Connection) -> None:
    asyncio.run(_run(root, ports, pipe))


@contextmanager
def serving(folder: Path, ports: Mapping[ShopName, int] | None = None) -> Iterator[ShopAddresses]:
    """Serve built shops while the context lasts.

    Args:
        folder: The demo's folder, as given to :func:`demo_shops.shops.build`.
        ports: Shop -> port; a free one where none is given.

    Raises:
        UsageError: A port is taken, or the server does not start.
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
        yield ShopAddresses(started)
    finally:
        pipe.close()
        child.join(_STOP_SECONDS)
        if child.is_alive():
            child.kill()
            child.join()
