"""Stages as Prefect tasks, and their artifacts on Prefect's pages: progress, and tables of results."""

import sqlite3
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from prefect import Task, get_run_logger, task
from prefect.artifacts import (
    create_link_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas import State
from prefect.client.schemas.objects import TaskRun
from prefect.runtime import flow_run
from prefect.states import Failed

from core.errors import M5DataError
from core.names import dashed
from core.run_options import RunContext, RunOptions, without_media
from core.stage import Progress, StageReport
from flows.run_stage import run_stage, stage_session
from storage.working_copy import working_copy
from workspace import Workspace
from workspace.progress import RunProgress
from workspace.stages import Part, stages_of
from workspace.status import LEDGER_BY_MODALITY

__all__ = ["PageProgress", "leave_artifacts", "run_part"]

EVERY_S = 5.0


class PageProgress:
    """A progress sink that shows work of more than a few seconds as an artifact of its task.

    If the server does not answer, the stage continues without showing progress.

    Args:
        inner: Sink that also receives every call.
    """

    def __init__(self, inner: Progress) -> None:
        self._inner = inner
        self._stage, self._done, self._shown = "", 0, 0.0
        self._total: int | None = None
        self._artifact: UUID | None = None

    def start(self, stage: str, total: int | None) -> None:
        """Begin a stage of ``total`` items."""
        self._stage, self._total, self._done, self._artifact = stage, total, 0, None
        self._shown = time.monotonic()
        self._inner.start(stage, total)

    def advance(self, items: int = 1) -> None:
        """Count ``items`` more as done."""
        self._done += items
        self._inner.advance(items)
        if self._total and time.monotonic() - self._shown >= EVERY_S:
            self._shown = time.monotonic()
            self._show(100 * self._done / self._total)

    def finish(self) -> None:
        """End the stage that was started last."""
        if self._artifact is not None:
            self._show(100.0)
        self._inner.finish()

    def _show(self, percent: float) -> None:
        with suppress(httpx.HTTPError):
            if self._artifact is None:
                words = f"{self._stage}: {self._total:,} items"
                made = create_progress_artifact(percent, key=dashed("m5data-progress", self._stage), description=words)
                self._artifact = made if isinstance(made, UUID) else None  # a coroutine only inside an event loop
            else:
                update_progress_artifact(self._artifact, percent)


def leave_artifacts(workspace: Path, reports: Sequence[StageReport]) -> None:
    """Create artifacts of a run so far: tables, and a link to the report if it exists."""
    create_table_artifact([_stage(report) for report in reports], key="m5data-stages", description="What stages did")
    drops = [row for report in reports for row in _drops(report)]
    create_table_artifact(drops, key="m5data-drops", description="What was left out, and why (table rejects)")
    ledger = Workspace.open(workspace).sql(LEDGER_BY_MODALITY).to_pylist()
    create_table_artifact(ledger, key="m5data-ledger", description="Products by modality: present, or why not")
    report = workspace / "reports" / "report.html"
    if report.is_file():
        create_link_artifact(report.as_uri(), link_text="report.html", key="m5data-report", description="The report")


def _stage(report: StageReport) -> dict[str, object]:
    return {
        "stage": report.stage,
        "read": report.read,
        "kept": report.kept,
        "dropped": sum(report.dropped.values()),
        "seconds": round(report.seconds, 1),
        "unchanged": report.unchanged,
    }


def _drops(report: StageReport) -> list[dict[str, object]]:
    counts = (*report.dropped.items(), *report.left_out.items())
    return [{"stage": report.stage, "reason": reason, "items": count} for reason, count in counts]


_TRANSIENT = (ConnectionError, sqlite3.OperationalError)
"""Temporary errors: a lost connection, a database that a reader has locked for long. Others would recur."""
_RETRIES = 2
_RETRY_AFTER_S = (5.0, 30.0)


def run_part(
    workspace: str,
    part: Part,
    *,
    media: bool = True,
    **options: Any,  # noqa: ANN401 - fields of RunOptions
) -> list[StageReport]:
    """Run the stages of a part, each as a task, and create tables of their results as artifacts.

    Args:
        workspace: Folder of the workspace, or its URL in an object store.
        part: Part of the pipeline.
        media: Whether images and videos are fetched and decoded.
        options: Fields of ``RunOptions``.

    Returns:
        Each stage's report; or, if a stage raised an ``M5DataError``, a failed state that holds the error, so that
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
            return _run_stages(opened, stages_of(part, media=media), context, progress)
    except M5DataError as error:
        return _failed(error)  # type: ignore[return-value]  # Prefect uses a returned state as the flow's own


def _run_stages(
    workspace: Workspace, names: Sequence[str], context: RunContext, progress: RunProgress
) -> list[StageReport]:
    reports: list[StageReport] = []
    try:
        for name in names:
            state = _task(workspace, name)(workspace, name, context, return_state=True)
            if isinstance(state.data, M5DataError):
                raise state.data
            reports.append(state.result())
            progress.completed(reports[-1])
            get_run_logger().info("%s", reports[-1].sentence())
    except M5DataError:
        with suppress(httpx.HTTPError):  # the stage's failure matters more
            leave_artifacts(workspace.root, reports)
        raise
    leave_artifacts(workspace.root, reports)
    return reports


def _task(workspace: Workspace, name: str) -> Task[[Workspace, str, RunContext], StageReport]:
    """Return the task of a stage; the store records its result, Prefect does not."""
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
        return _failed(error)  # type: ignore[return-value]  # Prefect uses a returned state as the task's own


def _may_pass(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    error = state.result(raise_on_failure=False)
    return isinstance(error, _TRANSIENT)


def _failed(error: M5DataError) -> State[M5DataError]:
    return Failed(message=str(error), data=error.with_traceback(None))
