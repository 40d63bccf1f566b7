"""Prometheus metrics of a workspace, as a file for node_exporter's textfile collector: ``logs/m5data.prom``.

Format: https://prometheus.io/docs/instrumenting/exposition_formats/, text, version 0.0.4.
"""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from m5data.running_stage import RunningStage
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

_Sample = tuple[str, Mapping[str, str], float]


def write_metrics(workspace: Workspace, running: RunningStage | None) -> None:
    """Write the metrics of the newest dataset version, and of a stage that runs."""
    replace_file(workspace.root / METRICS_FILE, metrics_text(workspace, running, datetime.now(UTC)).encode())


def metrics_text(workspace: Workspace, running: RunningStage | None, now: datetime) -> str:
    """Return the metrics in Prometheus' text format."""
    samples = sorted(_samples(workspace, running, now), key=lambda sample: sample[0])
    lines: list[str] = []
    for name in dict.fromkeys(sample[0] for sample in samples):
        lines += [f"# HELP {name} {_MEANINGS[name]}", f"# TYPE {name} gauge"]
        lines += [_line(*sample) for sample in samples if sample[0] == name]
    return "\n".join(lines) + "\n"


def _samples(workspace: Workspace, running: RunningStage | None, now: datetime) -> Iterator[_Sample]:
    snapshot = workspace.store.snapshot()
    yield "m5data_version", {}, snapshot.number
    if snapshot.created is not None:
        yield "m5data_version_timestamp_seconds", {}, snapshot.created.timestamp()
    for name, record in snapshot.stages.items():
        yield from _stage(name, record)
    yield "m5data_disk_free_bytes", {}, shutil.disk_usage(workspace.root).free
    yield "m5data_written_timestamp_seconds", {}, now.timestamp()
    if running is not None:
        yield from _running(running)


def _stage(name: str, record: StageRecord) -> Iterator[_Sample]:
    report = record.report
    yield "m5data_stage_items", {"stage": name, "outcome": "kept", "reason": ""}, report.kept
    for reason, count in report.dropped.items():
        yield "m5data_stage_items", {"stage": name, "outcome": "dropped", "reason": reason}, count
    yield "m5data_stage_seconds", {"stage": name}, report.seconds
    yield "m5data_stage_version", {"stage": name}, record.version


def _running(running: RunningStage) -> Iterable[_Sample]:
    labels = {"stage": running.stage}
    yield "m5data_running", labels, 1
    yield "m5data_running_done", labels, running.done
    if running.total is not None:
        yield "m5data_running_total", labels, running.total


def _line(name: str, labels: Mapping[str, str], value: float) -> str:
    told = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{told}}} {value!r}" if told else f"{name} {value!r}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
