"""A stranger's workspace is only read, in a process with limits, and refused if anything in it leads elsewhere."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from m5data.cli.main import app
from tests.m5data.damage import settle
from workspace import Workspace

READING = (
    ["doctor"],
    ["status"],
    ["log"],
    ["sql", "select count(*) from products"],
    ["rights"],
    ["verify"],
    ["diff", "0", "0"],
)


@pytest.fixture
def stranger(tmp_path: Path) -> Path:
    root = tmp_path / "stranger"
    Workspace.create(root).store.objects.close()
    settle(root)
    return root


def run(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", "from m5data.cli.main import main; main()", *words, "-w", str(folder)]
    return subprocess.run(program, capture_output=True, text=True, check=False)


def content(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("words", READING, ids=lambda words: words[0])
def test_reading_verbs_change_nothing(stranger: Path, words: list[str]) -> None:
    before = content(stranger)
    ended = run(*words, "--untrusted", folder=stranger)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert content(stranger) == before


def test_workspace_with_a_link_is_not_opened(stranger: Path, tmp_path: Path) -> None:
    (stranger / "tables" / "mine").symlink_to(tmp_path)
    ended = run("sql", "select 1", "--untrusted", folder=stranger)
    assert ended.returncode == 2
    assert f"{stranger}/tables/mine: a link to {tmp_path}. Remove it" in ended.stderr


def test_settings_that_are_a_pipe_are_not_waited_for(stranger: Path) -> None:
    (stranger / "m5data.toml").unlink()
    os.mkfifo(stranger / "m5data.toml")
    ended = run("doctor", "--untrusted", folder=stranger)
    assert (ended.returncode, "a pipe, a socket or a device" in ended.stderr) == (2, True)


def test_object_store_that_a_folder_names_is_not_asked(stranger: Path) -> None:
    (stranger / ".m5data").mkdir()
    (stranger / ".m5data" / "address").write_text("http://user:secret@127.0.0.1:9/bucket\ntoken")
    ended = run("status", "--untrusted", folder=stranger)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "http://***@127.0.0.1:9/bucket: only for folders" in ended.stderr


def test_query_without_end_is_stopped_by_the_limit_of_memory(stranger: Path) -> None:
    ended = run("sql", "select repeat('x', 9000000000)", "--untrusted", folder=stranger)
    assert ended.returncode in {1, 2}
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("verb", ["vacuum", "run", "serve", "copy", "repair", "stats", "export"])
def test_verbs_that_write_have_no_such_option(stranger: Path, verb: str) -> None:
    ended = CliRunner().invoke(app, [verb, "--untrusted", "-w", str(stranger)])
    assert (ended.exit_code, "No such option: --untrusted" in ended.output) == (2, True)
