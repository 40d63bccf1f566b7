"""Damaged files, and paths that are not files, are reported in one line."""

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import UsageError
from m5data.cli import collect
from m5data.cli.output import write_rows
from tests.storage.synthetic import commit, products
from workspace import Workspace

SETTINGS = (
    '[crawl]\ncontact = "a@lab.example"\n[sources.shop]\nstart = ["http://a.example/"]\ncrawl_authorised = true\n'
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    workspace = Workspace.create(tmp_path / "workspace", SETTINGS)
    commit(workspace.store, {"products": products(["shop:1"])})
    return workspace.root


def run(*arguments: object) -> tuple[int, str]:
    command = [sys.executable, "-c", "from m5data.cli.main import main; main()", *map(str, arguments)]
    # the timeout catches a hang, not a busy machine
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    return done.returncode, done.stderr


@pytest.mark.parametrize("content", ["", "{", "[]", '{"number": 1}', "\0\0"])
def test_a_damaged_dataset_version_is_named(folder: Path, content: str) -> None:
    (folder / "versions/00000001.json").write_text(content)
    code, message = run("sql", "select 1", "-w", folder)
    assert (code, message.count("\n")) == (1, 1)
    assert message.startswith(f"m5data: {folder}/versions/00000001.json: damaged (")


def test_a_damaged_state_is_named(folder: Path) -> None:
    for path in folder.glob("state.sqlite*"):
        path.unlink()
    (folder / "state.sqlite").write_bytes(b"no database" * 1000)
    code, message = run("forget", "--product", "shop:1", "-w", folder)
    assert (code, message.count("\n"), "state.sqlite" in message) == (1, 1, True)


@pytest.mark.parametrize("arguments", [("ingest",), ("parse", "--url", "http://a.example/")])
def test_a_pipe_is_no_feed_and_no_page(folder: Path, arguments: tuple[str, ...]) -> None:
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    rest = ("-w", folder) if arguments[0] == "ingest" else ()
    code, message = run(arguments[0], pipe, *arguments[1:], *rest)
    assert code in {1, 2}
    assert "pipe or device" in message


def test_a_page_that_unpacks_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect, "_LONGEST", 1000)
    path = tmp_path / "page.html.gz"
    path.write_bytes(gzip.compress(b"x" * 1000))
    assert collect.read_page(path) == b"x" * 1000
    path.write_bytes(gzip.compress(b"x" * 1001))
    with pytest.raises(UsageError, match="longer than 1,000 bytes"):
        collect.read_page(path)


def test_rows_replace_a_file_when_all_of_them_are_there(tmp_path: Path, folder: Path) -> None:
    out = tmp_path / "rows.csv"
    out.write_text("before")
    snapshot = Workspace.open(folder).snapshot
    with pytest.raises(UsageError, match="this file cannot be written"):
        write_rows(snapshot.batches("select 1 as a"), "csv", tmp_path / "no/rows.csv")
    write_rows(snapshot.batches("select 1 as a"), "csv", out)
    assert out.read_text() == '"a"\n1\n'
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.csv", "workspace"]
