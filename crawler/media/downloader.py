"""One run of the downloader over its queue: session, crew and keeper put together."""

import asyncio
import importlib
import multiprocessing
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random

from aiohttp.abc import AbstractResolver

from crawler.media.batch_writer import Keeper, Shelf
from crawler.media.fetch import Fetcher
from crawler.media.queue import UrlQueue
from crawler.media.session import MediaSession
from crawler.media.throttle import Bandwidth, ByteBudget
from crawler.media.workers import Crew
from crawler.settings import DownloadSettings
from m5data.stage import Clock, Progress
from storage import Store
from storage.lock import enter_child

__all__ = ["Caller", "Share", "enter", "fetch_all", "fetch_share", "helping", "share_hosts"]

_WORTH = 2_000
"""URLs for which another process is worth its start, which takes as long as some hundred of them."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one process is to fetch."""

    root: Path
    """The workspace."""
    settings: DownloadSettings
    user_agent: str
    local_hosts: frozenset[str]
    hosts: tuple[str, ...]
    """``host:port`` that are its own."""
    now: datetime
    """Time at its start."""
    bandwidth_mbit: float | None
    """Most megabits a second, on average; None: no bound."""


def share_hosts(hosts: Sequence[tuple[str, int]], processes: int) -> list[tuple[str, ...]]:
    """Deal hosts out to processes, so that each has about as many URLs; fewer processes where there is little to do.

    Args:
        hosts: each with how many URLs, most first.
        processes: how many there may be.

    Returns:
        The hosts of each process, the first having most URLs; at least one process.
    """
    count = max(1, min(processes, len(hosts), sum(urls for _, urls in hosts) // _WORTH))
    shares: list[list[str]] = [[] for _ in range(count)]
    loads = [0] * count
    for host, urls in hosts:
        least = loads.index(min(loads))
        shares[least].append(host)
        loads[least] += urls
    order = sorted(range(count), key=lambda share: -loads[share])
    return [tuple(shares[share]) for share in order]


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
    bandwidth_mbit: float | None = None
    """Most megabits a second, on average; None: no bound."""


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
    hosts = queue.hosts()
    if not hosts:
        return
    progress.start("download", sum(count for _, count in hosts))
    try:
        shares = share_hosts(hosts, settings.processes if caller.resolver is None else 1)
        if len(shares) > 1:
            _fetch_side_by_side(store, shares, settings, caller, clock, progress)
        if queue.hosts():
            _fetch(store, queue, settings, caller, clock, progress.advance)
    finally:
        progress.finish()


def fetch_share(share: Share, told: Connection) -> None:
    """Work off one process' share; says through ``told`` how many URLs each batch held."""
    enter_child(share.root)
    store = Store.open(share.root)
    began = time.monotonic()
    with closing(store.state.connect()) as connection:
        queue = UrlQueue(connection, share.settings, share.local_hosts)
        _fetch(
            store,
            queue,
            share.settings,
            Caller(share.user_agent, share.local_hosts, bandwidth_mbit=share.bandwidth_mbit),
            lambda: share.now + timedelta(seconds=time.monotonic() - began),
            told.send,
            own=share.hosts,
        )


def _fetch_side_by_side(
    store: Store,
    shares: Sequence[tuple[str, ...]],
    settings: DownloadSettings,
    caller: Caller,
    clock: Clock,
    progress: Progress,
) -> None:
    """Work the first share off here, the others in processes of their own, within the same limits together."""
    part = settings.model_copy(
        update={
            "concurrency": max(1, settings.concurrency // len(shares)),
            "max_bytes_in_flight": max(1, settings.max_bytes_in_flight // len(shares)),
        }
    )
    mbit = caller.bandwidth_mbit and caller.bandwidth_mbit / len(shares)
    local, now = frozenset(caller.local_hosts), clock()
    rest = [Share(store.root, part, caller.user_agent, local, hosts, now, mbit) for hosts in shares[1:]]
    with helping(rest, progress), closing(store.state.connect()) as connection:
        queue = UrlQueue(connection, part, caller.local_hosts)
        own = replace(caller, bandwidth_mbit=mbit)
        _fetch(store, queue, part, own, clock, progress.advance, own=shares[0])


def _fetch(
    store: Store,
    queue: UrlQueue,
    settings: DownloadSettings,
    caller: Caller,
    clock: Clock,
    told: Callable[[int], None],
    own: Collection[str] | None = None,
) -> None:
    """Ask for the open URLs of some hosts in this process; None: of all."""
    try:
        with ThreadPoolExecutor(max_workers=1) as thread:
            shelf = thread.submit(Shelf.open, store, settings, caller.local_hosts).result()
            try:
                asyncio.run(_work(queue, shelf, thread, settings, caller, clock, told, own))
            finally:
                thread.submit(shelf.close).result()
    except ExceptionGroup as group:
        raise _first(group) from group


async def _work(
    queue: UrlQueue,
    shelf: Shelf,
    thread: Executor,
    settings: DownloadSettings,
    caller: Caller,
    clock: Clock,
    told: Callable[[int], None],
    own: Collection[str] | None,
) -> None:
    budget = ByteBudget(settings.max_bytes_in_flight)
    keeper = Keeper(shelf.store, thread, budget, told)
    session = MediaSession(settings, caller.user_agent, caller.local_hosts, caller.resolver)
    async with session, asyncio.TaskGroup() as group:
        fetcher = Fetcher(session, settings, caller.local_hosts, budget, clock, own)
        bandwidth = Bandwidth(caller.bandwidth_mbit)
        crew = Crew(queue, fetcher, keeper, settings, Random(_JITTER_SEED), clock, told, bandwidth)  # noqa: S311
        group.create_task(keeper.run())
        await crew.run(own)
        await keeper.close()


def _first(group: ExceptionGroup[Exception]) -> Exception:
    """Return the first error of nested groups: the one that ended the others."""
    error: Exception = group
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


@contextmanager
def helping(shares: Sequence[Share], progress: Progress) -> Iterator[None]:
    """Have every share worked off by a process of its own, and wait for all at the end.

    What a process leaves undone, because it ended early or was led to another's host, stays open in the queue.
    """
    started = [_start(share) for share in shares]
    try:
        yield
        for process, pipe in started:
            _listen(pipe, progress)
            process.join()
    finally:
        for process, pipe in started:
            pipe.close()
            process.kill()
            process.join()


def enter(share: Share, told: Connection) -> None:
    """Work off a share in this child process; aiohttp and the rest are loaded here."""
    importlib.import_module("crawler.media.downloader").fetch_share(share, told)


def _start(share: Share) -> tuple[multiprocessing.process.BaseProcess, Connection]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=enter, args=(share, theirs), name="download", daemon=False)
    process.start()
    theirs.close()  # or its end would never be seen
    return process, ours


def _listen(pipe: Connection, progress: Progress) -> None:
    """Pass on what a process tells until it ends."""
    while True:
        try:
            progress.advance(pipe.recv())
        except EOFError:
            return
