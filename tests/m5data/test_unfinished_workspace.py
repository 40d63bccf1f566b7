"""Messages about a workspace whose later stages have not run."""

import json
import shutil
from pathlib import Path

import pytest

from tests.m5data.test_command_line import run
from workspace import Workspace

FEED = '{"id": "1", "url": "https://s.example/1", "title": "a pot", "specs": {"colour": "red"}}\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = Workspace.create(tmp_path / "shop").root
    settings = made / "m5data.toml"
    settings.write_text(settings.read_text() + "\n[sources.shop]\ncrawl_authorised = true\n")
    return made


@pytest.mark.parametrize("left", [("m5data.toml",), ("m5data.toml", "state.sqlite"), ("m5data.toml", "workspace.json")])
def test_what_a_killed_init_left_is_completed(folder: Path, tmp_path: Path, left: tuple[str, ...]) -> None:
    half = tmp_path / "half"
    half.mkdir()
    for name in left:
        shutil.copy(folder / name, half / name)
    assert run("init", half, cwd=tmp_path).returncode == 0
    assert (half / "m5data.toml").read_bytes() == (folder / "m5data.toml").read_bytes()
    assert run("status", "-w", half, cwd=tmp_path).returncode == 0
    again = run("init", half, cwd=tmp_path)
    assert (again.returncode, "already a workspace" in again.stderr) == (2, True)


def test_verify_checks_what_is_there_and_says_what_is_not_yet(folder: Path) -> None:
    (folder / "feed.jsonl").write_text(FEED)
    assert run("ingest", "feed.jsonl", "-w", folder, cwd=folder).returncode == 0
    done = run("verify", "--json", "-w", folder, cwd=folder)
    checks = {check["check"]: (check["ok"], check["detail"]) for check in json.loads(done.stdout)}
    assert done.returncode == 0, done.stderr
    assert checks["known:specs"] == (True, "every product that specs names is in products")
    assert "not written yet, so not checked: " in checks["stages"][1]
    assert {"duplicates", "labels", "splits"} <= set(checks["stages"][1].rpartition(": ")[2].split(", "))
    assert "complete:duplicates" not in checks
    assert checks["splits"] == (True, "none built yet, so no certificate; run m5data build-splits")


def test_splits_of_an_empty_workspace_name_the_table_that_is_empty(folder: Path) -> None:
    done = run("build-splits", "-w", folder, cwd=folder)
    assert done.returncode == 1
    assert "m5data: splits: the table products is empty. Run m5data crawl or m5data ingest." in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (
            ("--recipe", "m5prodcut"),
            2,
            "export --recipe: there is no recipe 'm5prodcut'; name one of default, demo, m5product, mep3m",
        ),
        (("--recipe", "mep3m"), 1, "have not been built. Run m5data build-splits --recipe mep3m"),
    ],
)
def test_an_export_of_an_unknown_recipe_is_a_wrong_request(
    folder: Path, words: tuple[str, ...], code: int, message: str
) -> None:
    done = run("export", *words, "-w", folder, cwd=folder)
    assert (done.returncode, message in done.stderr) == (code, True), done.stderr
