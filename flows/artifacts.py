"""What a run leaves on its page in Prefect: stages, drops, the ledger by modality, the report."""

from collections.abc import Sequence
from pathlib import Path

from prefect.artifacts import create_link_artifact, create_table_artifact

from m5data.stage import StageReport
from m5data.workspace import Workspace

__all__ = ["leave_artifacts"]

_LEDGER = """
SELECT modality, state, count(*) AS products
FROM (
    UNPIVOT (SELECT image, caption, specifications, video, audio FROM ledger)
    ON COLUMNS(*) INTO NAME modality VALUE state
)
GROUP BY ALL ORDER BY modality, products DESC, state
"""


def leave_artifacts(workspace: Path, reports: Sequence[StageReport]) -> None:
    """Leave the tables of a run that has come this far, and a link to the report where there is one."""
    create_table_artifact([_stage(report) for report in reports], key="m5data-stages", description="What stages did")
    drops = [row for report in reports for row in _drops(report)]
    create_table_artifact(drops, key="m5data-drops", description="What was left out, and why (table rejects)")
    ledger = Workspace.open(workspace).sql(_LEDGER).to_pylist()
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
