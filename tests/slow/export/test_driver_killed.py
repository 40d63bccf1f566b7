"""An export on Ray with S3 (moto), whose driver is killed many times, yields the shards of one machine."""

from pathlib import Path

import numpy as np
import pytest

from export.export_stage import run
from export.folders import open_folder
from storage import Store
from storage.tasks import Runner
from tests.export.test_export_stage import contents
from tests.slow.export.test_export_killed import RIGHTS, SETTINGS, export, fill
from tests.slow.killed_driver import URL, Driver, Machines, RayCluster, at_s3, check_end, ray_cluster
from tests.storage.machines import make, open_at

__all__ = ["at_s3", "ray_cluster"]

PRODUCTS = 30
SHARDS = 2 * PRODUCTS
"""One per product in each of two formats."""
CORES, SEED = 2, 5


def work(store: Store, runner: Runner) -> None:
    export(store, runner)


@pytest.mark.timeout(900)
def test_a_driver_on_ray_killed_at_any_moment(tmp_path: Path, at_s3: Machines, ray_cluster: RayCluster) -> None:
    del ray_cluster
    reference = Store.create(tmp_path / "alone", buckets=2)
    fill(reference, PRODUCTS)
    run(reference, SETTINGS, recipe="demo", rights=RIGHTS)
    store = make(at_s3("driver"))
    fill(store, PRODUCTS)
    store.objects.close()
    driver = Driver(f"{__name__}:work", tmp_path / "log", "ray")
    moments = np.sort(np.random.default_rng(SEED).choice(np.arange(12, SHARDS - 8), 5, replace=False)).tolist()
    driver.kill("order", 5)
    driver.kill("taken", 6)
    for number, moment in enumerate(moments):
        at_s3(f"driver-{number}" if number % 2 else "driver")
        driver.kill("begun", moment)
    at_s3("driver")
    driver.kill("commit")
    driver.run()
    begun, kills = driver.noted("begun"), len(moments) + 3
    print(f"{kills} kills, {moments} of {SHARDS} shards begun; {len(begun) - SHARDS} written twice")
    assert len(begun) <= SHARDS + CORES * kills
    with open_folder(f"{URL}/shards/demo") as folder:
        stored = {name: folder.read(name) for name in folder.files()}
    expected = contents(reference.root / "shards/demo")
    assert stored.keys() == expected.keys()
    shards = [name for name in expected if name.endswith((".tar", ".parquet"))]
    assert len(shards) == SHARDS
    assert [name for name in shards if stored[name] != expected[name]] == []
    check_end(open_at(at_s3("reader")), reference, ("splits", "products", "media", "rejects", "objects"))
