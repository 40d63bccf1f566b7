"""Five thousand mutated feeds: each is read or refused, within two seconds."""

import shutil
import time
from pathlib import Path

from tests.crawler.feeds.hostile import mutated_feeds, survives

SEED = 1
COUNT = 5_000


def test_no_mutated_feed_hangs_or_raises(tmp_path: Path) -> None:
    slowest = 0.0
    for name, feed in mutated_feeds(COUNT, SEED):
        folder = tmp_path / name
        folder.mkdir()
        began = time.process_time()
        survives(folder / "feed", feed)
        slowest = max(slowest, time.process_time() - began)
        shutil.rmtree(folder)
    print(f"seed {SEED}: {COUNT} feeds, the slowest {slowest:.2f} CPU s")
    assert slowest < 2
