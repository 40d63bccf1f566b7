"""One run of the downloader over its queue: session, crew and keeper put together."""

import asyncio
from collections.abc import Collection
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from random import Random

from aiohttp.abc import AbstractResolver

from crawler.download_settings import DownloadSettings
from crawler.media.budget import ByteBudget
from crawler.media.crew import Crew
from crawler.media.fetch import Fetcher
from crawler.media.keeper import Keeper
from crawler.media.queue import UrlQueue
from crawler.media.session import MediaSession
from crawler.media.shelf import Shelf
from m5data.stage import Clock, Progress
from storage import Store

__all__ = ["Caller", "fetch_all"]

_JITTER_SEED = 0
"""The pauses of one run are spread among each other; no result depends on them."""


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf, and from where, requests are made."""

    user_agent: str
    """Sent with every request."""
    local_hosts: Collection[str] = frozenset()
    """``host:port`` of the sources marked local, lower case."""
    resolver: AbstractResolver | None = None
    """What turns names into addresses, before the guard; None: the system's."""


def fetch_all(
    store: Store,
    queue: UrlQueue,
    settings: DownloadSettings,
    caller: Caller,
    clock: Clock,
    progress: Progress,
) -> None:
    """Ask for every open URL of the queue and store what comes, until none is open.

    Raises:
        OSError: storing failed, e.g. the disk is full; what was stored before stays.
    """
    total = sum(count for _, count in queue.hosts())
    if not total:
        return
    progress.start("download", total)
    try:
        with ThreadPoolExecutor(max_workers=1) as thread:
            shelf = thread.submit(Shelf.open, store, settings, caller.local_hosts).result()
            try:
                asyncio.run(_work(queue, shelf, thread, settings, caller, clock, progress))
            finally:
                thread.submit(shelf.close).result()
    except ExceptionGroup as group:
        raise _first(group) from group
    finally:
        progress.finish()


async def _work(
    queue: UrlQueue,
    shelf: Shelf,
    thread: Executor,
    settings: DownloadSettings,
    caller: Caller,
    clock: Clock,
    progress: Progress,
) -> None:
    budget = ByteBudget(settings.max_bytes_in_flight)
    keeper = Keeper(shelf.store, thread, budget, progress.advance)
    session = MediaSession(settings, caller.user_agent, caller.local_hosts, caller.resolver)
    async with session, asyncio.TaskGroup() as group:
        fetcher = Fetcher(session, settings, caller.local_hosts, budget, clock)
        crew = Crew(queue, fetcher, keeper, settings, Random(_JITTER_SEED), clock, progress.advance)  # noqa: S311
        group.create_task(keeper.run())
        await crew.run()
        await keeper.close()


def _first(group: ExceptionGroup[Exception]) -> Exception:
    """Return the first error of nested groups: the one that ended the others."""
    error: Exception = group
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
