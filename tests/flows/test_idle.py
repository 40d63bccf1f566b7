"""A run with nothing to do is recognised before a scheduler starts; a workspace with only feeds runs all stages."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core.run_options import RunContext
from flows.run_stage import idle_reports, run_stage
from tests.m5data.test_command_line import run
from workspace import Workspace
from workspace.stages import stages_of

SETTINGS = """
[sources.shop]
crawl_authorised = true
share_authorised = true
licence = "CC0-1.0"
"""
COLLECT = stages_of("collect")


def test_a_collected_workspace_is_idle_until_a_page_is_due(collected: Workspace) -> None:
    run_stage(collected, "crawl", RunContext())
    for name in COLLECT:
        run_stage(collected, name, RunContext())
    reports = idle_reports(collected, COLLECT, RunContext())
    assert reports is not None
    assert [(report.stage, report.unchanged) for report in reports] == [(name, True) for name in COLLECT]
    later = datetime.now(UTC) + timedelta(days=30)
    assert idle_reports(collected, COLLECT, RunContext(clock=lambda: later)) is None


def test_looking_at_a_workspace_changes_nothing(collected: Workspace) -> None:
    before = collected.store.snapshot().number
    assert idle_reports(collected, stages_of("everything"), RunContext()) is None
    assert collected.store.snapshot().number == before


def test_a_feed_without_media_runs_through_all_stages(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "w", SETTINGS)
    rows = [
        {
            "id": str(n),
            "url": f"http://shop.example/{n}",
            "title": f"pot number {n} of {n * 7919 % 1000}",
            "category": f"kitchen > pots {n % 3}",
            "specs": {"colour": f"shade {n}", "size": f"{n} cm"},
        }
        for n in range(60)
    ]
    (tmp_path / "feed.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    arguments = ("run", "-w", tmp_path / "w", "--from-feed", tmp_path / "feed.jsonl", "--source", "shop")
    for more in ((), ("--no-media",)):
        done = run(*arguments, *more, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert "verify: " in done.stderr
    assert Workspace.open(tmp_path / "w").table("splits").num_rows > 0
    assert any((tmp_path / "w" / "shards").rglob("*links*"))
    again = run(*arguments, "--no-media", cwd=tmp_path)
    assert (again.returncode, "nothing had changed: no work done" in again.stdout) == (0, True)
