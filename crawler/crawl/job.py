"""What a child process is told to do, and its entry."""

import importlib
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path

from crawler.crawl.scope import web_host
from crawler.crawl.visits import Recrawl, plan_recrawl
from crawler.net.address_guard import authority
from crawler.settings import CrawlSettings, SourceSettings

__all__ = ["CrawlJob", "enter"]


@dataclass(frozen=True, slots=True)
class CrawlJob:
    """One source's crawl, as it is sent to the child."""

    root: Path
    """The workspace."""
    name: str
    """The source."""
    settings: CrawlSettings
    now: datetime
    """Time of the run; every visit bears it."""
    max_requests: int | None = None
    force: bool = False
    """Every page is due, however recent its last visit."""

    @property
    def source(self) -> SourceSettings:
        """The source's settings."""
        return self.settings.sources[self.name]

    @property
    def recrawl(self) -> Recrawl:
        """When the source's pages are due."""
        return plan_recrawl(self.settings, self.now, force=self.force)

    @property
    def homes(self) -> tuple[str, ...]:
        """One start address of each host, in order."""
        return tuple({web_host(url): url for url in reversed(self.source.start)}.values())

    @property
    def local_hosts(self) -> frozenset[str]:
        """``host:port`` that may be private."""
        return frozenset(authority(url) for url in self.source.start) if self.source.local else frozenset()


def enter(job: CrawlJob, progress: Connection) -> None:
    """Run a job in this child process; Scrapy is loaded here, and not in the process that sent the job."""
    importlib.import_module("crawler.crawl.process").crawl_source(job, progress)
