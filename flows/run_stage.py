"""Running stages of the registry on a workspace, one after another, with or without a scheduler."""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from flows.disk_errors import named_disk_errors
from flows.engines import runner_of
from flows.logs import FILE_ONLY, logging_to
from flows.notifications import notifying
from flows.progress_file import recorded_progress
from m5data.errors import SettingsError
from m5data.progress import showing_progress
from m5data.run_options import RunContext
from m5data.settings import MachineSettings
from m5data.stage import Progress, StageReport
from m5data.stages import STAGES, StageSpec, resolve
from m5data.workspace import Workspace
from storage.engine import memory_limit
from takedown.forget import finish_takedown

__all__ = ["confined", "run_stage", "stage_session"]

Model = TypeVar("Model", bound=BaseModel)

_LOG = logging.getLogger(__name__)


@contextmanager
def stage_session(workspace: Workspace, what: str) -> Iterator[Progress]:
    """Hold the workspace for several stages, show their progress, and notify of an error that ends them.

    Args:
        workspace: The workspace.
        what: Flow or stages, as notifications name them.
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

    An interrupted take-down is finished first. The stage keeps to the machine settings, is logged, and records its
    progress.

    Raises:
        DataError: The disk is too full.
        M5DataError: Whatever the stage raises.
    """
    with (
        workspace.store.lock(),
        logging_to(workspace.root, context.run, name),
        confined(workspace.settings.machine),
        named_disk_errors(workspace.root, name),
        recorded_progress(workspace, name, context) as progress,
    ):
        finish_takedown(workspace.store)
        return _logged(name, lambda: _call(STAGES[name], workspace, replace(context, progress=progress)))


def _call(spec: StageSpec, workspace: Workspace, context: RunContext) -> StageReport:
    """Call a stage's function with its settings, the run's options, and what its ``arguments`` add."""
    arguments: dict[str, object] = {"clock": context.clock, "progress": context.progress}
    settings = None
    if spec.settings is not None:
        settings = workspace.settings.section(spec.settings)
        settings = _replaced(settings, **{key: getattr(context.options, key) for key in spec.overrides})
        arguments["settings"] = settings
    if spec.on_ray:
        arguments["runner"] = runner_of(context.options.engine)
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
    """Limit this thread, and what it starts, to the cores and memory of the settings."""
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
