"""One run of the downloader over its queue, in one process or several, each with its own hosts.

A host belongs to one process, because only one process can count the requests to it.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random

from core.processes.children import Child
from core.stage import Clock, Progress
from crawler.media.fetch import Fetcher
from crawler.media.queue import DownloadRun, Pace, UrlQueue
from crawler.media.session import MediaSession
from crawler.media.throttle import Bandwidth, ByteBudget
from crawler.media.workers import BatchWriter, Sink, Workers
from storage import Store
from storage.lock import enter_child

__all__ = ["Ended", "download", "download_all", "partition_hosts"]

_WORTH = 2_000
"""Number of URLs for which another process is worth its start, which takes as long as several hundred of them."""
_SILENT_S = 3600.0
"""Seconds without a message after which a process is stuck: three attempts at the longest video take half of it."""
_JITTER_SEED = 0
"""Seed of the waits' jitter; no result depends on them."""


@dataclass(frozen=True, slots=True)
class _Partition:
    """The part of a run that one child process downloads."""

    root: Path
    """Folder of the workspace."""
    run: DownloadRun
    hosts: tuple[str, ...]
    """Its hosts, as ``host:port``."""
    now: datetime
    """Time at its start."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The state of hosts that one part of a download passes on to the next."""

    down: frozenset[str]
    """Hosts that were given up."""
    paces: Mapping[str, Pace]
    """Pace of each host at the end."""


def partition_hosts(hosts: Sequence[tuple[str, int]], processes: int) -> list[tuple[str, ...]]:
    """Divide hosts among processes, so that each has about the same number of URLs; fewer processes for little work.

    Args:
        hosts: each with its number of URLs, most first.
        processes: most processes.

    Returns:
        The hosts of each process, the one with most URLs first; at least one process.
    """
    count = max(1, min(processes, len(hosts), sum(urls for _, urls in hosts) // _WORTH))
    partitions: list[list[str]] = [[] for _ in range(count)]
    loads = [0] * count
    for host, urls in hosts:
        least = loads.index(min(loads))
        partitions[least].append(host)
        loads[least] += urls
    order = sorted(range(count), key=lambda partition: -loads[partition])
    return [tuple(partitions[partition]) for partition in order]


def download_all(store: Store, queue: UrlQueue, run: DownloadRun, clock: Clock, progress: Progress) -> None:
    """Download every open URL of the queue and store the results, until none is open.

    Raises:
        OSError: storing failed, e.g. the disk is full; earlier results stay.
    """
    hosts = queue.hosts()
    if not hosts:
        return
    progress.start("download", sum(count for _, count in hosts))
    try:
        # A resolver cannot be sent to another process.
        partitions = partition_hosts(hosts, run.settings.processes if run.resolver is None else 1)
        if len(partitions) > 1:
            _download_side_by_side(store, partitions, run, clock, progress)
        if queue.hosts():  # left over: a process ended early, or a redirect led to another's host
            download(_sink_of(store, run), queue, run, clock, progress.advance)
    finally:
        progress.finish()


def _download_side_by_side(
    store: Store, partitions: Sequence[tuple[str, ...]], run: DownloadRun, clock: Clock, progress: Progress
) -> None:
    """Download the first partition here, the others in child processes, together within the run's limits."""
    settings, count = run.settings, len(partitions)
    part = replace(
        run,
        settings=settings.model_copy(
            update={
                "concurrency": max(1, settings.concurrency // count),
                "max_bytes_in_flight": max(1, settings.max_bytes_in_flight // count),
            }
        ),
        bandwidth_mbit=run.bandwidth_mbit and run.bandwidth_mbit / count,
    )
    now = clock()
    with ExitStack() as stack:
        listeners = stack.enter_context(ThreadPoolExecutor())
        connection = stack.enter_context(closing(store.downloads.connect()))
        listening = []
        for hosts in partitions[1:]:
            child = Child(_download_partition, _Partition(store.root, part, hosts, now), name="download")
            stack.enter_context(child)
            listening.append(listeners.submit(_listen, child, progress))
        sink = _sink_of(store, part)
        download(sink, UrlQueue(connection, part), part, clock, progress.advance, own=partitions[0])
        for listener in listening:
            listener.result()


def _listen(child: Child, progress: Progress) -> None:
    """Pass on the progress of a child process until it ends; end one that is stuck."""
    try:
        for stored in child.messages(_SILENT_S):
            progress.advance(stored)
    except TimeoutError:
        child.end()


def _download_partition(partition: _Partition, pipe: Connection) -> None:
    """Download one partition in this child process; send the size of each stored batch through ``pipe``."""
    enter_child(partition.root)
    store = Store.open(partition.root)
    began = time.monotonic()

    def clock() -> datetime:
        return partition.now + timedelta(seconds=time.monotonic() - began)

    with closing(store.downloads.connect()) as connection:
        queue = UrlQueue(connection, partition.run)
        download(_sink_of(store, partition.run), queue, partition.run, clock, pipe.send, own=partition.hosts)


def _sink_of(store: Store, run: DownloadRun) -> Callable[[], Sink]:
    return lambda: Sink.open(store.downloads, store.objects.writer("media"), run)


def download(
    open_sink: Callable[[], Sink],
    queue: UrlQueue,
    run: DownloadRun,
    clock: Clock,
    stored: Callable[[int], None],
    own: Collection[str] | None = None,
) -> Ended:
    """Download the open URLs of some or all hosts in this process.

    Args:
        open_sink: opens the destination of the results, in the thread that writes.
        queue: the URLs.
        run: limits and politeness.
        clock: source of times.
        stored: called with the size of each batch, once it is stored.
        own: the hosts to which requests may be sent; None: all.
    """
    try:
        with ThreadPoolExecutor(max_workers=1) as thread:
            sink = thread.submit(open_sink).result()
            try:
                return asyncio.run(_work(queue, sink, thread, run, clock, stored, own))
            finally:
                thread.submit(sink.close).result()
    except ExceptionGroup as group:
        raise _first(group) from group


async def _work(
    queue: UrlQueue,
    sink: Sink,
    thread: Executor,
    run: DownloadRun,
    clock: Clock,
    stored: Callable[[int], None],
    own: Collection[str] | None,
) -> Ended:
    settings = run.settings
    budget = ByteBudget(settings.max_bytes_in_flight)
    writer = BatchWriter(sink.store, thread, budget, stored)
    async with MediaSession(run) as session, asyncio.TaskGroup() as group:
        fetcher = Fetcher(session, run, budget, clock, own)
        bandwidth = Bandwidth(run.bandwidth_mbit)
        workers = Workers(queue, fetcher, writer, settings, Random(_JITTER_SEED), clock, stored, bandwidth)  # noqa: S311
        group.create_task(writer.run())
        await workers.run(own)
        await writer.close()
    return Ended(frozenset(workers.down), fetcher.hosts.paces())


def _first(group: ExceptionGroup[Exception]) -> Exception:
    """Return the first error of nested groups: the one that ended the others."""
    error: Exception = group
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
