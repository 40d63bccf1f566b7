"""The plan and the status report waiting work, before and during a run."""

from datetime import UTC, datetime, timedelta

import pytest

from core.run_options import RunContext
from flows.run_stage import run_stage
from workspace import Workspace
from workspace.dry_run import plan_run
from workspace.progress import RunningStage, running_stage
from workspace.stages import PARTS
from workspace.status import status_of

_WITH_ITEMS = ("crawl", "records", "download", "extract")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def counts(workspace: Workspace, *, refresh: bool = False) -> dict[str, int]:
    """Return the planned items by name, without the details after a colon; stages without items are left out."""
    plan = plan_run(Workspace.open(workspace.root), refresh=refresh)
    return {f"{line.stage} {line.what.partition(':')[0]}": line.count for line in plan if line.stage in _WITH_ITEMS}


def waiting(workspace: Workspace, query: str) -> int:
    return int(Workspace.open(workspace.root).sql(query).to_pylist()[0]["n"])


def test_the_plan_says_what_each_stage_then_does(fresh: Workspace) -> None:
    nothing = {
        "crawl pages of north": 0,
        "crawl pages of south": 0,
        "records stored pages to read": 0,
        "download images to fetch": 0,
        "download videos to fetch": 0,
        "extract stored videos to decode": 0,
        "extract stored images to decode": 0,
    }
    assert counts(fresh) == nothing | {"crawl pages of north": 1, "crawl pages of south": 1}, "the start addresses"
    crawl = run_stage(fresh, "crawl", RunContext())
    assert counts(fresh)["records stored pages to read"] > 0
    run_stage(fresh, "records", RunContext())
    planned = counts(fresh)
    assert planned == nothing | {key: planned[key] for key in ("download images to fetch", "download videos to fetch")}
    download = run_stage(fresh, "download", RunContext())
    assert planned["download images to fetch"] + planned["download videos to fetch"] == download.read
    videos = waiting(fresh, "select count(distinct sha256) n from media where kind = 'video' and state = 'ok'")
    images = waiting(fresh, "select count(distinct sha256) n from media where kind = 'image' and state = 'ok'")
    assert counts(fresh) == nothing | {
        "extract stored videos to decode": videos,
        "extract stored images to decode": images,
    }
    run_stage(fresh, "extract", RunContext())
    assert counts(fresh) == nothing
    again = counts(fresh, refresh=True)
    assert again["crawl pages of north"] + again["crawl pages of south"] >= crawl.read


def test_bytes_are_those_of_what_waits(collected: Workspace) -> None:
    lines = plan_run(collected, refresh=True)
    page = collected.sql("select avg(length) n from objects where kind = 'page'").to_pylist()[0]["n"]
    for line in lines:
        if line.stage == "crawl":
            assert line.bytes == pytest.approx(line.count * page, abs=1)
            assert line.stored == 0, "known pages are asked for conditionally, none is new"


def test_status_tells_what_waits_and_why_things_were_dropped(collected: Workspace) -> None:
    standing = status_of(collected)
    stages = {one.stage: one for one in standing.stages}
    assert {name: one.pending for name, one in stages.items() if one.ran} == dict.fromkeys(_WITH_ITEMS, 0)
    assert [name for name in PARTS["everything"] if not stages[name].ran] == list(PARTS["everything"][4:])
    assert stages["download"].dropped == dict(collected.snapshot.stages["download"].report.dropped)
    assert all(one.current for one in standing.stages if one.ran)
    assert standing.running is None
    assert {row["modality"] for row in standing.ledger} == {"image", "caption", "specifications", "video", "audio"}


class Asking:
    """A progress sink that records the status at each item."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.seen: list[tuple[str, int | None]] = []

    def start(self, stage: str, total: int | None) -> None: ...

    def advance(self, items: int = 1) -> None:
        running = running_stage(self.workspace)
        self.seen.append((running.stage, running.total) if running else ("", None))

    def finish(self) -> None: ...


def test_status_while_a_stage_runs_and_after(fresh: Workspace) -> None:
    for name in ("crawl", "records"):
        run_stage(fresh, name, RunContext())
    asking = Asking(fresh)
    report = run_stage(fresh, "download", RunContext(progress=asking))
    assert set(asking.seen) == {("download", report.read)}
    assert running_stage(fresh) is None


def test_the_expected_end_follows_from_the_rate() -> None:
    running = RunningStage("", "extract", 1, NOON, 300, 100)
    now = NOON + timedelta(seconds=50)
    assert running.rate(now) == 2.0
    assert running.expected_end(now) == NOON + timedelta(seconds=150)
    assert running.restarted(None, now).expected_end(now) is None


def test_the_plan_names_every_stage_that_would_run(collected: Workspace) -> None:
    lines = {line.stage: line for line in plan_run(Workspace.open(collected.root))}
    stages = set(PARTS["everything"]) - {"image_text"}  # without extract.ocr, no text in images is read
    assert set(lines) == stages
    assert {name for name, line in lines.items() if line.count} == stages - set(_WITH_ITEMS)
    assert lines["dedup"].what == "runs over the whole dataset: it never ran"
