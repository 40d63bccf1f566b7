"""Gather what came into batches, and have them stored off the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor

from crawler.media.budget import ByteBudget
from crawler.media.settled import Settled

__all__ = ["Keeper"]

_QUEUE = 2048
_BATCH = 4096
_GATHER_S = 0.1
"""Seconds to gather a batch: each costs several disk flushes, however small it is."""


class Keeper:
    """Takes settled jobs from many tasks and stores them from one thread, a batch at a time.

    Args:
        store: stores a batch durably; called in ``thread``.
        thread: an executor of one thread.
        budget: gets the bodies' bytes back.
        stored: told how many jobs a batch held, once it is stored.
    """

    def __init__(
        self,
        store: Callable[[list[Settled]], None],
        thread: Executor,
        budget: ByteBudget,
        stored: Callable[[int], None],
    ) -> None:
        self._store = store
        self._thread = thread
        self._budget = budget
        self._stored = stored
        self._queue: asyncio.Queue[Settled | None] = asyncio.Queue(_QUEUE)

    async def put(self, settled: Settled) -> None:
        """Hand over a settled job; waits while too many are."""
        if self._queue.full():
            await self._queue.put(settled)
        else:
            self._queue.put_nowait(settled)

    async def close(self) -> None:
        """Say that no more will come; ``run`` then ends."""
        await self._queue.put(None)

    async def run(self) -> None:
        """Store batches until closed."""
        loop = asyncio.get_running_loop()
        while (first := await self._queue.get()) is not None:
            batch, last = await self._gather(first)
            await loop.run_in_executor(self._thread, self._store, batch)
            self._budget.give(sum(settled.answer.held for settled in batch))
            self._stored(len(batch))
            if last:
                return

    async def _gather(self, first: Settled) -> tuple[list[Settled], bool]:
        """Return a batch, and whether it is the last."""
        batch = [first]
        await asyncio.sleep(_GATHER_S)
        while len(batch) < _BATCH and not self._queue.empty():
            settled = self._queue.get_nowait()
            if settled is None:
                return batch, True
            batch.append(settled)
        return batch, False
