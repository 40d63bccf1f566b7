"""Copies of a workspace are equal and checked, and either complete or absent."""

import shutil
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from core.errors import CorruptObjectError, UsageError, WorkspaceError
from core.stage_settings import read_settings
from storage.difference import table_changes
from storage.working_copy import working_copy
from tests.takedown.planted import now, records
from workspace import Workspace
from workspace.copying import copy_workspace
from workspace.settings import Settings


@pytest.fixture
def workspace(planted_once: Path, tmp_path: Path) -> Iterator[Workspace]:
    shutil.copytree(planted_once, tmp_path / "workspace")
    opened = Workspace.open(tmp_path / "workspace")
    yield opened
    opened.store.objects.close()


def rows(workspace: Workspace, version: int | None = None) -> dict[str, object]:
    snapshot = workspace.store.snapshot(version)
    with closing(snapshot.connection(snapshot.tables)) as engine:
        return {name: engine.sql(f"FROM {name} ORDER BY ALL").to_arrow_table() for name in snapshot.tables}


def test_a_copy_has_every_version_and_object_and_stages_find_nothing_to_do(
    workspace: Workspace, tmp_path: Path
) -> None:
    copy_workspace(workspace, tmp_path / "copy", clock=now)
    copy = Workspace.open(tmp_path / "copy")
    numbers = [version.number for version in workspace.store.versions()]
    assert [version.number for version in copy.store.versions()] == numbers
    assert {n: rows(copy, n) for n in numbers} == {n: rows(workspace, n) for n in numbers}
    assert list(copy.store.verify_objects()) == []
    assert records(copy).unchanged
    assert stat.S_IMODE((copy.root / "secret.key").stat().st_mode) == 0o600
    assert (copy.root / "secret.key").read_bytes() == (workspace.root / "secret.key").read_bytes()
    copy.store.objects.close()


@pytest.mark.parametrize("buckets", [1, 3, 4])
def test_another_number_of_buckets_has_the_same_rows(workspace: Workspace, tmp_path: Path, buckets: int) -> None:
    copy_workspace(workspace, tmp_path / "copy", buckets=buckets, clock=now)
    copy = Workspace.open(tmp_path / "copy")
    assert rows(copy) == rows(workspace)
    assert table_changes(workspace.store.snapshot(), copy.store.snapshot()) == []
    assert copy.store.snapshot().number == workspace.store.snapshot().number
    assert copy.store.snapshot().record.buckets == buckets
    assert len(copy.store.snapshot().files("products")) <= buckets
    assert read_settings(copy.root / "m5data.toml", Settings) == workspace.settings.model_copy(
        update={"store": workspace.settings.store.model_copy(update={"buckets": buckets})}
    )
    assert records(copy).unchanged
    copy.store.objects.close()


def test_a_damaged_object_is_named_and_no_copy_appears(workspace: Workspace, tmp_path: Path) -> None:
    segment = workspace.root / "objects/media-000001.warc"
    data = bytearray(segment.read_bytes())
    data[-10] ^= 1  # a byte of the last payload
    segment.write_bytes(data)
    with pytest.raises(CorruptObjectError, match=r"copying: object [0-9a-f]{64}: .*objects/media-000001\.warc"):
        copy_workspace(workspace, tmp_path / "copy", clock=now)
    assert not (tmp_path / "copy").exists()


def test_what_a_killed_copy_left_is_no_hindrance(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / ".copy.copying").mkdir()
    (tmp_path / ".copy.copying/half").write_bytes(b"x")
    copy_workspace(workspace, tmp_path / "copy", clock=now)
    assert not (tmp_path / "copy/half").exists()
    assert not (tmp_path / ".copy.copying").exists()


@pytest.mark.parametrize("name", ["workspace", "workspace/inside", "there"])
def test_only_a_new_folder_outside_is_taken(workspace: Workspace, tmp_path: Path, name: str) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(WorkspaceError, match="a copy needs a new folder outside the workspace"):
        copy_workspace(workspace, tmp_path / name, clock=now)


@pytest.mark.parametrize(
    ("uri", "folder"), [("a/b", "a/b"), ("/x y", "/x y"), ("file:///x%20y", "/x y"), ("file://localhost/x", "/x")]
)
def test_a_folder_may_be_an_address(uri: str, folder: str) -> None:
    assert working_copy(uri) == Path(folder)


def test_an_address_without_a_bucket_is_refused() -> None:
    with pytest.raises(UsageError, match="the URL names no bucket"):
        working_copy("s3://")


def test_a_copy_of_an_empty_workspace_can_be_written_to(tmp_path: Path) -> None:
    copy_workspace(Workspace.create(tmp_path / "empty"), tmp_path / "copy")
    with Workspace.open(tmp_path / "copy").store.lock():
        assert Workspace.open(tmp_path / "copy").snapshot.number == 0
