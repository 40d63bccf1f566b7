"""What is known about each host while a run lasts: how many may ask it, and how fast."""

import asyncio
from collections import OrderedDict
from collections.abc import Collection

from crawler.download_settings import DownloadSettings
from crawler.media.pace import Pace

__all__ = ["Host", "Hosts"]

_MOST = 4096


class Host:
    """Slots and pace of one host, for all that ask it, redirects from elsewhere included.

    ``async with host:`` holds a slot for one request.
    """

    def __init__(self, slots: int, interval_s: float) -> None:
        self.pace = Pace(interval_s)
        self.holders = 0
        self._slots = asyncio.Semaphore(slots)

    async def __aenter__(self) -> None:
        """Take one of the host's slots, when its pace allows the next request."""
        self.holders += 1
        try:
            await self._slots.acquire()
        except asyncio.CancelledError:
            self.holders -= 1
            raise
        try:
            wait = self.pace.take(asyncio.get_running_loop().time())
            if wait > 0:
                await asyncio.sleep(wait)
        except asyncio.CancelledError:
            await self.__aexit__()
            raise

    async def __aexit__(self, *_: object) -> None:
        """Give the slot back."""
        self.holders -= 1
        self._slots.release()


class Hosts:
    """The hosts of a run, by ``host:port``; those idle longest are forgotten beyond a few thousand."""

    def __init__(self, settings: DownloadSettings, local_hosts: Collection[str]) -> None:
        self._settings = settings
        self._local = local_hosts
        self._known: OrderedDict[str, Host] = OrderedDict()

    def of(self, authority: str) -> Host:
        """Return the host, made on first use."""
        host = self._known.get(authority)
        if host is None:
            host = self._known[authority] = self._make(authority)
            self._forget()
        self._known.move_to_end(authority)
        return host

    def _make(self, authority: str) -> Host:
        interval = 0.0 if authority in self._local else 1.0 / self._settings.requests_per_second
        return Host(self._settings.per_host, interval)

    def _forget(self) -> None:
        """Forget the idle host that was asked longest ago, once there are too many."""
        if len(self._known) > _MOST:
            idle = next((name for name, host in self._known.items() if not host.holders), None)
            if idle is not None:
                del self._known[idle]
