"""The crew: a lane for each host, so that no slow host holds another up."""

import asyncio
from collections.abc import Callable, Collection, Iterator
from random import Random

from crawler.media.batch_writer import Keeper
from crawler.media.fetch import ElsewhereError, Fetcher
from crawler.media.outcome import RETRYABLE, Answer, Job, Settled
from crawler.media.queue import UrlQueue
from crawler.media.throttle import Bandwidth
from crawler.net.http_policy import pause
from crawler.settings import DownloadSettings
from m5data.stage import Clock

__all__ = ["Crew"]

_AHEAD = 256
_ELSEWHERE = 20
"""URLs of a host that may lead to hosts of other processes before the rest are left to one process for all."""


class Crew:
    """Works the open URLs off.

    Args:
        queue: where they stand; read from this thread alone.
        fetcher: asks for one.
        keeper: stores what came of it.
        settings: how many at a time, how often.
        random: jitter of the pauses.
        clock: for the moment before which a server asked not to come again.
        given_up: told of a number of URLs that are done without being asked for.
        bandwidth: what all bodies together may take of the line.
    """

    def __init__(
        self,
        queue: UrlQueue,
        fetcher: Fetcher,
        keeper: Keeper,
        settings: DownloadSettings,
        random: Random,
        clock: Clock,
        given_up: Callable[[int], None],
        bandwidth: Bandwidth,
    ) -> None:
        self._queue = queue
        self._fetcher = fetcher
        self._keeper = keeper
        self.settings = settings
        self._random = random
        self._clock = clock
        self._given_up = given_up
        self._bandwidth = bandwidth

    async def run(self, own: Collection[str] | None = None) -> None:
        """Ask for the open URLs of some hosts (None: of all), each once it is its turn.

        Returns when all are handed to the keeper, but for those that lead to other hosts.
        """
        hosts = iter([host for host, _ in self._queue.hosts() if own is None or host in own])
        async with asyncio.TaskGroup() as group:
            for _ in range(self.settings.concurrency):
                group.create_task(self._lanes(hosts))

    async def _lanes(self, hosts: Iterator[str]) -> None:
        """Work hosts off one after the other, each taken by one task."""
        for host in hosts:
            await _Lane(host, self).run()

    def jobs(self, host: str) -> Iterator[Job]:
        """Yield the open URLs of a host, a few hundred read at a time."""
        after = ""
        while jobs := self._queue.open_jobs(host, after, _AHEAD):
            yield from jobs
            after = jobs[-1].url

    async def settle(self, job: Job) -> Answer:
        """Ask for a URL until there is an answer to keep to, hand it to the keeper and return it."""
        answer = await self._fetcher.fetch(job)
        attempts = 1
        while attempts < self.settings.attempts and (wait := self._wait(answer, attempts)) is not None:
            await asyncio.sleep(wait)
            answer = await self._fetcher.fetch(job)
            attempts += 1
        await self._keeper.put(Settled(job, answer, attempts, self._not_before(answer)))
        await self._bandwidth.pay(len(answer.body))
        return answer

    def give_up(self, host: str, after: str) -> None:
        """Do not ask for the rest of a host's URLs."""
        self._given_up(self._queue.give_up(host, after))

    def _wait(self, answer: Answer, attempts: int) -> float | None:
        """Return the seconds to wait before asking again; None: do not."""
        if answer.reason not in RETRYABLE or answer.final:
            return None
        settings = self.settings
        wait = pause(attempts, first_s=settings.backoff_s, most_s=settings.max_wait_s, random=self._random)
        if answer.retry_after_s is None:
            return wait
        return None if answer.retry_after_s > settings.max_wait_s else max(wait, answer.retry_after_s)

    def _not_before(self, answer: Answer) -> float | None:
        if answer.reason is None or answer.retry_after_s is None:
            return None
        return self._clock().timestamp() + answer.retry_after_s


class _Lane:
    """One host's URLs, worked off by a few tasks; given up when too many fail in a row."""

    def __init__(self, host: str, crew: Crew) -> None:
        self._host = host
        self._crew = crew
        self._jobs = crew.jobs(host)
        self._in_a_row = 0
        self._elsewhere = 0
        self._last = ""

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(self._crew.settings.per_host):
                group.create_task(self._work())
        if self._is_down():
            self._crew.give_up(self._host, self._last)

    async def _work(self) -> None:
        while not self._is_to_end() and (job := next(self._jobs, None)) is not None:
            self._last = job.url
            try:
                answer = await self._crew.settle(job)
            except ElsewhereError:
                self._elsewhere += 1
                continue
            failed = answer.reason in RETRYABLE and not answer.final
            self._in_a_row = self._in_a_row + 1 if failed else 0

    def _is_to_end(self) -> bool:
        """Tell whether to ask no more: the host is down, or leads to hosts of other processes."""
        return self._is_down() or self._elsewhere >= _ELSEWHERE

    def _is_down(self) -> bool:
        return self._in_a_row >= self._crew.settings.host_failures
