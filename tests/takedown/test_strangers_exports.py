"""A take-down in a workspace of a stranger changes no file that this workspace did not write."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from core.errors import CorruptObjectError
from export.registry import remember_export
from storage.identity import KEY_FILE
from takedown.forget import forget
from takedown.plan import Target
from takedown.receipt import Receipt
from tests.takedown.planted import PLANTED, export, now
from workspace import Workspace


def take_down(folder: Path) -> Receipt:
    return forget(Workspace.open(folder).store, Target("product", PLANTED), clock=now)


def hashes(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize("split", ["../../../../victim", "/{victim}", "..", "train/../../../../../victim"])
def test_manifest_that_leads_out_changes_nothing_there(folder: Path, tmp_path: Path, split: str) -> None:
    victim = tmp_path / "victim"
    shutil.copytree(folder / "shards/planted/parquet/train", victim)
    before = hashes(victim)
    path = folder / "shards/planted/parquet/manifest.json"
    manifest = json.loads(path.read_text())
    manifest["splits"][split.format(victim=victim)] = manifest["splits"].pop("train")
    path.write_text(json.dumps(manifest))
    done = take_down(folder)
    assert hashes(victim) == before
    assert "shards/planted/parquet (its manifest is damaged: not touched)" in done.left
    assert [held.folder for held in done.exports] == ["shards/planted/webdataset"]


def test_list_of_unfinished_files_that_leads_out_removes_nothing(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    (folder / "shards/planted/parquet/unfinished.json").write_text(json.dumps({"files": ["../../../../mine.txt"]}))
    done = take_down(folder)
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert "shards/planted/parquet (its manifest is damaged: not touched)" in done.left


@pytest.mark.parametrize("unfinished", [False, True])
def test_export_of_another_workspace_is_left(folder: Path, tmp_path: Path, *, unfinished: bool) -> None:
    """The state of a copied workspace names an export that the reader's own workspace made."""
    own, out = tmp_path / "own", tmp_path / "out"
    shutil.copytree(folder, own)
    (own / KEY_FILE).unlink()
    (own / "workspace.json").write_text(json.dumps({"format": 3, "key": None}))
    opened = Workspace.open(own)
    export(opened, out)
    opened.store.objects.close()
    place = out / "planted" / "parquet"
    if unfinished:
        (place / "unfinished.json").write_text(json.dumps({"files": ["train/00000.parquet"], "workspace": "x"}))
        (place / "manifest.json").unlink()
    before = hashes(out)
    remember_export(Workspace.open(folder).store, place, "planted", 1)
    done = take_down(folder)
    assert hashes(out) == before
    assert f"{place} (no export of this workspace: not touched)" in done.left


def test_own_export_elsewhere_is_still_rewritten(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(Workspace.open(folder), out)
    done = take_down(folder)
    assert str(out / "planted" / "parquet") in [held.folder for held in done.exports]
    assert (out / "removed.jsonl").is_file()


def test_link_among_shards_is_not_followed(folder: Path, tmp_path: Path) -> None:
    victim = tmp_path / "00000.parquet"
    shard = folder / "shards/planted/parquet/train/00000.parquet"
    shutil.move(shard, victim)
    shard.symlink_to(victim)
    before = victim.read_bytes()
    done = take_down(folder)
    assert victim.read_bytes() == before
    assert "shards/planted/parquet (a link, or a path that leads out of it: not touched)" in done.left


def test_relative_folder_of_an_export_that_leads_out_is_left(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "shards", tmp_path / "victim")
    before = hashes(tmp_path / "victim")
    store = Workspace.open(folder).store
    remember_export(store, folder / ".." / "victim" / "planted" / "parquet", "planted", 1)
    take_down(folder)
    assert hashes(tmp_path / "victim") == before


def test_list_of_removed_products_that_is_none_is_named(folder: Path) -> None:
    (folder / "shards/removed.jsonl").write_text("mine, and no list\n")
    with pytest.raises(CorruptObjectError, match=r"removed\.jsonl: damaged .* Restore it from a backup"):
        take_down(folder)
    assert (folder / "shards/removed.jsonl").read_text() == "mine, and no list\n"
