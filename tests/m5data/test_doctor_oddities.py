"""``doctor`` names what is odd in a workspace, and what in its small files leads elsewhere."""

import json
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
