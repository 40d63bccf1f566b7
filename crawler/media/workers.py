"""The workers: a few for each host, so that no slow host holds another up."""

import asyncio
from collections.abc import Callable, Collection, Iterator
from random import Random

from crawler.media.batch_writer import BatchWriter
from crawler.media.fetch import Fetcher, OtherHostError
from crawler.media.outcome import CompletedJob, FetchResult, Job
from crawler.media.queue import UrlQueue
from crawler.media.throttle import Bandwidth
from crawler.net.http_policy import RETRYABLE, is_retryable, retry_wait_s
from crawler.settings import DownloadSettings
from m5data.stage import Clock

__all__ = ["Workers"]

_READ_AHEAD = 256
_MAX_OTHER_HOST = 20
"""URLs of a host that may lead to hosts of other processes before the rest are left to one process for all."""


class Workers:
    """Downloads the open URLs.

    Args:
        queue: the URLs; read from this thread alone.
        fetcher: downloads one URL.
        writer: stores results.
        settings: concurrency, attempts and waits.
        random: jitter of the waits.
        clock: present time, for the moment before which a server asks for no request.
        given_up: called with the number of URLs that are completed without a request.
        bandwidth: limit of all bodies together.
    """

    def __init__(
        self,
        queue: UrlQueue,
        fetcher: Fetcher,
        writer: BatchWriter,
        settings: DownloadSettings,
        random: Random,
        clock: Clock,
        given_up: Callable[[int], None],
        bandwidth: Bandwidth,
    ) -> None:
        self._queue = queue
        self._fetcher = fetcher
        self._writer = writer
        self.settings = settings
        self._random = random
        self._clock = clock
        self._given_up = given_up
        self._bandwidth = bandwidth

    async def run(self, own: Collection[str] | None = None) -> None:
        """Download the open URLs of some hosts (None: of all).

        Returns when all results are handed to the writer, except those of URLs that lead to other hosts.
        """
        hosts = iter([host for host, _ in self._queue.hosts() if own is None or host in own])
        async with asyncio.TaskGroup() as group:
            for _ in range(self.settings.concurrency):
                group.create_task(self._work_hosts(hosts))

    async def _work_hosts(self, hosts: Iterator[str]) -> None:
        """Complete hosts one after the other, each taken by one task."""
        for host in hosts:
            await _HostWorkers(host, self).run()

    def jobs(self, host: str) -> Iterator[Job]:
        """Yield the open URLs of a host, a few hundred read at a time."""
        after = ""
        while jobs := self._queue.open_jobs(host, after, _READ_AHEAD):
            yield from jobs
            after = jobs[-1].url

    async def complete(self, job: Job) -> FetchResult:
        """Fetch a URL until its result is final, hand it to the writer and return it."""
        result = await self._fetcher.fetch(job)
        attempts = 1
        while attempts < self.settings.attempts and (wait := self._retry_wait(result, attempts)) is not None:
            await asyncio.sleep(wait)
            result = await self._fetcher.fetch(job)
            attempts += 1
        await self._writer.put(CompletedJob(job, result, attempts, self._not_before(result)))
        await self._bandwidth.pay(len(result.body))
        return result

    def give_up(self, host: str, after: str) -> None:
        """Fail the rest of a host's URLs without a request."""
        self._given_up(self._queue.give_up(host, after))

    def _retry_wait(self, result: FetchResult, attempts: int) -> float | None:
        """Return the seconds to wait before the next attempt; None: there is none."""
        if result.reason is None or result.final or not is_retryable(result.reason, result.status):
            return None
        first_s, most_s = self.settings.backoff_s, self.settings.max_wait_s
        return retry_wait_s(attempts, result.retry_after_s, first_s=first_s, most_s=most_s, random=self._random)

    def _not_before(self, result: FetchResult) -> float | None:
        if result.reason is None or result.retry_after_s is None:
            return None
        return self._clock().timestamp() + result.retry_after_s


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
        return self._is_down() or self._other_host >= _MAX_OTHER_HOST

    def _is_down(self) -> bool:
        return self._failures_in_a_row >= self._workers.settings.host_failures
