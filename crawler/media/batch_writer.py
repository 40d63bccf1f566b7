"""Store completed jobs in batches, off the event loop: objects first, flushed, then their outcomes."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import ExitStack
from typing import Self

from crawler.media.outcome import CompletedJob, Outcome
from crawler.media.queue import DownloadRun, UrlQueue
from crawler.media.throttle import ByteBudget
from storage import ObjectWriter, Store

__all__ = ["BatchWriter", "Sink"]

_QUEUE = 2048
_BATCH = 4096
_GATHER_S = 0.1
"""Seconds to gather a batch: each costs several disk flushes, however small it is."""


class BatchWriter:
    """Takes completed jobs from many tasks and stores them from one thread, a batch at a time.

    Args:
        store: stores a batch durably; called in ``thread``.
        thread: an executor of one thread.
        budget: gets the bodies' bytes back.
        stored: called with the size of each batch, once it is stored.
    """

    def __init__(
        self,
        store: Callable[[list[CompletedJob]], None],
        thread: Executor,
        budget: ByteBudget,
        stored: Callable[[int], None],
    ) -> None:
        self._store = store
        self._thread = thread
        self._budget = budget
        self._stored = stored
        self._queue: asyncio.Queue[CompletedJob | None] = asyncio.Queue(_QUEUE)

    async def put(self, completed: CompletedJob) -> None:
        """Hand over a completed job; waits while the queue is full."""
        if self._queue.full():
            await self._queue.put(completed)
        else:
            self._queue.put_nowait(completed)

    async def close(self) -> None:
        """End ``run`` once everything is stored."""
        await self._queue.put(None)

    async def run(self) -> None:
        """Store batches until closed."""
        loop = asyncio.get_running_loop()
        while (first := await self._queue.get()) is not None:
            batch, last = await self._gather(first)
            await loop.run_in_executor(self._thread, self._store, batch)
            self._budget.give(sum(completed.result.held for completed in batch))
            self._stored(len(batch))
            if last:
                return

    async def _gather(self, first: CompletedJob) -> tuple[list[CompletedJob], bool]:
        """Return a batch, and whether it is the last."""
        batch = [first]
        await asyncio.sleep(_GATHER_S)
        while len(batch) < _BATCH and not self._queue.empty():
            completed = self._queue.get_nowait()
            if completed is None:
                return batch, True
            batch.append(completed)
        return batch, False


class Sink:
    """Destination of completed jobs: a segment for objects, the queue's table for outcomes.

    Belongs to the thread that opens it, as SQLite connections do.
    """

    def __init__(self, writer: ObjectWriter, queue: UrlQueue, resources: ExitStack) -> None:
        self._writer = writer
        self._queue = queue
        self._resources = resources

    @classmethod
    def open(cls, store: Store, run: DownloadRun) -> Self:
        """Open a segment and a connection; ``close`` closes both."""
        with ExitStack() as stack:
            connection = store.state.connect()
            stack.callback(connection.close)
            writer = stack.enter_context(store.objects.writer("media"))
            return cls(writer, UrlQueue(connection, run), stack.pop_all())

    def store(self, batch: list[CompletedJob]) -> None:
        """Store the objects of a batch durably, then record its outcomes.

        A stale URL that fails keeps its object: a page still shows it, and it is stored.
        """
        outcomes: list[Outcome] = []
        kept: list[Outcome] = []
        for completed in batch:
            job, result = completed.job, completed.result
            if job.sha256 is not None and (result.not_modified or result.reason is not None):
                if result.not_modified:
                    self._writer.revisit(job.url, job.sha256)
                kept.append(completed.outcome())
            elif result.reason is not None or result.mime is None:
                outcomes.append(completed.outcome())
            else:
                sha256 = self._writer.put(result.body, mime=result.mime, url=job.url, headers=result.headers)
                outcomes.append(completed.outcome(sha256))
        self._writer.flush()
        self._queue.record(outcomes, kept)

    def close(self) -> None:
        """Close segment and connection."""
        self._resources.close()
