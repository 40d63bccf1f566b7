"""The stages as Prefect tasks."""

import sqlite3
from contextlib import closing, suppress
from typing import Any

import httpx
from prefect import Task, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas import State
from prefect.client.schemas.objects import TaskRun
from prefect.runtime import flow_run
from prefect.states import Failed

from flows.artifacts import leave_artifacts
from flows.context import RunContext
from flows.page_progress import PageProgress
from flows.stages import PARTS, Part, run_stage
from flows.telling import telling
from m5data.choices import Choices
from m5data.errors import M5DataError
from m5data.progress_display import showing_progress
from m5data.stage import StageReport
from m5data.workspace import Workspace
from storage.remote import working_copy

__all__ = ["run_part"]

_PASSING = (ConnectionError, sqlite3.OperationalError)
"""Faults that may pass: a connection lost, a database locked by a reader for long. All else would fail again."""
_RETRIES = 2
_RETRY_AFTER_S = (5.0, 30.0)


def run_part(workspace: str, part: Part, **chosen: Any) -> list[StageReport]:  # noqa: ANN401 - fields of Choices
    """Run the stages of a part, a task each, and leave tables of what they did as artifacts.

    Args:
        workspace: Folder of the workspace, or its address in an object store.
        part: Which stages.
        chosen: Fields of ``Choices``.

    Returns:
        What each stage did; or, where one failed for a reason that is told on purpose, a failed
        state that holds the error: a state has the reason in its message, and no traceback.
    """
    try:
        opened = Workspace.open(working_copy(workspace))
        with (
            telling(opened, part),
            closing(opened.store.objects),  # an index left open keeps SQLite's log from being emptied
            opened.store.lock(),
            showing_progress() as progress,
        ):
            context = RunContext(
                progress=PageProgress(progress), choices=Choices(**chosen), run=flow_run.get_name() or ""
            )
            return _run_stages(opened, part, context)
    except M5DataError as error:
        return _failed(error)  # type: ignore[return-value]  # Prefect takes a state for the flow's own


def _run_stages(workspace: Workspace, part: Part, context: RunContext) -> list[StageReport]:
    reports: list[StageReport] = []
    try:
        for name in PARTS[part]:
            state = _task(workspace, name)(workspace, name, context, return_state=True)
            if isinstance(state.data, M5DataError):
                raise state.data
            reports.append(state.result())
            get_run_logger().info("%s", reports[-1].sentence())
    except M5DataError:
        with suppress(httpx.HTTPError):  # the failure is what is to be told
            leave_artifacts(workspace.root, reports)
        raise
    leave_artifacts(workspace.root, reports)
    return reports


def _task(workspace: Workspace, name: str) -> Task[[Workspace, str, RunContext], StageReport]:
    """Name the task after its stage; what it did is recorded by the store, not by Prefect."""
    return task(
        name=name,
        cache_policy=NO_CACHE,
        persist_result=False,
        retries=_RETRIES,
        retry_delay_seconds=list(_RETRY_AFTER_S),
        retry_condition_fn=_may_pass,
        timeout_seconds=workspace.settings.run.stage_hours * 3600,
    )(_run_stage)


def _run_stage(workspace: Workspace, name: str, context: RunContext) -> StageReport:
    try:
        return run_stage(workspace, name, context)
    except M5DataError as error:
        return _failed(error)  # type: ignore[return-value]  # Prefect takes a state for the task's own


def _may_pass(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    error = state.result(raise_on_failure=False)
    return isinstance(error, _PASSING)


def _failed(error: M5DataError) -> State[M5DataError]:
    return Failed(message=str(error), data=error.with_traceback(None))
