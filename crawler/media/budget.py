"""A bound on the bytes that are held in memory at a time."""

import asyncio
from collections import deque

__all__ = ["ByteBudget"]


class ByteBudget:
    """Hands out bytes of a fixed sum, first come first served.

    Whoever takes gets all that it will need at once, so that no two wait for each other. More than
    the whole sum is cut to it: such a request runs alone.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._free = total
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def free(self) -> int:
        """Bytes not handed out."""
        return self._free

    async def take(self, size: int) -> int:
        """Wait until ``size`` bytes are free, take them, return how many were taken."""
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
