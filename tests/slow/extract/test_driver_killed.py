"""Extraction as tasks at S3 (moto), whose driver is killed at random moments, ends in the tables of one machine."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from extract.extract_stage import run
from extract.settings import ExtractSettings
from storage import Store
from storage.place import ObjectStore
from storage.working_copy import WORKING_COPIES, working_copy
from tests.extract.test_collector import check
from tests.extract.test_extract_stage import Item, download, png
from tests.s3_server import ROOT, make_bucket, serving_s3
from tests.slow.extract.driver import SETTINGS
from tests.storage.machines import make, open_at

URL = "s3://bucket/shop"
KILLS = 5
SEED = 11
SHOP: list[Item] = [(f"a:{level}", "image", 0, png(level)) for level in range(100)]
PARTITIONS = len(SHOP) // SETTINGS.partition_items


@pytest.mark.timeout(900)
def test_five_kills_repeat_at_most_a_partition_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(WORKING_COPIES, str(tmp_path / "driver"))
    reference = Store.create(tmp_path / "folder", buckets=2)
    download(reference, SHOP)
    run(reference, ExtractSettings(workers=1))
    log = tmp_path / "begun"
    log.touch()
    with serving_s3() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        make_bucket(environment, "bucket")
        store = make(working_copy(URL))
        download(store, SHOP)
        store.objects.close()
        moments = sorted(np.random.default_rng(SEED).choice(np.arange(1, PARTITIONS), KILLS, replace=False).tolist())
        for moment in moments:
            _killed_after(moment, log)
        with _driver(log) as last:
            assert last.wait() == 0
        begun = log.read_text().splitlines()
        print(f"killed after {moments} of {PARTITIONS} partitions; {len(begun) - PARTITIONS} were run twice")
        assert len(begun) <= PARTITIONS + KILLS
        monkeypatch.setenv(WORKING_COPIES, str(tmp_path / "reader"))
        reader = open_at(working_copy(URL))
        check(reader, reference)
        there = ObjectStore(URL).list()
        assert [name for name in there if name.startswith("spool/")] == []
        assert sum(name.startswith("objects/") for name in there) == len(reader.objects.index.segments())


def _driver(log: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-m", "tests.slow.extract.driver", URL, str(log)], cwd=ROOT)


def _killed_after(begun: int, log: Path) -> None:
    """Start the driver, and kill it when so many partitions have begun."""
    with _driver(log) as process:
        while process.poll() is None and len(set(log.read_text().splitlines())) < begun:
            time.sleep(0.01)
        process.kill()
