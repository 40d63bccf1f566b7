"""Store completed jobs in batches, off the event loop: objects first, then their outcomes."""

import asyncio
from collections.abc import Callable, Collection
from concurrent.futures import Executor
from contextlib import ExitStack
from typing import Self

from crawler.media.outcome import Outcome, Settled
from crawler.media.queue import UrlQueue
from crawler.media.throttle import ByteBudget
from crawler.settings import DownloadSettings
from storage import ObjectWriter, Store

__all__ = ["Keeper", "Shelf"]

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


class Shelf:
    """Where settled jobs go: objects into a segment, outcomes into the queue's table.

    Belongs to the thread that makes it (SQLite's connections do).
    """

    def __init__(self, writer: ObjectWriter, queue: UrlQueue, resources: ExitStack) -> None:
        self._writer = writer
        self._queue = queue
        self._resources = resources

    @classmethod
    def open(cls, store: Store, settings: DownloadSettings, local_hosts: Collection[str]) -> Self:
        """Open a segment and a connection; ``close`` closes both."""
        with ExitStack() as stack:
            connection = store.state.connect()
            stack.callback(connection.close)
            writer = stack.enter_context(store.objects.writer("media"))
            return cls(writer, UrlQueue(connection, settings, local_hosts), stack.pop_all())

    def store(self, batch: list[Settled]) -> None:
        """Store the objects of a batch durably, then record its outcomes.

        A stale URL that fails keeps its object: a page still shows it, and we have it.
        """
        outcomes: list[Outcome] = []
        kept: list[Outcome] = []
        for settled in batch:
            job, answer = settled.job, settled.answer
            if job.sha256 is not None and (answer.not_modified or answer.reason is not None):
                if answer.not_modified:
                    self._writer.revisit(job.url, job.sha256)
                kept.append(settled.outcome())
            else:
                outcomes.append(self._put(settled))
        self._writer.flush()
        self._queue.record(outcomes, kept)

    def close(self) -> None:
        """Close segment and connection."""
        self._resources.close()

    def _put(self, settled: Settled) -> Outcome:
        answer = settled.answer
        if answer.reason is not None or answer.mime is None:
            return settled.outcome()
        sha256 = self._writer.put(answer.body, mime=answer.mime, url=settled.job.url, headers=answer.headers)
        return settled.outcome(sha256)
