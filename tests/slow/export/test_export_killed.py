"""After a kill at any moment of an export as tasks, the next run yields the files of an undisturbed one."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from core.stage import StageReport
from export.export_stage import run
from export.rights import Rights
from export.settings import ExportSettings
from storage import Store
from storage.lease import LEASE
from storage.tasks import Runner, TaskFunction, in_process
from tests.export.synthetic import picture, product, rows
from tests.storage.failing_store import FailingStore
from tests.storage.machines import OnMachine, far, make, on_machine, open_at

__all__ = ["far", "on_machine"]

RIGHTS = {"shop": Rights(share=True, licence="CC0-1.0")}
SETTINGS = ExportSettings(max_shard_bytes=1024)
"""One shard per product."""
EARLIER = ExportSettings(max_shard_bytes=3000)
EVERY = 7
"""Writes between two kills."""


def fill(store: Store, count: int) -> None:
    """Put products with one image each into one split."""
    with store.stage("fill", settings="") as stage:
        with store.objects.writer("media") as media:
            images = [media.put(picture(n), mime="image/jpeg", url=f"https://shop.example/{n}") for n in range(count)]
        ids = [f"shop:{number}" for number in range(count)]
        stage.write("products", rows("products", *(product(number, f"红色 茶壶 {number}") for number in range(count))))
        image = {"kind": "image", "position": 0, "state": "ok", "url": "https://shop.example/i"}
        stage.write(
            "media",
            rows("media", *({**image, "product_id": i, "sha256": sha} for i, sha in zip(ids, images, strict=True))),
        )
        place = {"recipe": "demo", "split": "train", "role": "sample", "label": "0", "label_level": "sub_class"}
        stage.write("splits", rows("splits", *({**place, "product_id": i, "group_id": i} for i in ids)))
        for name in ("specs", "frames", "audio", "labels", "usage_rights"):
            stage.write(name, rows(name))
        stage.commit(StageReport("fill", count, count))


def export(store: Store, runner: Runner, settings: ExportSettings = SETTINGS) -> StageReport:
    return run(store, settings, recipe="demo", rights=RIGHTS, runner=runner)


def shards(far: type[FailingStore]) -> dict[str, bytes]:
    """Return the shards in the store, and the other files by name only, because they contain versions of tables."""
    kept = {name: data for name, data in far.objects().items() if name.startswith("bucket/shop/shards/")}
    return {name: data if name.endswith((".tar", ".parquet")) else b"" for name, data in kept.items()}


def test_killed_before_any_write_of_an_export_that_replaces_another(
    far: type[FailingStore], on_machine: OnMachine
) -> None:
    """The next run is alternately by another machine and by the same one."""
    written: list[str] = []

    def noted(function: TaskFunction, location: str, names: Iterable[str | None]) -> Iterator[tuple[str, Any]]:
        for name, result in in_process(function, location, names):
            written.append(name)
            yield name, result

    def start(machine: str) -> Store:
        far.empty()
        store = make(on_machine(machine))
        fill(store, 5)
        export(store, in_process, EARLIER)
        store.objects.close()
        written.clear()
        return open_at(on_machine(machine))

    store = start("undisturbed")
    export(store, noted)
    expected, count = shards(far), len(written)
    kills, write, killed = 0, 0, True
    while killed:
        store = start(f"killed-{kills}")
        killed = far.killed_before(write, partial(export, store, noted))
        store.objects.close()
        if kills % 2 == 0:
            far.remove(f"bucket/shop/{LEASE}")  # the kill is simulated: the lease's process is alive
        next_run = open_at(on_machine(f"killed-{kills}" if kills % 2 else f"other-{kills}"))
        export(next_run, noted)
        next_run.objects.close()
        assert shards(far) == expected, f"killed before write {write}"
        assert len(written) <= count + 1, f"killed before write {write}"
        assert [name for name in far.objects() if "/spool/" in name] == []
        reader = open_at(on_machine(f"reader-{kills}"))
        assert export(reader, noted).unchanged
        reader.objects.close()
        kills, write = kills + 1, write + EVERY
    print(f"{kills} kills")
