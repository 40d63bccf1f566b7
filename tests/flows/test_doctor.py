"""The doctor names every problem and changes nothing."""

import multiprocessing
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib import metadata
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from workspace import Workspace
from workspace.diagnostics import Finding, examine


def findings(root: Path, **chosen: object) -> Mapping[str, Finding]:
    return {one.name: one for one in examine(root, **chosen)}  # type: ignore[arg-type]


def content(root: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path.relative_to(root)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in root.rglob("*")
        if path.is_file() and not path.name.endswith(("-shm", "-wal"))
    }


def test_a_sound_workspace_is_all_ok_and_left_as_it_is(collected: Workspace) -> None:
    before = content(collected.root)
    assert [one for one in examine(collected.root) if one.state != "ok"] == []
    assert content(collected.root) == before


def test_versions_that_break_prefect_are_explained(fresh: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    true = metadata.version
    bad = {"fastapi": "0.199.0", "sqlalchemy": "2.1.0"}
    monkeypatch.setattr("workspace.diagnostics.version", lambda name: bad.get(name) or true(name))
    wrong = [one.detail for one in examine(fresh.root) if one.state == "wrong"]
    assert wrong == [
        (
            "fastapi 0.199.0 does not satisfy fastapi<0.151: with a newer one Prefect's flows fail; "
            "run: pip install 'fastapi<0.151'"
        ),
        (
            "sqlalchemy 2.1.0 does not satisfy sqlalchemy<2.1: with a newer one Prefect's cron schedules never fire, "
            "and say nothing; run: pip install 'sqlalchemy<2.1'"
        ),
    ]


def test_a_full_disk_a_wrong_clock_and_a_server_away(fresh: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = fresh.root / "m5data.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + "\n[machine]\nmin_free_gb = 1e9\n", encoding="utf-8")
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    found = findings(fresh.root)
    assert {name for name, one in found.items() if one.state == "wrong"} == {"disk", "prefect"}
    assert "a run needs 1e+09 GB (machine.min_free_gb): make room" in found["disk"].detail


@pytest.mark.parametrize(("program", "said"), [("/nonexistent", "/nonexistent"), ("/bin/echo", "another program")])
def test_ffmpeg_is_run_not_only_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, said: str) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", program)
    found = findings(tmp_path)["ffmpeg"]
    assert found.state == "wrong"
    assert said in found.detail
    assert found.detail.endswith("install FFmpeg, or set IMAGEIO_FFMPEG_EXE")


def test_a_clock_that_went_back(collected: Workspace) -> None:
    earlier = datetime.now(UTC) - timedelta(days=1)
    assert findings(collected.root, clock=lambda: earlier)["clock"].state == "wrong"


def test_what_a_killed_stage_left_is_a_note(fresh: Workspace) -> None:
    (fresh.root / "staging").mkdir()
    (fresh.root / "staging" / "half.parquet").write_bytes(b"half")
    assert findings(fresh.root)["drafts"] == Finding(
        "drafts", "note", "staging/: a stage that did not end; the next run removes it"
    )


def test_no_workspace(tmp_path: Path) -> None:
    found = findings(tmp_path)
    assert found["workspace"].state == "wrong"
    assert "m5data init" in found["workspace"].detail
    assert list(tmp_path.iterdir()) == []


def hold(root: Path, pipe: Connection) -> None:
    with Workspace.open(root).store.lock():
        pipe.send(os.getpid())
        pipe.recv()


@contextmanager
def held(root: Path) -> Iterator[int]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=hold, args=(root, theirs))
    child.start()
    try:
        yield ours.recv()
    finally:
        child.kill()
        child.join()
        ours.close()
        theirs.close()


def test_who_holds_the_workspace_until_it_dies(fresh: Workspace) -> None:
    with held(fresh.root) as process:
        lock = findings(fresh.root)["lock"]
        assert lock.state == "note"
        assert lock.detail.startswith(f"process {process} holds the workspace")
    assert findings(fresh.root)["lock"].state == "ok"
    assert (fresh.root / "lock").read_text().split()[0] == str(process), "the file names it still"


def test_damaged_model_and_journal_are_named(fresh: Workspace) -> None:
    path = fresh.root / "m5data.toml"
    path.write_text(path.read_text().replace("[sources.north]\n", '[sources.north]\nreader = "own.npz"\n'))
    (fresh.root / "own.npz").write_bytes(b"")
    (fresh.root / "takedown.pending").write_bytes(b"[" * 100_000)
    found = {one.name: one for one in examine(fresh.root) if one.name in {"reader", "journal"}}
    assert [(name, one.state) for name, one in sorted(found.items())] == [("journal", "wrong"), ("reader", "wrong")]
    assert "own.npz: not a reader model" in found["reader"].detail
    assert "takedown.pending: damaged" in found["journal"].detail
