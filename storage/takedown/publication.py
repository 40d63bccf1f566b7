"""Make a take-down a dataset version of its own, so that stages see that their inputs changed."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from m5data.stage import StageReport
from m5data.version import __version__
from storage.delta import DeltaLog
from storage.layout import Layout
from storage.schemas import TABLES
from storage.snapshot import Snapshot
from storage.versions import StageRecord, committed_versions, latest_number, read_version, write_version

__all__ = ["correct_reports", "publish_takedown"]

STAGE = "forget"


def publish_takedown(root: Path, tables: Collection[str], report: StageReport, now: datetime) -> int:
    """Commit a version whose tables have the rows they have, under new numbers; return its own.

    Args:
        root: The workspace's folder; its lock is held.
        tables: Tables that the take-down touched.
        report: What it removed.
        now: Time of the version.
    """
    layout = Layout(root)
    before = read_version(layout, latest_number(layout))
    touched = [name for name in before.tables if name in tables]
    bumped = {name: DeltaLog(layout.table(name), TABLES[name]).touch() for name in touched}
    number = before.number + 1
    stages = {**before.stages, STAGE: StageRecord("", "", {}, report, number, __version__)}
    after = replace(before, number=number, parent=before.number, created=now, stages=stages)
    write_version(layout, replace(after, tables={**before.tables, **bumped}))
    return number


def correct_reports(root: Path, stages: Collection[str]) -> None:
    """Make what stages reported to have dropped, in every version, what ``rejects`` holds there by now.

    Args:
        root: The workspace's folder; its lock is held.
        stages: Those that rejects were taken from.
    """
    layout = Layout(root)
    for version in committed_versions(layout):
        counted = {
            name: _counted(Snapshot(layout, version), version, name) for name in stages if name in version.stages
        }
        if any(version.stages[name] != record for name, record in counted.items()):
            write_version(layout, replace(version, stages={**version.stages, **counted}))


def _counted(snapshot: Snapshot, stage: str) -> StageRecord:
    query = "SELECT reason, count(*) AS items FROM rejects WHERE stage = ? GROUP BY reason ORDER BY reason"
    dropped = {row["reason"]: row["items"] for row in snapshot.sql(query, [stage]).to_pylist()}
    record = snapshot.stages[stage]
    kept = record.report.kept
    return replace(record, report=replace(record.report, read=kept + sum(dropped.values()), dropped=dropped))
