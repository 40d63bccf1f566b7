"""Vacuum leaves kept versions complete and removes the rest."""

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.stage import StageReport
from storage import Store
from storage.orphans import REFERENCES
from storage.tables import TABLES
from storage.vacuum import Keeping, choose_versions
from storage.versions import VersionRecord
from takedown.forget import forget
from takedown.plan import Target
from tests.m5data.marker_search import places_with
from tests.storage.synthetic import products
from tests.takedown.planted import MERCHANT, NOW, WORDS, now
from workspace import Workspace
from workspace.vacuuming import vacuum

LATER = NOW + timedelta(days=400)
MOMENTS = 3
SEED = 5


@pytest.fixture(scope="module")
def planted(planted_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace whose first export was of an early version, with an object that nothing uses."""
    folder = Path(shutil.copytree(planted_once, tmp_path_factory.mktemp("vacuum") / "workspace"))
    store = Workspace.open(folder).store
    with store.objects.writer("media") as writer:
        writer.put(b"an orphan" * 2000, mime="image/jpeg", url="http://shop.example/orphan.jpg")
    for number in range(6):
        with store.stage("align", settings=str(number)) as stage:
            stage.write("labels", labels(number))
            stage.commit(StageReport("align", 5, 5))
    text = (folder / "m5data.toml").read_text()
    (folder / "m5data.toml").write_text(text.replace("[store]", "[store]\nkeep_versions = 2\nkeep_days = 1"))
    (folder / "versions/.00000009.json.1.tmp").write_text("{")
    store.objects.close()
    return folder


def labels(number: int) -> pa.Table:
    names = {"class_id": number, "class_name": "c", "sub_class_id": 2, "sub_class_name": "s", "subsub_class_id": -1}
    rows = [{"product_id": f"shop:k{n}", **names, "subsub_class_name": ""} for n in range(5, 10)]
    return pa.Table.from_pylist(rows, schema=TABLES["labels"].schema)


@pytest.fixture
def folder(planted: Path, tmp_path: Path) -> Iterator[Path]:
    copy = tmp_path / "workspace"
    shutil.copytree(planted, copy)
    yield copy
    Workspace.open(copy).store.objects.close()


def rows(store: Store, version: int) -> dict[str, list[dict[str, object]]]:
    snapshot = store.snapshot(version)
    names = [name for name in snapshot.tables if name != "objects"]
    with closing(snapshot.connection(names)) as engine:
        return {name: engine.sql(f"FROM {name} ORDER BY ALL").to_arrow_table().to_pylist() for name in names}


def everything(folder: Path) -> dict[str, bytes]:
    kept = ("tables", "objects", "versions", "shards")
    files = (path for top in kept for path in sorted((folder / top).rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_versions_that_nobody_names_go_and_the_others_read_as_before(folder: Path) -> None:
    workspace = Workspace.open(folder)
    store = workspace.store
    numbers = [version.number for version in store.versions()]
    exported = numbers[0] - 7  # followed by six labellings and the export's own version
    before = {number: rows(store, number) for number in numbers}
    found = vacuum(workspace, clock=lambda: LATER)
    assert found.kept == {1, exported, numbers[1], numbers[0]}  # 1: the splits record that they were built from it
    left = [version.number for version in store.versions()]
    assert left == [numbers[0] + 1, *sorted(found.kept, reverse=True)]
    assert {number: rows(store, number) for number in found.kept} == {n: before[n] for n in found.kept}
    assert rows(store, numbers[0] + 1) == before[numbers[0]]


def test_objects_that_nothing_uses_go_and_all_others_stay(folder: Path) -> None:
    workspace = Workspace.open(folder)
    index = workspace.store.objects.index
    before = {ref.sha256 for refs in index.after(0, index.last()) for ref in refs}
    found = vacuum(workspace, clock=lambda: LATER)
    gone = {ref.sha256 for ref in found.objects}
    assert len(gone) == 1
    assert {ref.sha256 for refs in index.after(0, index.last()) for ref in refs} == before - gone
    assert workspace.store.snapshot().table("objects")["sha256"].to_pylist() == sorted(before - gone)
    assert list(workspace.store.verify_objects()) == []
    assert places_with(folder, ["an orphan"]) == []


def test_a_dry_run_says_the_same_and_removes_nothing(folder: Path) -> None:
    before = everything(folder)
    foreseen = vacuum(Workspace.open(folder), dry_run=True, clock=lambda: LATER)
    assert everything(folder) == {name: data for name, data in before.items() if not name.endswith(".tmp")}
    done = vacuum(Workspace.open(folder), clock=lambda: LATER)
    lines = {name: (count, size) for name, count, size in done.lines}
    assert {name: (count, size) for name, count, size in foreseen.lines} == lines
    assert [name for name, (count, _) in lines.items() if count] == ["dataset versions", "data files", "objects"]


def test_a_second_one_finds_nothing_but_the_version_that_is_now_old(folder: Path) -> None:
    vacuum(Workspace.open(folder), clock=lambda: LATER)
    vacuum(Workspace.open(folder), clock=lambda: LATER)
    before = everything(folder)
    assert vacuum(Workspace.open(folder), clock=lambda: LATER).is_empty
    assert everything(folder) == before


def test_young_versions_stay(folder: Path) -> None:
    workspace = Workspace.open(folder)
    numbers = {version.number for version in workspace.store.versions()}
    assert vacuum(workspace, dry_run=True, clock=now).kept == numbers


def test_a_take_down_finds_its_way_through_what_a_vacuum_left(folder: Path) -> None:
    workspace = Workspace.open(folder)
    kept = vacuum(workspace, clock=lambda: LATER).kept
    forget(Workspace.open(folder).store, Target("merchant", MERCHANT), clock=now)
    assert places_with(folder, WORDS) == []
    store = Workspace.open(folder).store
    for number in kept:
        assert all("shop:k7" not in str(found) for found in rows(store, number).values())
    again = forget(Workspace.open(folder).store, Target("merchant", MERCHANT), clock=now)
    assert again.is_empty


def test_stages_go_on_after_a_vacuum(folder: Path) -> None:
    vacuum(Workspace.open(folder), clock=lambda: LATER)
    workspace = Workspace.open(folder)
    with workspace.store.stage("records", settings="x") as stage:
        stage.write("products", products(["shop:k5"]))
        stage.commit(StageReport("records", 1, 1))
    assert workspace.store.snapshot().table("products")["product_id"].to_pylist() == ["shop:k5"]


def test_every_column_that_names_an_object_is_known() -> None:
    named = {
        (table.name, column.name)
        for table in TABLES.values()
        for column in table.columns
        if table.name != "objects" and ("sha256" in column.name or column.meaning.startswith("object"))
    }
    assert named == set(REFERENCES)


@pytest.mark.parametrize("moment", range(MOMENTS))
def test_killed_at_any_moment_kept_versions_stay_and_the_next_ends_it(folder: Path, moment: int) -> None:
    store = Workspace.open(folder).store
    kept = vacuum(Workspace.open(folder), dry_run=True, clock=lambda: LATER).kept
    before = {number: rows(store, number) for number in kept}
    store.objects.close()
    share = (moment + random.Random(SEED + moment).random()) / MOMENTS
    assert run_process(folder, share) == -9
    workspace = Workspace.open(folder)
    assert {number: rows(workspace.store, number) for number in kept} == before
    vacuum(workspace, clock=lambda: LATER)
    assert {number: rows(workspace.store, number) for number in kept} == before
    assert list(workspace.store.verify_objects()) == []
    assert places_with(folder, ["an orphan"]) == []


def run_process(folder: Path, share: float) -> int:
    arguments = [sys.executable, "-m", "tests.m5data.vacuum_process", str(folder), str(share)]
    root = Path(__file__).parents[2]
    return subprocess.run(arguments, cwd=root, check=False, timeout=480, env={**os.environ}).returncode


@given(
    count=st.integers(1, 12),
    newest=st.integers(1, 4),
    days=st.integers(0, 12),
    named=st.sets(st.integers(0, 14)),
    links=st.dictionaries(st.integers(1, 12), st.sets(st.integers(0, 14)), max_size=4),
)
def test_what_is_kept_is_newest_young_named_or_named_by_what_is_kept(
    count: int, newest: int, days: int, named: set[int], links: dict[int, set[int]]
) -> None:
    versions = [VersionRecord(n, n - 1, NOW - timedelta(days=count - n), 4) for n in range(count, 0, -1)]
    kept = choose_versions(versions, Keeping(newest, days), NOW, named, lambda v: links.get(v.number, set()))
    numbers = range(1, count + 1)
    first = {n for n in numbers if n > count - newest or count - n <= days or n in named}
    needed = first
    while (more := needed | {n for k in needed for n in links.get(k, set()) if n in numbers}) != needed:
        needed = more
    assert kept == needed


def test_nothing_is_left_of_a_table_when_all_of_it_is_old(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "w", "[store]\nkeep_versions = 1\nkeep_days = 0\n")
    for caption in ("PLANTEDOLD", "two"):
        with workspace.store.stage("records", settings=caption) as stage:
            stage.write("products", products(["shop:1"], caption))
            stage.commit(StageReport("records", 1, 1))
    vacuum(Workspace.open(workspace.root), clock=lambda: LATER)
    assert workspace.store.snapshot().table("products")["caption"].to_pylist() == ["two"]
    assert sorted(
        path.name.lstrip("0123456789") for path in (workspace.root / "tables/products/_delta_log").iterdir()
    ) == [".checkpoint.parquet", ".json", "_last_checkpoint"]
    assert places_with(workspace.root, ["PLANTEDOLD"]) == []


def test_a_long_gap_before_an_old_version_that_stays_leaves_no_log_entries(planted: Path, tmp_path: Path) -> None:
    shutil.copytree(planted, tmp_path / "workspace")
    store = Workspace.open(tmp_path / "workspace").store
    for number in range(20, 50):
        with store.stage("align", settings=str(number)) as stage:
            stage.write("labels", labels(number))
            stage.commit(StageReport("align", 5, 5))
    numbers = [version.number for version in store.versions()]
    before = {number: rows(store, number) for number in numbers}
    kept = vacuum(Workspace.open(store.root), clock=lambda: LATER).kept
    log = store.root / "tables/labels/_delta_log"
    pinned = [store.snapshot(number).tables for number in kept]
    needed = {tables["labels"] for tables in pinned if "labels" in tables}
    entries = {int(path.stem) for path in log.glob("*.json")}
    assert needed <= entries
    assert len(entries) < len(needed) + 10
    assert {number: rows(store, number) for number in kept} == {number: before[number] for number in kept}
    (log / "_last_checkpoint").unlink()
    assert rows(store, numbers[0]) == before[numbers[0]]
    with store.stage("align", settings="more") as stage:
        stage.write("labels", labels(7))
        stage.commit(StageReport("align", 5, 5))
    assert store.snapshot().table("labels")["class_id"].to_pylist() == [7] * 5
    store.objects.close()
