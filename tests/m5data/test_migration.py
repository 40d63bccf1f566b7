"""A workspace of an older format is refused, migrated on request, and then works like a new one."""

import json
import shutil
from pathlib import Path

import pytest

from core.errors import DataError, WorkspaceError
from export.registry import exports_of
from storage.identity import FORMAT, Identity, load_or_create_key, read_identity, write_identity
from tests.m5data.damage import files_of
from tests.slow.pipeline.verbs import older
from tests.takedown.planted import export
from workspace import Workspace
from workspace.diagnostics import examine
from workspace.migration import migrate


@pytest.fixture(scope="module")
def old(planted_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = Path(shutil.copytree(planted_once, tmp_path_factory.mktemp("old") / "workspace"))
    load_or_create_key(folder)
    older(folder)
    return folder


@pytest.fixture
def folder(old: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(old, tmp_path / "workspace"))


def test_an_older_workspace_is_refused_and_left_as_it_is(folder: Path) -> None:
    before = files_of(folder)
    with pytest.raises(WorkspaceError, match=r"format 1; .*Run m5data migrate, first with --dry-run"):
        Workspace.open(folder)
    assert migrate(folder, dry_run=True)
    assert files_of(folder) == before


def test_a_migrated_workspace_is_sound_and_its_exports_are_known(folder: Path, tmp_path: Path) -> None:
    before = files_of(folder)
    planned = migrate(folder, dry_run=True)
    assert migrate(folder, backup=tmp_path / "backup") == planned
    assert (
        files_of(tmp_path / "backup").items() >= {k: v for k, v in before.items() if not k.endswith(".sqlite")}.items()
    )
    assert read_identity(folder).format == FORMAT
    assert read_identity(folder).key
    assert [one.detail for one in examine(folder) if one.state == "wrong"] == []
    assert migrate(folder) == []
    workspace = Workspace.open(folder)
    assert {one.folder.name for one in exports_of(workspace.store)} >= {"parquet", "webdataset"}
    assert export(workspace).unchanged, "its files are known as they are"
    workspace.store.objects.close()


def test_a_lost_key_stops_the_migration(folder: Path) -> None:
    (folder / "secret.key").unlink()
    before = files_of(folder)
    with pytest.raises(DataError, match=r"secret\.key: missing, but take-downs or merchants were made with it"):
        migrate(folder)
    assert files_of(folder) == before


def test_a_newer_workspace_is_refused(folder: Path) -> None:
    write_identity(folder, Identity(FORMAT + 1, None))
    for use in (Workspace.open, migrate):
        with pytest.raises(WorkspaceError, match="a newer m5data wrote this workspace"):
            use(folder)
    assert json.loads((folder / "workspace.json").read_bytes())["format"] == FORMAT + 1


def test_a_backup_needs_a_place_of_its_own(folder: Path, tmp_path: Path) -> None:
    for place in (tmp_path, folder / "inside"):
        with pytest.raises(WorkspaceError, match="a copy needs a new folder outside the workspace"):
            migrate(folder, backup=place)
    assert read_identity(folder).format == 1
