"""Several sources side by side, a child process each."""

import multiprocessing
from collections import deque
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from crawler.crawl_job import CrawlJob, enter
from m5data.stage import Progress

__all__ = ["crawl_side_by_side"]

_Running = dict[Connection, tuple[SpawnProcess, str]]


def crawl_side_by_side(jobs: Sequence[CrawlJob], at_once: int, progress: Progress) -> list[str]:
    """Crawl sources, at most ``at_once`` at a time.

    How long one takes is bounded by its own budgets; a child ends when this process does.

    Returns:
        Names of the sources whose process failed, in order of failure.
    """
    waiting = deque(jobs)
    running: _Running = {}
    failed: list[str] = []
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                _start(waiting.popleft(), running)
            for pipe in wait(list(running)):
                if isinstance(pipe, Connection) and not _listen(pipe, progress):
                    process, name = running.pop(pipe)
                    process.join()
                    failed += [name] if process.exitcode else []
    finally:
        for process, _ in running.values():
            process.kill()
            process.join()
    return failed


def _start(job: CrawlJob, running: _Running) -> None:
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(
        target=enter, args=(job, theirs), name=f"crawl-{job.name}", daemon=False
    )
    process.start()
    theirs.close()  # or its end would never be seen
    running[ours] = (process, job.name)


def _listen(pipe: Connection, progress: Progress) -> bool:
    """Pass one message on; False where the child has ended."""
    try:
        progress.advance(pipe.recv())
    except EOFError:
        pipe.close()
        return False
    return True
