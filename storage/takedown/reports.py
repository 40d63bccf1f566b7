"""What stages reported, once rejects of theirs were taken down."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from storage.files import Layout
from storage.versions import Snapshot, StageRecord, committed_versions, write_version

__all__ = ["correct_reports"]


def correct_reports(root: Path, stages: Collection[str]) -> None:
    """Make what stages reported to have dropped, in every version, what ``rejects`` holds there by now.

    Args:
        root: The workspace's folder; its lock is held.
        stages: Those that rejects were taken from.
    """
    layout = Layout(root)
    for version in committed_versions(layout):
        snapshot = Snapshot(layout, version)
        counted = {name: _counted(snapshot, name) for name in stages if name in version.stages}
        if any(version.stages[name] != record for name, record in counted.items()):
            write_version(layout, replace(version, stages={**version.stages, **counted}))


def _counted(snapshot: Snapshot, stage: str) -> StageRecord:
    query = "SELECT reason, count(*) AS items FROM rejects WHERE stage = ? GROUP BY reason ORDER BY reason"
    dropped = {row["reason"]: row["items"] for row in snapshot.sql(query, [stage]).to_pylist()}
    record = snapshot.stages[stage]
    kept = record.report.kept
    return replace(record, report=replace(record.report, read=kept + sum(dropped.values()), dropped=dropped))
