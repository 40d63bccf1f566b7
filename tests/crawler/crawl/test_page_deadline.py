"""A page that takes too long to read is skipped, whether or not signals can interrupt its parser."""

import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest

from crawler.crawl.page_deadline import PageDeadline

URL = "https://shop.example/p/1"
DEAF = """
import signal, sys, time
from pathlib import Path
from crawler.crawl.page_deadline import PageDeadline
deadline = PageDeadline(Path(sys.argv[1]), 0.01, stuck_s=0.1)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGVTALRM})
with deadline.reading(sys.argv[2]):
    time.sleep(600)
"""


def test_stopped_page_leaves_the_next_its_own_deadline(tmp_path: Path) -> None:
    deadline = PageDeadline(tmp_path / "url", 0.05)
    with pytest.raises(TimeoutError, match=r"more than 0\.05 s"), deadline.reading(URL):
        all(one >= 0 for one in count())
    with deadline.reading(URL):
        pass
    assert PageDeadline(tmp_path / "url", 10.0).failed_before() == []


def test_page_that_ends_its_process_is_left_out_by_the_next(tmp_path: Path) -> None:
    path = tmp_path / "url"
    ended = subprocess.run([sys.executable, "-c", DEAF, str(path), URL], check=False, timeout=300)
    assert ended.returncode == 1
    (visit,) = PageDeadline(path, 10.0).failed_before()
    assert (visit.task.url, visit.state, visit.reason) == (URL, "failed", "unreadable")
    assert PageDeadline(path, 10.0).failed_before() == []


def test_a_page_that_was_read_when_the_process_was_killed_has_not_failed(tmp_path: Path) -> None:
    path = tmp_path / "url"
    path.write_text(f"{URL}\n")
    assert PageDeadline(path, 10.0).failed_before() == []
