"""Checks that what stages reported is what they left."""

from collections import Counter
from collections.abc import Iterator

import duckdb

from storage.check import Check
from storage.snapshot import Snapshot

__all__ = ["check_counts", "is_current"]

_KEPT = {
    "download": "SELECT count(DISTINCT url) FROM media WHERE state = 'ok'",
    "texts": "SELECT count(*) FROM texts",
    "dedup": "SELECT count(*) FROM duplicates WHERE kept",
    "align": "SELECT count(*) FROM labels",
    "matches": "SELECT count(*) FROM judgements",
}
"""Stage -> the rows that it keeps, where one table has just those."""


def is_current(snapshot: Snapshot, stage: str) -> bool:
    """Tell whether the tables that a stage read are still those of this version."""
    return all(snapshot.tables.get(table) == version for table, version in snapshot.stages[stage].reads.items())


def check_counts(snapshot: Snapshot, connection: duckdb.DuckDBPyConnection) -> Iterator[Check]:
    """Yield for each stage whether its rejects, and the rows it kept, are as many as it reported.

    Args:
        snapshot: Dataset version to look at.
        connection: Its views.
    """
    rejects: dict[str, Counter[str]] = {}
    for stage, reason, count in connection.sql(
        "SELECT stage, reason, count(*) FROM rejects GROUP BY ALL ORDER BY ALL"
    ).fetchall():
        rejects.setdefault(stage, Counter())[reason] = count
    for stage, record in sorted(snapshot.stages.items()):
        wanted, got = dict(record.report.dropped), dict(rejects.get(stage, {}))
        detail = f"{sum(got.values()):,} rejects, as reported" if wanted == got else f"wanted {wanted}, got {got}"
        yield Check(f"rejects:{stage}", wanted == got, detail)
        if stage in _KEPT and is_current(snapshot, stage):
            rows = int(connection.sql(_KEPT[stage]).fetchall()[0][0])
            kept = record.report.kept
            yield Check(f"kept:{stage}", rows == kept, f"wanted {kept:,} rows kept, as reported, got {rows:,}")
    unknown = sorted(set(rejects) - set(snapshot.stages))
    if unknown:
        yield Check("rejects", ok=False, detail=f"wanted rejects of stages that ran, got some of {', '.join(unknown)}")
