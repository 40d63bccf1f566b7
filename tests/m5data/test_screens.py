"""Screens of the command line fit 80 columns, break no word, and agree in their counts."""

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from core.check import Check
from core.stage import StageReport
from m5data.cli.output import print_reports, print_rows
from m5data.cli.screens import next_step, print_check_groups, print_run_end, print_status
from workspace import Workspace
from workspace.progress import RunningStage, showing_progress
from workspace.status import StageStatus, Status

WIDTH = 80


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(WIDTH))


def stage(name: str, *, pending: int | None = 0, current: bool = True) -> StageStatus:
    dropped = {"robots": 1, "http_404": 30_000, "duplicate_url": 7, "not_a_product": 2}
    notes = (f"{name}: crawl.sources.shop.language leaves out 22 pages",)
    return StageStatus(name, 1_230_010, 1_200_000, dropped, 1.5, 10.0, pending, current, notes)


def status(*stages: StageStatus) -> Status:
    states = {"present": 3, "no_video": 20, "wrong_type": 4, "broken": 2, "http_404": 1, "no_sound": 1}
    ledger: list[dict[str, object]] = [
        {"modality": name, "state": state, "products": count}
        for name in ("specifications", "video")
        for state, count in states.items()
    ]
    return Status(7, list(stages), [], ledger, None, None, None)


def assert_fits(text: str, words: tuple[str, ...]) -> None:
    assert [line for line in text.splitlines() if len(line) > WIDTH or line != line.rstrip()] == []
    assert [word for word in words if word not in text] == []


def test_status_fits_and_begins_with_the_next_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace.create(tmp_path / "w")
    monkeypatch.chdir(tmp_path)
    print_status(status(stage("image_text"), stage("judgements")), workspace, Path("w"), wide=False)
    shown = capsys.readouterr().out
    assert_fits(shown, ("image_text", "judgements", "http_404 30,000", "others 3", "specifications"))
    assert shown.splitlines()[1].startswith("next: m5data serve -w w")


@pytest.mark.parametrize(
    ("stages", "step"),
    [
        ((stage("crawl"),), ("m5data serve", "all work is done: look at it")),
        ((stage("crawl", pending=3), stage("download")), ("m5data run", "waiting: crawl 3")),
        ((stage("crawl"), stage("splits", current=False)), ("m5data run", "inputs changed: splits")),
        ((), ("m5data add-source URL", "no shop is set")),
    ],
)
def test_next_step(stages: tuple[StageStatus, ...], step: tuple[str, str], tmp_path: Path) -> None:
    assert next_step(status(*stages), Workspace.create(tmp_path / "w")) == step


def test_notes_beyond_five_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = Workspace.create(tmp_path / "w")
    stages = [stage(f"stage{number}") for number in range(7)]
    print_status(status(*stages), workspace, tmp_path / "w", wide=False)
    assert capsys.readouterr().out.endswith("and 2 more notes: m5data status --wide\n")
    print_status(status(*stages), workspace, tmp_path / "w", wide=True)
    assert "stage6: crawl.sources.shop.language" in capsys.readouterr().out


def test_checks_are_a_line_for_each_group_failures_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    promise = "every row of frames belongs to a stored video of its product and lies inside its object"
    checks = [Check(f"keys:{name}", ok=True, detail=promise) for name in ("a", "b", "c", "d", "e")]
    checks += [Check("stages", ok=True, detail=promise, complete=False), Check("kept:x", ok=False, detail=promise)]
    print_check_groups(checks)
    shown = capsys.readouterr().out
    assert_fits(shown, ("a, b, c, d and 1 more", "kept:x"))
    assert [line.split()[:3] for line in shown.splitlines()[2:5]] == [
        ["keys", "5", "ok"],
        ["stages", "1", "in"],
        ["kept", "1", "FAILED"],
    ]
    assert shown.endswith("\n6 of 7 checks hold, 1 failed, 1 in part\n")


def test_table_that_does_not_fit_becomes_a_list(capsys: pytest.CaptureFixture[str]) -> None:
    names = tuple(f"measure_{number}" for number in range(12))
    print_rows("", names, [tuple(range(12))])
    shown = capsys.readouterr().out
    assert_fits(shown, names)
    assert shown.splitlines()[11] == "measure_11 11"


def test_reports_fit(capsys: pytest.CaptureFixture[str]) -> None:
    dropped = {"duplicate_url": 4, "listing": 10, "not_a_product": 1, "other": 3, "soft_404": 2, "http_404": 12}
    print_reports([StageReport("records", 232, 200, dropped, 11.4)])
    assert_fits(capsys.readouterr().out, tuple(f"{reason} {count}" for reason, count in dropped.items()))


def test_run_ends_with_where_to_look(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "report.html").touch()
    print_run_end(tmp_path, [StageReport("crawl", 3, 2, {"robots": 1})])
    shown = [line.split(":")[0] for line in capsys.readouterr().out.strip().splitlines()]
    assert shown == ["what was left out", "report", "browser", "questions"]


def test_progress_lines_end_with_the_counts_of_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr("workspace.progress.Console", lambda **_: Console(file=written))
    with showing_progress() as progress:
        progress.start("export", 574)
        progress.advance(574)
        progress.finish()
        progress.completed(StageReport("export", 287, 287, {}, 1.0))
    assert written.getvalue() == "export: started\nexport: read 287, kept 287 in 1.0 s\n"


def test_bar_ends_at_what_the_report_read(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr("workspace.progress.Console", lambda **_: Console(file=written, force_terminal=True))
    with showing_progress() as progress:
        progress.start("export", 574)
        progress.advance(574)
        progress.finish()
        progress.completed(StageReport("export", 287, 287, {}, 1.0))
    assert "287/287" in written.getvalue()


def test_expected_end_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    running = RunningStage("", "crawl", 12, datetime(2026, 1, 1, tzinfo=UTC), 200, 50)
    end = datetime(2026, 1, 1, 2, tzinfo=UTC)
    found = Status(7, [stage("crawl")], [], [], running, 12.5, end)
    print_status(found, Workspace.create(tmp_path / "w"), tmp_path / "w", wide=False)
    first, following, *_ = capsys.readouterr().out.splitlines()
    assert first == (
        "dataset version 7; running: crawl, 50 of 200, 12.5 a second, expected to end at 2026-01-01 02:00:00 UTC "
        "(process 12)"
    )
    assert following == "next: wait"
