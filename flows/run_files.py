"""Files under ``logs/`` that a run writes for people and other programs: log, progress and Prometheus metrics."""

import json
import logging
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from core.errors import DataError
from core.files import replace_file
from core.run_options import RunContext
from core.stage import Progress
from storage import StageRecord
from workspace import Workspace
from workspace.progress import PROGRESS_FILE, RunningStage
from workspace.settings import MachineSettings

__all__ = ["FILE_ONLY", "LOG_FILE", "METRICS_FILE", "logging_to", "recorded_progress"]

LOG_FILE = Path("logs") / "run.jsonl"
"""One JSON object per line."""
METRICS_FILE = Path("logs") / "m5data.prom"
"""Metrics for node_exporter's textfile collector."""
_ROOMS = (
    "core",
    "reader",
    "crawler",
    "extract",
    "align",
    "annotate",
    "splits",
    "export",
    "storage",
    "workspace",
    "flows",
    "m5data",
)
FILE_ONLY = {"file_only": True}
"""``extra`` of a record that goes only to the log file, because the command line reports it itself."""
_MAX_BYTES = 20_000_000
_OLDER_FILES = 4

_MEANINGS = {
    "m5data_version": "Number of the newest dataset version.",
    "m5data_version_timestamp_seconds": "When it was committed.",
    "m5data_stage_items": "Items of a stage's last run: outcome kept, dropped, or left_out (a part of a kept one).",
    "m5data_stage_seconds": "Seconds that a stage's last run took.",
    "m5data_stage_version": "Dataset version that a stage committed last.",
    "m5data_disk_free_bytes": "Free on the workspace's disk.",
    "m5data_running": "1 while the stage runs.",
    "m5data_running_done": "Items that the running stage has done.",
    "m5data_running_total": "Items that the running stage has to do.",
    "m5data_written_timestamp_seconds": "When this file was written.",
}
_GB = 1_000_000_000
_PROGRESS_EVERY_S = 2.0


class _JsonLines(logging.Formatter):
    """Formatter of JSON lines: time, level, run, stage and message; partition and item if they are known."""

    def __init__(self, run: str, stage: str) -> None:
        super().__init__()
        self._run, self._stage = run, stage

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "run": self._run,
            "stage": self._stage,
        }
        fields |= {name: value for name in ("partition", "item") if (value := getattr(record, name, None)) is not None}
        fields |= {"room": record.name, "message": record.getMessage()}
        if record.exc_info:
            fields["error"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False, default=str)


class _LogFile(RotatingFileHandler):
    """The log of a workspace; it ignores errors, since a full disk ends the stage with an error anyway."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - overrides logging's method
        """Drop the record."""


class _Onward(logging.Handler):
    """A handler that passes warnings on to the root logger's handlers, as without this log."""

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a record on."""
        if not getattr(record, "file_only", False):
            logging.getLogger().callHandlers(record)


@contextmanager
def logging_to(root: Path, run: str, stage: str) -> Iterator[None]:
    """Write the rooms' log records of level INFO and above to the workspace's log while the context lasts.

    The file is rotated at 20 MB; four older ones are kept.
    """
    path = root / LOG_FILE
    path.parent.mkdir(exist_ok=True)
    handler = _LogFile(path, maxBytes=_MAX_BYTES, backupCount=_OLDER_FILES, encoding="utf-8", delay=True)
    handler.setFormatter(_JsonLines(run, stage))
    with ExitStack() as stack:
        stack.callback(handler.close)
        for room in _ROOMS:
            stack.enter_context(_logged_by(logging.getLogger(room), handler))
        yield


@contextmanager
def _logged_by(logger: logging.Logger, handler: logging.Handler) -> Iterator[None]:
    """Send a logger's records of level INFO and above to a handler, and only warnings to the root logger, as before."""
    onward, level = _Onward(logging.WARNING), logger.level
    logger.addHandler(handler)
    logger.addHandler(onward)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.propagate = True
        logger.setLevel(level)
        logger.removeHandler(onward)
        logger.removeHandler(handler)


