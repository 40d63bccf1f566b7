"""The stages as Prefect tasks."""

from pathlib import Path

from prefect import Task, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE

from flows.context import RunContext
from flows.stages import PARTS, Part, run_stage
from m5data.choices import Choices
from m5data.progress_display import showing_progress
from m5data.stage import StageReport
from m5data.workspace import Workspace

__all__ = ["run_part"]


def run_part(workspace: str, part: Part, *, refresh: bool = False) -> list[StageReport]:
    """Run the stages of a part, a task each, and leave a table of what they did as an artifact."""
    opened = Workspace.open(Path(workspace))
    with opened.store.lock(), showing_progress() as progress:
        context = RunContext(progress=progress, choices=Choices(refresh=refresh))
        reports = [_task(name)(opened, name, context) for name in PARTS[part]]
    create_table_artifact([_artifact_row(report) for report in reports], key="m5data-stages")
    return reports


def _task(name: str) -> Task[[Workspace, str, RunContext], StageReport]:
    """Name the task after its stage; what it did is recorded by the store, not by Prefect."""
    return task(name=name, cache_policy=NO_CACHE, persist_result=False)(run_stage)


def _artifact_row(report: StageReport) -> dict[str, object]:
    return {
        "stage": report.stage,
        "read": report.read,
        "kept": report.kept,
        "dropped": ", ".join(f"{reason} {count}" for reason, count in report.dropped.items()),
        "seconds": round(report.seconds, 1),
        "unchanged": report.unchanged,
    }
