"""The same workspace and seed produce the same bytes, with any number of DuckDB threads."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import duckdb
import pytest

from core.stage import StageReport
from export import export_stage
from export.rights import Rights
from export.settings import ExportSettings, ShardFormat
from splits import splits_stage
from splits.settings import SplitSettings
from storage import Store
from tests.splits.synthetic import NOON, Thing, stored

RIGHTS = {"shop": Rights(share=True, licence="CC0-1.0")}
THINGS = [
    Thing(f"shop:{n:04}", group=f"shop:{n - n % 4:04}" if n % 3 else "", category=n % 7, merchant=f"m{n % 40}")
    for n in range(240)
]
PAIRS = [(f"shop:{n:04}", f"shop:{n + 120:04}", "matched") for n in range(0, 80, 2)]
EVERY: tuple[ShardFormat, ...] = ("parquet", "webdataset", "links", "links-jsonl", "product1m", "m5product", "mep3m")


def _make(folder: Path) -> Mapping[str, bytes]:
    """Build a workspace's splits and shards; return the bytes of both."""
    store = Store.create(folder, buckets=4, clock=lambda: NOON)
    with store.stage("synthetic", settings="") as stage:
        for name, table in stored(THINGS, PAIRS).items():
            if name not in {"reserve", "media"}:
                stage.write(name, table)
        stage.commit(StageReport("synthetic", len(THINGS), len(THINGS)))
    splits_stage.run(store, SplitSettings(recipe="demo", seed=11))
    settings = ExportSettings(formats=EVERY, max_shard_bytes=20_000)
    export_stage.run(store, settings, recipe="demo", rights=RIGHTS)
    shards = {str(p.relative_to(folder)): _bytes_of(p) for p in folder.glob("shards/**/*") if p.is_file()}
    (splits,) = store.snapshot().files("splits")
    return {**shards, "splits": (folder / "tables" / "splits" / splits.path).read_bytes()}


def _bytes_of(path: Path) -> bytes:
    """Return a file's bytes; a manifest without the mark of its workspace, which differs from any other's."""
    if path.name != "manifest.json":
        return path.read_bytes()
    content = json.loads(path.read_bytes())
    assert content.pop("workspace")
    return json.dumps(content).encode()


def _with_threads(connect: Callable[..., duckdb.DuckDBPyConnection], threads: int) -> Callable[..., object]:
    def opened(database: str, config: Mapping[str, object]) -> duckdb.DuckDBPyConnection:
        return connect(database, config={**config, "threads": threads})

    return opened


def test_splits_and_shards_are_byte_identical_with_one_and_two_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    connect = partial(duckdb.connect)
    for name, threads in (("first", 1), ("second", 2), ("third", 2)):
        monkeypatch.setattr(duckdb, "connect", _with_threads(connect, threads))
        made.append(_make(tmp_path / name))
    first, second, third = made
    assert first.keys() == second.keys() == third.keys()
    assert len(first) > 30
    assert [name for name in first if not first[name] == second[name] == third[name]] == []
