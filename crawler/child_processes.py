"""Several sources side by side, a child process each."""

import multiprocessing
import time
from collections import deque
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from crawler.crawl.job import CrawlJob, enter
from m5data.stage import Progress

__all__ = ["crawl_side_by_side"]

SILENT_S = 1800.0
"""A process that tells of no visit for so long is stuck: the longest pause and the longest request are minutes."""
_Running = dict[Connection, tuple[SpawnProcess, str]]


def crawl_side_by_side(
    jobs: Sequence[CrawlJob], at_once: int, progress: Progress, *, silent_s: float = SILENT_S
) -> list[str]:
    """Crawl sources, at most ``at_once`` at a time.

    How long one takes is bounded by its own budgets; a child ends when this process does. One that says nothing
    for ``silent_s`` seconds is killed, and has failed.

    Returns:
        Names of the sources whose process failed, in order of failure.
    """
    waiting = deque(jobs)
    running: _Running = {}
    heard: dict[Connection, float] = {}
    failed: list[str] = []
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                heard[_start(waiting.popleft(), running)] = time.monotonic()
            for pipe in wait(list(running), timeout=silent_s):
                if isinstance(pipe, Connection):
                    heard[pipe] = time.monotonic()
                    failed += [] if _listen(pipe, progress) else _ended(running.pop(pipe))
            for pipe in [pipe for pipe in running if time.monotonic() - heard[pipe] >= silent_s]:
                running[pipe][0].kill()  # its pipe closes, and it is found to have ended
    finally:
        for process, _ in running.values():
            process.kill()
            process.join()
    return failed


def _ended(child: tuple[SpawnProcess, str]) -> list[str]:
    """Return the source's name where its process failed."""
    process, name = child
    process.join()
    return [name] if process.exitcode else []


def _start(job: CrawlJob, running: _Running) -> Connection:
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(
        target=enter, args=(job, theirs), name=f"crawl-{job.name}", daemon=False
    )
    process.start()
    theirs.close()  # or its end would never be seen
    running[ours] = (process, job.name)
    return ours


def _listen(pipe: Connection, progress: Progress) -> bool:
    """Pass one message on; False where the child has ended."""
    try:
        progress.advance(pipe.recv())
    except EOFError:
        pipe.close()
        return False
    return True
