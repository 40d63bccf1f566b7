"""The stages as Prefect tasks."""

from pathlib import Path

from prefect import Task, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas import State
from prefect.states import Failed

from flows.context import RunContext
from flows.stages import PARTS, Part, run_stage
from m5data.choices import Choices
from m5data.errors import M5DataError
from m5data.progress_display import showing_progress
from m5data.stage import StageReport
from m5data.workspace import Workspace

__all__ = ["run_part"]


def run_part(workspace: str, part: Part, *, refresh: bool = False) -> list[StageReport]:
    """Run the stages of a part, a task each, and leave a table of what they did as an artifact.

    Returns:
        What each stage did; or, where one failed for a reason that is told on purpose, a failed
        state that holds the error: a state has the reason in its message, and no traceback.
    """
    try:
        opened = Workspace.open(Path(workspace))
        with opened.store.lock(), showing_progress() as progress:
            return _run_stages(opened, part, RunContext(progress=progress, choices=Choices(refresh=refresh)))
    except M5DataError as error:
        return _failed(error)  # type: ignore[return-value]  # Prefect takes a state for the flow's own


def _run_stages(workspace: Workspace, part: Part, context: RunContext) -> list[StageReport]:
    reports: list[StageReport] = []
    for name in PARTS[part]:
        state = _task(name)(workspace, name, context, return_state=True)
        if isinstance(state.data, M5DataError):
            raise state.data
        reports.append(state.result())
    create_table_artifact([_artifact_row(report) for report in reports], key="m5data-stages")
    return reports


def _task(name: str) -> Task[[Workspace, str, RunContext], StageReport]:
    """Name the task after its stage; what it did is recorded by the store, not by Prefect."""
    return task(name=name, cache_policy=NO_CACHE, persist_result=False)(_run_stage)


def _run_stage(workspace: Workspace, name: str, context: RunContext) -> StageReport:
    try:
        return run_stage(workspace, name, context)
    except M5DataError as error:
        return _failed(error)  # type: ignore[return-value]  # Prefect takes a state for the task's own


def _failed(error: M5DataError) -> State[M5DataError]:
    return Failed(message=str(error), data=error.with_traceback(None))


def _artifact_row(report: StageReport) -> dict[str, object]:
    return {
        "stage": report.stage,
        "read": report.read,
        "kept": report.kept,
        "dropped": ", ".join(f"{reason} {count}" for reason, count in report.dropped.items()),
        "seconds": round(report.seconds, 1),
        "unchanged": report.unchanged,
    }
