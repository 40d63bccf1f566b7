"""The stages as Prefect tasks."""

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import httpx
from prefect import Task, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas import State
from prefect.client.schemas.objects import TaskRun
from prefect.runtime import flow_run
from prefect.states import Failed

from flows.prefect_page import PageProgress, leave_artifacts
from flows.run_stage import run_stage, stage_session
from m5data.errors import M5DataError
from m5data.run_options import RunContext, RunOptions, without_media
from m5data.stage import StageReport
from m5data.stages import Part, stages_of
from m5data.workspace import Workspace
from storage.working_copy import working_copy

__all__ = ["run_part"]

_TRANSIENT = (ConnectionError, sqlite3.OperationalError)
"""Errors that may pass: a lost connection, a database that a reader has locked for long. Others would recur."""
_RETRIES = 2
_RETRY_AFTER_S = (5.0, 30.0)


def run_part(
    workspace: str,
    part: Part,
    *,
    media: bool = True,
    **options: Any,  # noqa: ANN401 - fields of RunOptions
) -> list[StageReport]:
    """Run the stages of a part, each as a task, and leave tables of what they did as artifacts.

    Args:
        workspace: Folder of the workspace, or its URL in an object store.
        part: Part of the pipeline.
        media: Whether images and videos are fetched and decoded.
        options: Fields of ``RunOptions``.

    Returns:
        Each stage's report; or, where a stage raised an ``M5DataError``, a failed state that holds the error, so that
        the run's page shows the reason without a traceback.
    """
    try:
        opened = Workspace.open(working_copy(workspace))
        with stage_session(opened, part) as progress:
            context = RunContext(
                progress=PageProgress(progress),
                options=without_media(RunOptions(**options), media=media),
                run=flow_run.get_name() or "",
            )
            return _run_stages(opened, stages_of(part, media=media), context)
    except M5DataError as error:
        return _failed(error)  # type: ignore[return-value]  # Prefect takes a state for the flow's own


def _run_stages(workspace: Workspace, names: Sequence[str], context: RunContext) -> list[StageReport]:
    reports: list[StageReport] = []
    try:
        for name in names:
            state = _task(workspace, name)(workspace, name, context, return_state=True)
            if isinstance(state.data, M5DataError):
                raise state.data
            reports.append(state.result())
            get_run_logger().info("%s", reports[-1].sentence())
    except M5DataError:
        with suppress(httpx.HTTPError):  # the stage's failure matters more
            leave_artifacts(workspace.root, reports)
        raise
    leave_artifacts(workspace.root, reports)
    return reports


def _task(workspace: Workspace, name: str) -> Task[[Workspace, str, RunContext], StageReport]:
    """Return the task of a stage; the store records what it did, Prefect does not."""
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
    return isinstance(error, _TRANSIENT)


def _failed(error: M5DataError) -> State[M5DataError]:
    return Failed(message=str(error), data=error.with_traceback(None))
