"""Running of stages on a workspace, with or without a scheduler, and a check beforehand whether any has work."""

import json
import logging
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import duckdb
import httpx
from pydantic import BaseModel, ValidationError

from core.engine import memory_limit
from core.errors import FULL, CorruptObjectError, DataError, SettingsError, disk_fault
from core.processes.children import ProgramError, run_program
from core.run_options import RunContext
from core.stage import StageReport
from crawler.pending_work import due_pages
from flows.engines import on_ray
from flows.run_files import FILE_ONLY, logging_to, recorded_progress
from storage import WorkWaitsError, looking
from takedown.forget import PENDING, finish_takedown
from workspace import Workspace
from workspace.progress import RunProgress, showing_progress
from workspace.settings import MachineSettings, RunSettings
from workspace.stages import STAGES, StageSpec, resolve

__all__ = ["call_stage", "confined", "idle_reports", "named_disk_errors", "notifying", "run_stage", "stage_session"]

Model = TypeVar("Model", bound=BaseModel)

_LOG = logging.getLogger(__name__)


@contextmanager
def stage_session(workspace: Workspace, what: str) -> Iterator[RunProgress]:
    """Hold the workspace for several stages, show their progress, and notify of an error that ends them.

    Args:
        workspace: The workspace.
        what: Flow or stages, as named in notifications.
    """
    with (
        notifying(workspace, what),
        closing(workspace.store.objects),  # an open index keeps SQLite's log from being emptied
        workspace.store.lock(),
        showing_progress() as progress,
    ):
        yield progress


def run_stage(workspace: Workspace, name: str, context: RunContext) -> StageReport:
    """Run one stage of the registry under the workspace's lock.

    An interrupted take-down is finished first. The stage is limited by the machine settings, is logged, and records
    its progress.

    Raises:
        DataError: The disk is too full.
        M5DataError: Any error of the stage.
    """
    with (
        workspace.store.lock(),
        logging_to(workspace.root, context.run, name),
        confined(workspace.settings.machine),
        named_disk_errors(workspace.root, name),
        recorded_progress(workspace, name, context) as progress,
    ):
        if (workspace.root / PENDING).exists():
            finish_takedown(workspace.store)
        return _logged(name, lambda: call_stage(STAGES[name], workspace, replace(context, progress=progress)))


def call_stage(spec: StageSpec, workspace: Workspace, context: RunContext) -> StageReport:
    """Call a stage's function with its settings, the run's options, and the result of its ``arguments``."""
    arguments: dict[str, object] = {"clock": context.clock, "progress": context.progress}
    settings = None
    if spec.settings is not None:
        settings = workspace.settings.section(spec.settings)
        known = type(settings).model_fields
        given = {one.name: context.options.settings.get(one.name) for one in spec.options if one.name in known}
        settings = _replaced(settings, **given)
        arguments["settings"] = settings
    if spec.on_ray:
        arguments["runner"] = on_ray if context.options.engine == "ray" else None
    if spec.arguments is not None:
        arguments |= resolve(spec.arguments)(workspace, settings, context)
    report: StageReport = resolve(spec.run)(workspace.store, **arguments)
    return report


def _replaced(settings: Model, **values: object) -> Model:
    """Return ``settings`` with some values replaced; None keeps the setting.

    Raises:
        SettingsError: The setting does not accept a value.
    """
    chosen = {key: value for key, value in values.items() if value is not None}
    if not chosen:
        return settings
    try:
        return type(settings).model_validate({**settings.model_dump(), **chosen})
    except ValidationError as error:
        fault = error.errors()[0]
        name = "".join(f" --{str(part).replace('_', '-')}" for part in fault["loc"][:1])
        raise SettingsError(
            f"command line{name}: {fault['msg']}, got {fault['input']!r}; choose another value"
        ) from None


def _logged(name: str, work: Callable[[], StageReport]) -> StageReport:
    _LOG.info("%s: begins", name)
    try:
        report = work()
    except BaseException as error:
        _LOG.error("%s: ended by %s: %s", name, type(error).__name__, error, extra=FILE_ONLY)
        raise
    _LOG.info("%s", report.sentence())
    return report


