"""``doctor`` names what is odd in a workspace, and what in its small files leads elsewhere."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from export.registry import remember_export
from workspace import Workspace
from workspace.diagnostics import Finding, examine
from workspace.repair import repair


@pytest.fixture
def root(tmp_path: Path) -> Path:
    workspace = Workspace.create(tmp_path / "workspace")
    workspace.store.objects.close()
    return workspace.root


def named(root: Path, name: str) -> list[Finding]:
    return [finding for finding in examine(root) if finding.name == name]


def test_link_beside_the_files_of_a_workspace_is_a_note(root: Path, tmp_path: Path) -> None:
    (root / "mine").symlink_to(tmp_path)
    line = f"{root}/mine: a link to {tmp_path}; m5data made no such thing here"
    assert named(root, "odd") == [Finding("odd", "note", line)]


@pytest.mark.parametrize("place", ["state.sqlite", "index.sqlite", "downloads.sqlite", "frontiers"])
def test_databases_behind_links_are_named_and_not_opened(root: Path, tmp_path: Path, place: str) -> None:
    Workspace.open(root).store.frontiers.name("shop")
    victim = tmp_path / "victim"
    victim.mkdir()
    shutil.copy(root / "state.sqlite", victim / "shop.sqlite")
    (root / place).unlink(missing_ok=True)
    (root / place).symlink_to(victim if place == "frontiers" else victim / "shop.sqlite")
    assert any(f"{root / place}: a link, and m5data follows none" in one.detail for one in named(root, "workspace"))
    assert [path.name for path in victim.iterdir()] == ["shop.sqlite"]


@pytest.mark.parametrize("place", [".m5data", ".m5data/address", ".m5data/pulling.lock"])
def test_record_of_a_store_behind_a_link_is_named_and_not_written(root: Path, tmp_path: Path, place: str) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "address").write_text("s3://bucket/shop\nabc")
    if place != ".m5data":
        (root / ".m5data").mkdir()
        (root / ".m5data/address").write_text("s3://bucket/shop\nabc")
        (root / place).unlink(missing_ok=True)
    (root / place).symlink_to(victim if place == ".m5data" else victim / "address")
    assert any(f"{root / place}: a link, and m5data follows none" in one.detail for one in named(root, "workspace"))
    assert {path.name: path.read_text() for path in victim.iterdir()} == {"address": "s3://bucket/shop\nabc"}


@pytest.mark.parametrize("split", ["../../../../victim", "/etc"])
def test_export_whose_manifest_leads_out_is_named(root: Path, split: str) -> None:
    folder = root / "shards" / "demo" / "parquet"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps({"splits": {split: [{"file": "x"}]}, "descriptions": {}}))
    line = "shards/demo/parquet: its manifest is damaged: no take-down touches it"
    assert named(root, "export") == [Finding("export", "note", line)]


def test_export_that_another_workspace_made_is_named(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps({"splits": {}, "descriptions": {}, "workspace": "another"}))
    remember_export(Workspace.open(root).store, folder, "demo", 1)
    line = f"{folder}: no export of this workspace: no take-down touches it"
    assert named(root, "export") == [Finding("export", "note", line)]


def test_names_in_the_databases_that_lead_out_are_named(root: Path) -> None:
    Workspace.open(root).store.frontiers.name("../../victim")
    with closing(sqlite3.connect(root / "index.sqlite")) as index:
        index.execute("INSERT INTO object_segments VALUES ('../../victim', 1)")
        index.commit()
    assert [(one.state, "'../../victim' is no name of a source" in one.detail) for one in named(root, "frontier")] == [
        ("wrong", True)
    ]
    assert [(one.state, "'../../victim' is no name of a segment" in one.detail) for one in named(root, "index")] == [
        ("wrong", True)
    ]


def test_repair_takes_a_frontier_that_leads_out_off_the_list(root: Path, tmp_path: Path) -> None:
    (tmp_path / "victim.sqlite").write_bytes(b"mine")
    Workspace.open(root).store.frontiers.name("../../victim")
    repair(root)
    assert (tmp_path / "victim.sqlite").read_bytes() == b"mine"
    assert Workspace.open(root).store.frontiers.names() == []


def test_journal_of_a_take_down_that_leads_out_is_named(root: Path) -> None:
    (root / "takedown.journal").write_text(json.dumps([["../../victim", 0, 500]]))
    assert ["is no range of a segment" in one.detail for one in named(root, "journal")] == [True]


def test_list_of_removed_products_that_is_none_is_named(root: Path) -> None:
    (root / "shards").mkdir()
    (root / "shards/removed.jsonl").write_text("mine\n")
    assert [(one.state, f"{root}/shards/removed.jsonl: " in one.detail) for one in named(root, "export")] == [
        ("note", True)
    ]


def test_settings_that_name_code_or_files_elsewhere_are_named(root: Path, tmp_path: Path) -> None:
    (root / "m5data.toml").write_text(
        f"""
[sources.shop]
start = ["https://shop.example/"]
page_object = "pages:Shop"

[annotate]
judgements = "../judgements.csv"

[export]
out = "{tmp_path}/elsewhere"
"""
    )
    assert named(root, "settings") == [
        Finding("settings", "note", "sources.shop.page_object: 'pages:Shop' is code, which runs when pages are read"),
        Finding("settings", "note", "annotate.judgements: ../judgements.csv is outside the workspace"),
        Finding("settings", "note", f"export.out: {tmp_path}/elsewhere is outside the workspace"),
    ]


@pytest.mark.parametrize("name", ["state.sqlite", "index.sqlite"])
def test_journal_beside_a_database_is_named(root: Path, name: str) -> None:
    (root / f"{name}-journal").write_text("hostile")
    assert [one.state for one in examine(root) if f"{name}-journal: m5data, which keeps logs" in one.detail] != []
