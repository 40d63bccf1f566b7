"""Extraction as tasks with S3 (moto), whose driver is killed at random moments, yields the tables of one machine."""

from pathlib import Path

import numpy as np
import pytest

from extract.extract_stage import run
from extract.settings import ExtractSettings
from storage import Store
from storage.tasks import Runner
from tests.extract.test_collector import check
from tests.extract.test_extract_stage import Item, download, png
from tests.slow.killed_driver import Driver, Machines, at_s3, check_end
from tests.storage.machines import make, open_at

__all__ = ["at_s3"]

SETTINGS = ExtractSettings(partition_items=4)
KILLS = 5
SEED = 11
SHOP: list[Item] = [(f"a:{level}", "image", 0, png(level)) for level in range(100)]
PARTITIONS = len(SHOP) // SETTINGS.partition_items


def work(store: Store, runner: Runner) -> None:
    run(store, SETTINGS, runner=runner)


@pytest.mark.timeout(900)
def test_five_kills_repeat_at_most_a_partition_each(tmp_path: Path, at_s3: Machines) -> None:
    reference = Store.create(tmp_path / "folder", buckets=2)
    download(reference, SHOP)
    run(reference, ExtractSettings(workers=1))
    store = make(at_s3("driver"))
    download(store, SHOP)
    store.objects.close()
    driver = Driver(f"{__name__}:work", tmp_path / "log")
    moments = sorted(np.random.default_rng(SEED).choice(np.arange(1, PARTITIONS), KILLS, replace=False).tolist())
    for moment in moments:
        driver.kill("begun", moment)
    driver.run()
    begun = driver.noted("begun")
    print(f"killed after {moments} of {PARTITIONS} partitions; {len(begun) - PARTITIONS} were run twice")
    assert len(begun) <= PARTITIONS + KILLS
    reader = open_at(at_s3("reader"))
    check_end(reader, reference, ("media", "rejects"))
    check(reader, reference)
