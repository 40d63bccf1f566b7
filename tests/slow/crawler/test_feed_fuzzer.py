"""Each of five thousand mutated feeds is read or refused within two CPU seconds.

``M5DATA_SEED`` sets the seed, ``M5DATA_FUZZ`` the number of feeds, ``M5DATA_FROM`` the first one, to resume a run.
"""

import os
import shutil
import time
from itertools import islice
from pathlib import Path

import pytest

from tests.crawler.feeds.hostile import mutated_feeds, survives

SEED = int(os.environ.get("M5DATA_SEED", "1"))
FIRST = int(os.environ.get("M5DATA_FROM", "0"))
COUNT = int(os.environ.get("M5DATA_FUZZ", "5000"))


@pytest.mark.timeout(3600)
def test_no_mutated_feed_hangs_or_raises(tmp_path: Path) -> None:
    slowest = 0.0
    for name, feed in islice(mutated_feeds(FIRST + COUNT, SEED), FIRST, None):
        folder = tmp_path / name
        folder.mkdir()
        began = time.process_time()
        survives(folder / "feed", feed)
        slowest = max(slowest, time.process_time() - began)
        shutil.rmtree(folder)
    print(f"seed {SEED}: {COUNT} feeds from {FIRST}, the slowest {slowest:.2f} CPU s")
    assert slowest < 2