class _ProgressFile:
    """A progress sink that also writes the progress to a file, and watches the disk.

    Raises:
        DataError: From any call: the disk has become too full to continue.
    """

    def __init__(self, workspace: Workspace, name: str, context: RunContext) -> None:
        self._workspace = workspace
        self._inner: Progress = context.progress
        self._written = time.monotonic()
        self._running = RunningStage(context.run, name, os.getpid(), datetime.now(UTC), None, 0)
        self._new = 0

    def start(self, stage: str, total: int | None) -> None:
        """Begin a stage of ``total`` items."""
        self._running, self._new = self._running.restarted(total, datetime.now(UTC)), 0
        self._inner.start(stage, total)
        self._write()

    def advance(self, items: int = 1) -> None:
        """Count ``items`` more as done."""
        self._new += items
        self._inner.advance(items)
        if time.monotonic() - self._written >= _PROGRESS_EVERY_S:
            self._write()

    def finish(self) -> None:
        """End the stage that was started last."""
        self._inner.finish()

    def _write(self) -> None:
        self._written = time.monotonic()
        self._running, self._new = self._running.advanced(self._new), 0
        root = self._workspace.root
        replace_file(root / PROGRESS_FILE, json.dumps(self._running.as_record()).encode())
        _write_metrics(self._workspace, self._running)
        _check_disk(root, self._workspace.settings.machine)


@contextmanager
def recorded_progress(workspace: Workspace, name: str, context: RunContext) -> Iterator[Progress]:
    """Yield the progress sink of a stage; when it ends, its progress file is removed and the metrics stay.

    Raises:
        DataError: The disk is too full to begin.
    """
    _check_disk(workspace.root, workspace.settings.machine)
    path: Path = workspace.root / PROGRESS_FILE
    path.parent.mkdir(exist_ok=True)
    try:
        yield _ProgressFile(workspace, name, context)
    finally:
        with suppress(OSError):  # an unwritable disk has already ended the stage with an error
            path.unlink(missing_ok=True)
            _write_metrics(workspace, None)


def _check_disk(root: Path, settings: MachineSettings) -> None:
    """Check that the workspace's disk has enough free space.

    Raises:
        DataError: It has less than ``min_free_gb``.
    """
    free = shutil.disk_usage(root).free / _GB
    if free < settings.min_free_gb:
        raise DataError(
            f"{root}: its disk has {free:.2f} GB free, less than machine.min_free_gb = {settings.min_free_gb:g}; "
            "make room (m5data vacuum), then run again: finished work is kept"
        )


def _write_metrics(workspace: Workspace, running: RunningStage | None) -> None:
    """Write the metrics of the newest dataset version, and of a running stage."""
    replace_file(workspace.root / METRICS_FILE, _metrics_text(workspace, running, datetime.now(UTC)))


def _metrics_text(workspace: Workspace, running: RunningStage | None, now: datetime) -> bytes:
    """Return the metrics in Prometheus' text format."""
    snapshot, gauges = workspace.store.snapshot(), _Gauges()
    gauges.set("m5data_version", snapshot.number)
    if snapshot.created is not None:
        gauges.set("m5data_version_timestamp_seconds", snapshot.created.timestamp())
    for name, record in snapshot.stages.items():
        _set_stage(gauges, name, record)
    gauges.set("m5data_disk_free_bytes", shutil.disk_usage(workspace.root).free)
    gauges.set("m5data_written_timestamp_seconds", now.timestamp())
    if running is not None:
        gauges.set("m5data_running", 1, stage=running.stage)
        gauges.set("m5data_running_done", running.done, stage=running.stage)
        if running.total is not None:
            gauges.set("m5data_running_total", running.total, stage=running.stage)
    return generate_latest(gauges.registry)


class _Gauges:
    """Gauges by name, each made when it is first set."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self._gauges: dict[str, Gauge] = {}

    def set(self, name: str, value: float, **labels: str) -> None:
        gauge = self._gauges.get(name)
        if gauge is None:
            gauge = self._gauges[name] = Gauge(name, _MEANINGS[name], tuple(labels), registry=self.registry)
        (gauge.labels(**labels) if labels else gauge).set(value)


def _set_stage(gauges: _Gauges, name: str, record: StageRecord) -> None:
    report = record.report
    gauges.set("m5data_stage_items", report.kept, stage=name, outcome="kept", reason="")
    for reason, count in report.dropped.items():
        gauges.set("m5data_stage_items", count, stage=name, outcome="dropped", reason=reason)
    for reason, count in report.left_out.items():
        gauges.set("m5data_stage_items", count, stage=name, outcome="left_out", reason=reason)
    gauges.set("m5data_stage_seconds", report.seconds, stage=name)
    gauges.set("m5data_stage_version", record.version, stage=name)
