"""Prometheus metrics of a workspace, as a file for node_exporter's textfile collector: ``logs/m5data.prom``."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from m5data.progress import RunningStage
from m5data.workspace import Workspace
from storage import StageRecord
from storage.files import replace_file

__all__ = ["METRICS_FILE", "metrics_text", "write_metrics"]

METRICS_FILE = Path("logs") / "m5data.prom"

_MEANINGS = {
    "m5data_version": "Number of the newest dataset version.",
    "m5data_version_timestamp_seconds": "When it was committed.",
    "m5data_stage_items": "Items of a stage's last run: outcome kept, or dropped for a reason.",
    "m5data_stage_seconds": "Seconds that a stage's last run took.",
    "m5data_stage_version": "Dataset version that a stage committed last.",
    "m5data_disk_free_bytes": "Free on the workspace's disk.",
    "m5data_running": "1 while the stage runs.",
    "m5data_running_done": "Items that the running stage has done.",
    "m5data_running_total": "Items that the running stage has to do.",
    "m5data_written_timestamp_seconds": "When this file was written.",
}


def write_metrics(workspace: Workspace, running: RunningStage | None) -> None:
    """Write the metrics of the newest dataset version, and of a running stage."""
    replace_file(workspace.root / METRICS_FILE, metrics_text(workspace, running, datetime.now(UTC)))


def metrics_text(workspace: Workspace, running: RunningStage | None, now: datetime) -> bytes:
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
    gauges.set("m5data_stage_seconds", report.seconds, stage=name)
    gauges.set("m5data_stage_version", record.version, stage=name)
