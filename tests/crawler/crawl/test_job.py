"""A stuck process does not hold up the crawl forever."""

import signal
from dataclasses import replace
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from core.stage import SilentProgress
from crawler.crawl.job import CrawlJob, crawl_sources
from crawler.settings import CrawlSettings


def stuck_or_done(job: CrawlJob, pipe: Connection) -> None:
    """Send one message and end, or hang silently if the job is named ``stuck``."""
    if job.name == "stuck":
        signal.pause()
    pipe.send(1)


def test_a_process_that_says_nothing_is_ended_and_has_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crawler.crawl.job.enter", stuck_or_done)
    job = CrawlJob(tmp_path, "stuck", CrawlSettings(), datetime.now(UTC), None)
    assert crawl_sources([job], 2, SilentProgress(), silent_s=0.5) == ["stuck"]
    assert crawl_sources([replace(job, name="well")], 2, SilentProgress(), silent_s=60.0) == []
