"""A run's page in Prefect: progress while a stage runs, and tables of what the stages did."""

import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import httpx
from prefect.artifacts import (
    create_link_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)

from m5data.stage import Progress, StageReport
from m5data.status import LEDGER_BY_MODALITY
from m5data.workspace import Workspace

__all__ = ["PageProgress", "leave_artifacts"]

EVERY_S = 5.0


class PageProgress:
    """A progress sink that shows work of more than a few seconds as an artifact of its task.

    A server that does not answer does not stop the stage: its progress is not shown then.

    Args:
        inner: Sink that receives every call, too.
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
                made = create_progress_artifact(percent, key=f"m5data-progress-{self._stage}", description=words)
                self._artifact = made if isinstance(made, UUID) else None  # a coroutine only inside an event loop
            else:
                update_progress_artifact(self._artifact, percent)


def leave_artifacts(workspace: Path, reports: Sequence[StageReport]) -> None:
    """Leave the tables of a run that has come this far, and a link to the report if it exists."""
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
    return [{"stage": report.stage, "reason": reason, "items": count} for reason, count in report.dropped.items()]
