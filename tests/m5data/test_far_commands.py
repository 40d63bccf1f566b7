"""Commands on a workspace in an object store: its URL is accepted wherever a folder is."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

import m5data
from core.errors import UsageError
from m5data.cli.main import app
from storage.working_copy import WORKING_COPIES, working_copy
from tests.storage.failing_store import serve_failing_urls
from workspace import Workspace

URL = "failing://bucket/shop"


@pytest.fixture(autouse=True)
def far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serve_failing_urls(monkeypatch)
    monkeypatch.setenv(WORKING_COPIES, str(tmp_path / "copies"))


def output_of(*words: str) -> str:
    result = CliRunner().invoke(app, words)
    if result.exception is not None:
        raise result.exception
    return result.output


def test_a_new_workspace_says_where_its_settings_lie() -> None:
    folder = working_copy(URL)
    assert output_of("init", URL) == (
        f"{URL}: new workspace; its settings are in {folder}/m5data.toml\nnext: m5data add-source URL -w {URL}\n"
    )
    assert m5data.open(URL).snapshot.number == 0


def test_an_address_may_stand_before_or_behind_the_verb() -> None:
    output_of("init", URL)
    query = "select count(*) as n from products"
    assert output_of("sql", query, "-w", URL, "--format", "csv") == output_of(
        "-w", URL, "sql", query, "--format", "csv"
    )
    assert f"{URL}, which" in output_of("doctor", "-w", URL, "--json")


def test_a_query_on_a_new_machine_fetches_the_newest_version(
    planted_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output_of("copy", URL, "-w", str(planted_once))
    monkeypatch.setenv(WORKING_COPIES, str(tmp_path / "elsewhere"))
    query = ("select count(*) as n from products", "--format", "csv")
    assert output_of("sql", *query, "-w", URL) == output_of("sql", *query, "-w", str(planted_once))


def test_a_workspace_moves_there_and_back(planted_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(planted_once, tmp_path / "shop")
    output_of("copy", URL, "-w", str(tmp_path / "shop"))
    monkeypatch.setenv(WORKING_COPIES, str(tmp_path / "elsewhere"))
    output_of("copy", str(tmp_path / "back"), "-w", URL)
    here, back = Workspace.open(tmp_path / "shop"), Workspace.open(tmp_path / "back")
    assert {name: back.table(name) for name in back.snapshot.tables} == {
        name: here.table(name) for name in here.snapshot.tables
    }
    assert not (tmp_path / "back/.m5data").exists()
    assert list(back.store.verify_objects()) == []
    for opened in (here, back):
        opened.store.objects.close()
    with pytest.raises(UsageError, match="already a workspace, at dataset version"):
        output_of("copy", URL, "-w", str(tmp_path / "shop"))


def test_links_for_annotators_are_stored_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output_of("init", URL)
    output_of("annotate", "links", "ann", "-w", URL)
    monkeypatch.setenv(WORKING_COPIES, str(tmp_path / "elsewhere"))
    assert "ann" in output_of("annotate", "links", "-w", URL, "--json")


def test_what_cannot_be_in_an_object_store_is_refused() -> None:
    output_of("init", URL)
    with pytest.raises(UsageError, match=rf"m5data serve: {URL}: answers are written one by one"):
        output_of("serve", "-w", URL)
    with pytest.raises(UsageError, match=f"demo {URL}: the demo needs a folder"):
        output_of("demo", URL)
