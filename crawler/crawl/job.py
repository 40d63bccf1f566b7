"""The crawl of one source as a job for a child process."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from core.processes.children import Child, run_children
from core.stage import Progress
from crawler.crawl.scope import web_host
from crawler.crawl.visits import Recrawl, plan_recrawl
from crawler.net.address_guard import authority
from crawler.settings import CrawlSettings, SourceSettings

__all__ = ["CrawlJob", "crawl_sources", "enter"]

_SILENT_S = 1800.0
"""Seconds without a visit after which a process is stuck: the longest pause and the longest request take minutes."""


@dataclass(frozen=True, slots=True)
class CrawlJob:
    """The crawl of one source, as sent to the child process."""

    root: Path
    """Folder of the workspace."""
    name: str
    """Name of the source."""
    settings: CrawlSettings
    now: datetime
    """Time of the run, recorded with every visit."""
    max_products: int | None = None
    force: bool = False
    """Every page is due, however recent its last visit."""
    archives: tuple[Path, ...] = ()
    """Web archives that answer instead of the shop; nothing is requested then."""

    @property
    def source(self) -> SourceSettings:
        """The source's settings."""
        return self.settings.sources[self.name]

    @property
    def notes(self) -> Path:
        """File of messages about the import of archives, a JSON list."""
        return self.root / "logs" / f"import-{self.name}.json"

    @property
    def recrawl(self) -> Recrawl:
        """The times at which the source's pages are due."""
        return plan_recrawl(self.settings, self.now, force=self.force)

    @property
    def homes(self) -> tuple[str, ...]:
        """One start URL of each host, in order."""
        return tuple({web_host(url): url for url in reversed(self.source.start)}.values())

    @property
    def local_hosts(self) -> frozenset[str]:
        """``host:port`` pairs that may be private."""
        return frozenset(authority(url) for url in self.source.start) if self.source.local else frozenset()


def crawl_sources(
    jobs: Sequence[CrawlJob], at_once: int, progress: Progress, *, silent_s: float = _SILENT_S
) -> list[str]:
    """Crawl sources, at most ``at_once`` at a time, each in a child process.

    A crawl is bounded by its own budgets. A child process ends with this one; after ``silent_s`` seconds without a
    message, it is killed and counts as failed.

    Returns:
        Names of the sources whose process failed, in order of failure.
    """
    starts = [partial(Child, enter, job, name=job.name) for job in jobs]
    return run_children(starts, progress.advance, at_once=at_once, silent_s=silent_s)


def enter(job: CrawlJob, progress: Connection) -> None:
    """Run a job in this child process; only those that crawl import Scrapy."""
    if job.archives:
        importlib.import_module("crawler.crawl.archive_import").import_source(job, progress)
    else:
        importlib.import_module("crawler.crawl.process").crawl_source(job, progress)
