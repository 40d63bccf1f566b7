"""The workers that fetch, a few per host so that no slow host delays another, and the writer of their results.

Results are stored in batches, off the event loop: objects first, flushed, then their outcomes.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass, field
from random import Random
from typing import Self

from core.stage import Clock
from crawler.media.fetch import Fetcher, OtherHostError
from crawler.media.outcome import CompletedJob, DownloadJob, FetchResult, Outcome
from crawler.media.queue import DownloadRun, UrlQueue
from crawler.media.throttle import Bandwidth, ByteBudget
from crawler.net.http_policy import RETRYABLE, is_retryable, retry_wait_s
from crawler.settings import DownloadSettings
from storage import ObjectWriter, State

__all__ = ["MAX_OTHER_HOST", "BatchWriter", "Sink", "Workers"]

_READ_AHEAD = 256
MAX_OTHER_HOST = 20
"""URLs of a host that may lead to hosts of other processes before the rest are left to a single process."""
_QUEUE = 2048
_BATCH = 4096
_GATHER_S = 0.1
"""Seconds to gather a batch: each costs several disk flushes, however small it is."""


class BatchWriter:
    """Accepts completed jobs from many tasks and stores them from one thread, a batch at a time.

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
        """Hand over a completed job, waiting while the queue is full."""
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
    def open(cls, state: State, objects: ObjectWriter, run: DownloadRun) -> Self:
        """Open a connection; ``close`` closes it and the writer of objects."""
        with ExitStack() as stack:
            connection = state.connect()
            stack.callback(connection.close)
            stack.enter_context(objects)
            return cls(objects, UrlQueue(connection, run), stack.pop_all())

    def store(self, batch: list[CompletedJob]) -> None:
        """Store the objects of a batch durably, then record its outcomes.

        A stale URL that fails keeps its object: a page still shows it, and it is stored.
        """
        outcomes: list[Outcome] = []
        kept: list[Outcome] = []
        known = self._writer.known([completed.result.sha256 for completed in batch if completed.result.sha256])
        for completed in batch:
            job, result = completed.job, completed.result
            if job.sha256 is not None and (result.not_modified or result.reason is not None):
                if result.not_modified:
                    self._writer.revisit(job.url, job.sha256)
                kept.append(completed.outcome())
            elif result.reason is not None or result.mime is None:
                outcomes.append(completed.outcome())
            else:
                if result.sha256 not in known:
                    known.add(result.sha256)
                    self._writer.add(result.sha256, result.body, mime=result.mime, url=job.url, headers=result.headers)
                outcomes.append(completed.outcome())
        self._writer.flush()
        self._queue.record(outcomes, kept)

    def close(self) -> None:
        """Close segment and connection."""
        self._resources.close()


@dataclass(frozen=True, slots=True)
class Workers:
    """Downloads the open URLs."""

    queue: UrlQueue
    """The URLs; read only from this thread."""
    fetcher: Fetcher
    writer: BatchWriter
    settings: DownloadSettings
    """Concurrency, attempts and waits."""
    random: Random
    """Jitter of the waits."""
    clock: Clock
    """Present time, to compute the moment before which a server asks for no request."""
    given_up: Callable[[int], None]
    """Called with the number of URLs that are completed without a request."""
    bandwidth: Bandwidth
    """Limit for all bodies together."""
    down: set[str] = field(default_factory=set)
    """Hosts that were given up."""

    async def run(self, own: Collection[str] | None = None) -> None:
        """Download the open URLs of some hosts (None: of all).

        Returns when all results are handed to the writer, except those of URLs that lead to other hosts.
        """
        hosts = iter([host for host, _ in self.queue.hosts() if own is None or host in own])
        async with asyncio.TaskGroup() as group:
            for _ in range(self.settings.concurrency):
                group.create_task(self._work_hosts(hosts))

    async def _work_hosts(self, hosts: Iterator[str]) -> None:
        """Complete hosts one after the other, each taken by one task."""
        for host in hosts:
            await _HostWorkers(host, self).run()

    def jobs(self, host: str) -> Iterator[DownloadJob]:
        """Yield the open URLs of a host, a few hundred read at a time."""
        after = ""
        while jobs := self.queue.open_jobs(host, after, _READ_AHEAD):
            yield from jobs
            after = jobs[-1].url

    async def complete(self, job: DownloadJob) -> FetchResult:
        """Fetch a URL until its result is final, hand it to the writer and return it."""
        result = await self.fetcher.fetch(job)
        attempts = 1
        while attempts < self.settings.attempts and (wait := self._retry_wait(result, attempts)) is not None:
            await asyncio.sleep(wait)
            result = await self.fetcher.fetch(job)
            attempts += 1
        await self.writer.put(CompletedJob(job, result, attempts, self._not_before(result)))
        await self.bandwidth.pay(len(result.body))
        return result

    def give_up(self, host: str, after: str) -> None:
        """Fail the rest of a host's URLs without a request."""
        self.down.add(host)
        self.given_up(self.queue.give_up(host, after))

    def _retry_wait(self, result: FetchResult, attempts: int) -> float | None:
        """Return the seconds to wait before the next attempt; None if there is none."""
        if result.reason is None or result.final or not is_retryable(result.reason, result.status):
            return None
        first_s, max_s = self.settings.backoff_s, self.settings.max_wait_s
        return retry_wait_s(attempts, result.retry_after_s, first_s=first_s, max_s=max_s, random=self.random)

    def _not_before(self, result: FetchResult) -> float | None:
        if result.reason is None or result.retry_after_s is None:
            return None
        return self.clock().timestamp() + result.retry_after_s


class _HostWorkers:
    """The workers of one host; the host is given up when too many of its URLs fail in a row."""

    def __init__(self, host: str, workers: Workers) -> None:
        self._host = host
        self._workers = workers
        self._jobs = workers.jobs(host)
        self._failures_in_a_row = 0
        self._other_host = 0
        self._last = ""

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(self._workers.settings.per_host):
                group.create_task(self._work())
        if self._is_down():
            self._workers.give_up(self._host, self._last)

    async def _work(self) -> None:
        while not self._is_over() and (job := next(self._jobs, None)) is not None:
            self._last = job.url
            try:
                result = await self._workers.complete(job)
            except OtherHostError:
                self._other_host += 1
                continue
            failed = result.reason in RETRYABLE and not result.final
            self._failures_in_a_row = self._failures_in_a_row + 1 if failed else 0

    def _is_over(self) -> bool:
        """Return whether to stop: the host is down, or leads to hosts of other processes."""
        return self._is_down() or self._other_host >= MAX_OTHER_HOST

    def _is_down(self) -> bool:
        return self._failures_in_a_row >= self._workers.settings.host_failures
