"""Several processes that fetch, each with hosts of its own: one process alone knows how often a host was asked."""

import importlib
import multiprocessing
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path

from crawler.download_settings import DownloadSettings
from m5data.stage import Progress

__all__ = ["Share", "enter", "helping", "share_hosts"]

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
    importlib.import_module("crawler.media.run").fetch_share(share, told)


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