@contextmanager
def confined(settings: MachineSettings) -> Iterator[None]:
    """Limit this thread, and the threads and processes it starts, to the cores and memory of the settings."""
    with _cores(settings.cores), memory_limit(settings.memory_mb and settings.memory_mb // 2):
        yield


@contextmanager
def _cores(count: int | None) -> Iterator[None]:
    if count is None or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def named_disk_errors(root: Path, stage: str) -> Iterator[None]:
    """Replace an error that means a full disk, a refused write or a damaged table with one that says so.

    Args:
        root: The workspace's folder.
        stage: Stage that runs.

    Raises:
        DataError: The disk is full or cannot be written.
        CorruptObjectError: A table's file is damaged.
    """
    try:
        yield
    except (OSError, sqlite3.OperationalError, duckdb.Error) as error:
        if (remedy := disk_fault(error)) == FULL:
            raise DataError(f"{stage}: the disk of {root} is full ({_line(error)}); {remedy}") from error
        if remedy is not None:
            raise DataError(f"{stage}: cannot write in {root} ({_line(error)}); {remedy}") from error
        if isinstance(error, duckdb.Error) and str(root.absolute() / "tables") in str(error):
            raise CorruptObjectError(
                f"{stage}: a table's file cannot be read ({_line(error)}); restore it from a backup (m5data copy "
                "makes one), and run again"
            ) from error
        raise


def _line(error: Exception) -> str:
    return str(error).splitlines()[0]


@contextmanager
def notifying(workspace: Workspace, what: str) -> Iterator[None]:
    """Send a notification of an error that ends the block, and re-raise it.

    Args:
        workspace: The workspace, whose settings name the command and the webhook.
        what: Flow or stages that run.
    """
    try:
        yield
    except Exception as error:
        _send(workspace.settings.run, _message(workspace, what, error))
        raise


def _message(workspace: Workspace, what: str, error: Exception) -> str:
    message = {
        "workspace": str(workspace.root.absolute()),
        "run": what,
        "error": type(error).__name__,
        "message": str(error),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return json.dumps(message, ensure_ascii=False)


def _send(settings: RunSettings, message: str) -> None:
    """Start the command and post to the webhook; log the failure of either, which must not hide the run's error."""
    timeout = settings.notify_seconds
    if settings.notify_command:
        try:
            run_program(settings.notify_command, data=message.encode(), seconds=timeout)
        except ProgramError as error:
            _LOG.warning("run.notify_command: failed: %s", error)
    if settings.notify_webhook:
        headers = {"Content-Type": "application/json"}
        try:
            httpx.post(settings.notify_webhook, content=message, headers=headers, timeout=timeout).raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            _LOG.warning("run.notify_webhook: failed: %s", error)


def idle_reports(workspace: Workspace, names: tuple[str, ...], context: RunContext) -> list[StageReport] | None:
    """Return the stages' last reports if none has anything to do; None if one of them may have work.

    Args:
        workspace: The workspace.
        names: The stages, in their order.
        context: Options of the run.
    """
    if (workspace.root / PENDING).exists():
        return None
    try:
        with workspace.store.lock(), looking():
            reports = [
                _crawled(workspace, context) if name == "crawl" else call_stage(STAGES[name], workspace, context)
                for name in names
            ]
    except WorkWaitsError:
        return None
    return reports if all(report.unchanged for report in reports) else None


def _crawled(workspace: Workspace, context: RunContext) -> StageReport:
    """Return the last crawl's report if no page is due.

    Raises:
        WorkWaitsError: A page is due, a source has no stored page, the settings have changed, or no crawl has run yet.
    """
    settings, store = workspace.settings.crawl, workspace.store
    last = store.snapshot().stages.get("crawl")
    due = due_pages(store, settings, context.clock())
    if last is None or last.settings != settings.digest() or any(s.new or s.again or not s.stored for s in due):
        raise WorkWaitsError("crawl")
    return replace(last.report, unchanged=True)
