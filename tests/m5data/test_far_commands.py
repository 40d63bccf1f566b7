"""Commands on a workspace in an object store: its address stands where a folder may."""

from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from typer.testing import CliRunner

import m5data
from m5data.cli.main import app
from m5data.errors import UsageError
from m5data.workspace import Workspace
from storage.remote import working_copy
from storage.remote.home import WORKING_COPIES
from tests.storage.remote.failing_store import FailingStore
from tests.takedown.planted import plant

ADDRESS = "failing://bucket/shop"


@pytest.fixture(autouse=True)
def far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    fsspec.register_implementation("failing", FailingStore, clobber=True)
    FailingStore.empty()
    monkeypatch.setenv(WORKING_COPIES, str(tmp_path / "copies"))
    yield
    FailingStore.empty()


def told(*words: str) -> str:
    result = CliRunner().invoke(app, words)
    if result.exception is not None:
        raise result.exception
    return result.output


def test_a_new_workspace_says_where_its_settings_lie() -> None:
    folder = working_copy(ADDRESS)
    assert told("init", ADDRESS) == (
        f"{ADDRESS}: new workspace; name a shop in {folder}/m5data.toml, then: m5data run -w {ADDRESS}\n"
    )
    assert m5data.open(ADDRESS).snapshot.number == 0


def test_an_address_may_stand_before_or_behind_the_verb() -> None:
    told("init", ADDRESS)
    query = "select count(*) as n from products"
    assert told("sql", query, "-w", ADDRESS, "--format", "csv") == told("-w", ADDRESS, "sql", query, "--format", "csv")
    assert f"{ADDRESS}, which" in told("doctor", "-w", ADDRESS, "--json")


def test_a_workspace_moves_there_and_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(tmp_path / "shop").store.objects.close()
    told("copy", ADDRESS, "-w", str(tmp_path / "shop"))
    monkeypatch.setenv(WORKING_COPIES, str(tmp_path / "elsewhere"))
    told("copy", str(tmp_path / "back"), "-w", ADDRESS)
    here, back = Workspace.open(tmp_path / "shop"), Workspace.open(tmp_path / "back")
    assert {name: back.table(name) for name in back.snapshot.tables} == {
        name: here.table(name) for name in here.snapshot.tables
    }
    assert not (tmp_path / "back/.m5data").exists()
    assert list(back.store.verify_objects()) == []
    for opened in (here, back):
        opened.store.objects.close()
    with pytest.raises(UsageError, match="found one of dataset version"):
        told("copy", ADDRESS, "-w", str(tmp_path / "shop"))


def test_links_for_annotators_are_stored_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told("init", ADDRESS)
    told("annotate", "links", "ann", "-w", ADDRESS)
    monkeypatch.setenv(WORKING_COPIES, str(tmp_path / "elsewhere"))
    assert "ann" in told("annotate", "links", "-w", ADDRESS, "--json")


def test_what_cannot_be_in_an_object_store_is_refused() -> None:
    told("init", ADDRESS)
    with pytest.raises(UsageError, match=rf"m5data serve: {ADDRESS}: answers are written one by one"):
        told("serve", "-w", ADDRESS)
    with pytest.raises(UsageError, match=f"demo {ADDRESS}: the demo needs a folder"):
        told("demo", ADDRESS)
