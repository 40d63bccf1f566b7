"""Bounds on the downloader: requests to one host, bytes in memory and bandwidth."""

import asyncio
from collections import OrderedDict, deque

from core.stage import Clock
from crawler.media.queue import DownloadRun, Pace
from crawler.net.http_policy import RateLimiter

__all__ = ["Bandwidth", "ByteBudget", "Host", "Hosts"]

_MAX_HOSTS = 4096
_MBIT_BYTES = 125_000


class Host:
    """Slots and request rate of one host, for all requests to it, redirects from elsewhere included.

    ``async with host:`` holds a slot for one request.
    """

    def __init__(self, slots: int, interval_s: float) -> None:
        self.limiter = RateLimiter(interval_s)
        self.holders = 0
        self._slots = asyncio.Semaphore(slots)

    async def __aenter__(self) -> None:
        """Take one of the host's slots, then wait until its rate allows the next request."""
        self.holders += 1
        try:
            await self._slots.acquire()
        except asyncio.CancelledError:
            self.holders -= 1
            raise
        try:
            await self.limiter.acquire()
        except asyncio.CancelledError:
            await self.__aexit__()
            raise

    async def __aexit__(self, *_: object) -> None:
        """Release the slot."""
        self.holders -= 1
        self._slots.release()


class Hosts:
    """The hosts of a run, by ``host:port``; beyond a few thousand, those that are idle longest are forgotten."""

    def __init__(self, run: DownloadRun, clock: Clock) -> None:
        self._run = run
        self._clock = clock
        self._known: OrderedDict[str, Host] = OrderedDict()

    def of(self, authority: str) -> Host:
        """Return the host, created on first use."""
        host = self._known.get(authority)
        if host is None:
            host = self._known[authority] = self._make(authority)
            self._forget()
        self._known.move_to_end(authority)
        return host

    def paces(self) -> dict[str, Pace]:
        """Return the present pace of every host."""
        now, present = asyncio.get_running_loop().time(), self._clock().timestamp()
        paces = ((name, host.limiter.pace(now)) for name, host in self._known.items())
        return {name: (present + wait, interval) for name, (wait, interval) in paces}

    def _make(self, authority: str) -> Host:
        settings = self._run.settings
        local = authority in self._run.local_hosts
        host = Host(settings.per_host, 0.0 if local else 1.0 / settings.requests_per_second)
        if before := self._run.paces.get(authority):
            wait = max(0.0, before[0] - self._clock().timestamp())
            host.limiter.continue_at(asyncio.get_running_loop().time(), (wait, before[1]))
        return host

    def _forget(self) -> None:
        """Forget the idle host whose last request is oldest, once there are too many."""
        if len(self._known) > _MAX_HOSTS:
            idle = next((name for name, host in self._known.items() if not host.holders), None)
            if idle is not None:
                del self._known[idle]


class ByteBudget:
    """Bound on the bytes that are held in memory, served in order of request.

    A caller takes all that it needs at once, so that no two wait for each other. A request for more than the whole
    budget is reduced to it, and so runs alone.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._free = total
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def free(self) -> int:
        """Bytes that no caller holds."""
        return self._free

    async def take(self, size: int) -> int:
        """Wait until ``size`` bytes are free, take them and return how many were taken."""
        size = min(size, self._total)
        if self._waiting or size > self._free:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((size, future))
            try:
                await future
            except asyncio.CancelledError:
                self._leave(size, future)
                raise
        else:
            self._free -= size
        return size

    def give(self, size: int) -> None:
        """Return ``size`` bytes."""
        self._free += size
        self._serve()

    def _serve(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._free:
            size, future = self._waiting.popleft()
            if not future.done():
                self._free -= size
                future.set_result(None)

    def _leave(self, size: int, future: asyncio.Future[None]) -> None:
        """Undo a wait that was cancelled, before or after it was served."""
        if future.done() and not future.cancelled():
            self.give(size)
        else:
            self._waiting = deque(entry for entry in self._waiting if entry[1] is not future)
            self._serve()


class Bandwidth:
    """Delays callers so that the average bandwidth stays under a limit.

    Transfers in progress are not slowed down: at most one body per request can run ahead.

    Args:
        mbit: Most megabits per second; None: no limit.
    """

    def __init__(self, mbit: float | None) -> None:
        self._seconds_a_byte = 1 / (mbit * _MBIT_BYTES) if mbit else 0.0
        self._free_at = 0.0

    async def pay(self, size: int) -> None:
        """Wait for the time that ``size`` bytes take, after all earlier ones."""
        if not self._seconds_a_byte or not size:
            return
        now = asyncio.get_running_loop().time()
        self._free_at = max(self._free_at, now) + size * self._seconds_a_byte
        await asyncio.sleep(self._free_at - now)
