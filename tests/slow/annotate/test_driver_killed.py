"""Encoding as tasks on Ray with S3 (moto), whose driver is killed many times, yields the candidates of one machine."""

from pathlib import Path

import numpy as np
import pytest

from annotate import candidates_stage
from annotate.candidates import CandidateSettings, vectors
from core.stage import StageReport
from storage import Store
from storage.tasks import Runner
from tests.annotate.held_out import NOW, rows_of
from tests.slow.killed_driver import Driver, Machines, RayCluster, at_s3, check_end, ray_cluster
from tests.storage.machines import make, open_at

__all__ = ["at_s3", "ray_cluster"]

LISTINGS, OF_A_TASK = 600, 10
SETTINGS = CandidateSettings(min_category=2, best=3, queries=50)
CORES, SEED = 2, 7


def work(store: Store, runner: Runner) -> None:
    vectors._LISTINGS = OF_A_TASK
    candidates_stage.run(store, SETTINGS, runner=runner)


@pytest.mark.timeout(900)
def test_a_driver_on_ray_killed_at_any_moment(tmp_path: Path, at_s3: Machines, ray_cluster: RayCluster) -> None:
    del ray_cluster
    reference = Store.create(tmp_path / "alone", buckets=2)
    fill(reference)
    candidates_stage.run(reference, SETTINGS)
    store = make(at_s3("driver"))
    fill(store)
    store.objects.close()
    of_buckets = [len(reference.snapshot().table("products", only=[bucket])) for bucket in range(2)]
    tasks = sum(-(-products // OF_A_TASK) for products in of_buckets)
    driver = Driver(f"{__name__}:work", tmp_path / "log", "ray")
    moments = np.sort(np.random.default_rng(SEED).choice(np.arange(5, tasks - 8), 5, replace=False)).tolist()
    for number, moment in enumerate(moments):
        at_s3(f"driver-{number}" if number % 2 else "driver")
        driver.kill("begun", moment)
    at_s3("driver")
    driver.kill("commit")
    driver.run()
    begun, kills = driver.noted("begun"), len(moments) + 1
    print(f"{kills} kills, {moments} of {tasks} tasks begun; {len(begun) - tasks} encoded twice")
    assert len(set(begun)) == tasks
    assert len(begun) <= tasks + CORES * kills
    check_end(open_at(at_s3("reader")), reference, ("candidates", "products", "reserve"))


def fill(store: Store) -> None:
    """Store listings of two categories, all held out."""
    colours = ("red", "green", "blue", "grey", "black")
    ids = [f"s:{number:04}" for number in range(LISTINGS)]
    seen = {"category": [], "first_seen": NOW, "last_seen": NOW}
    tables: dict[str, list[dict[str, object]]] = {
        "products": [
            {"product_id": one, "caption": f"lamp {number // 2} {colours[number % 5]}", **seen}
            for number, one in enumerate(ids)
        ],
        "specs": [
            {"product_id": one, "property": "Colour", "value": colours[number % 5]} for number, one in enumerate(ids)
        ],
        "labels": [
            {
                "product_id": one,
                "class_name": "home",
                "sub_class_id": number % 2,
                "sub_class_name": f"lamps {number % 2}",
            }
            for number, one in enumerate(ids)
        ],
        "duplicates": [{"product_id": one, "group_id": one, "rule": "alone", "kept": True, "size": 1} for one in ids],
        "reserve": [{"group_id": one, "held_out": True} for one in ids],
    }
    with store.stage("fill", settings="") as stage:
        for table, rows in tables.items():
            stage.write(table, rows_of(table, rows))
        stage.commit(StageReport("fill", LISTINGS, LISTINGS))
