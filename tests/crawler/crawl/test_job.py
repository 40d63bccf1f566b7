"""A process that is stuck does not hold the crawl up for ever."""

import signal
from dataclasses import replace
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from crawler.crawl.job import CrawlJob, crawl_sources
from crawler.settings import CrawlSettings
from m5data.stage import SilentProgress


def stuck_or_done(job: CrawlJob, pipe: Connection) -> None:
    """End well, or never, without a word."""
    if job.name == "stuck":
        signal.pause()
    pipe.send(1)


def test_a_process_that_says_nothing_is_ended_and_has_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crawler.crawl.job.enter", stuck_or_done)
    job = CrawlJob(tmp_path, "stuck", CrawlSettings(), datetime.now(UTC), None)
    jobs = [job, replace(job, name="well")]
    assert crawl_sources(jobs, 2, SilentProgress(), silent_s=3.0) == ["stuck"]
