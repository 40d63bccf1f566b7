"""Checks of one dataset version: keys, references between tables, and the counts that stages reported."""

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import closing
from itertools import pairwise

import duckdb

from m5data.table_spec import BUCKET
from storage.check import Check, check_none
from storage.consistency_rules import rules
from storage.engine import bucket_sql, quote, side_by_side, text
from storage.files import Layout
from storage.tables import TABLES, TableSpec
from storage.versions import ABSENT, Snapshot
from storage.views import column_ranges

__all__ = ["check_consistency", "check_counts", "check_tables", "is_current"]

_MEMORY_LIMIT = "2GB"
"""Checks join the ids of whole tables; spilling to disk would take several times as long."""


def check_consistency(snapshot: Snapshot) -> Iterator[Check]:
    """Yield the checks of keys, of references between tables, and of reported counts.

    Tables of a stage whose inputs have changed since are behind, not wrong, and left out. So are rules on a table
    that no stage has written yet. The check ``stages`` names both.
    """
    behind = sorted(name for name in snapshot.stages if not is_current(snapshot, name))
    ahead = [rule.table for rule in rules() if rule.table not in snapshot.tables]
    yield _check_stages(behind, sorted(set(ahead)))
    with closing(snapshot.connection()) as connection:
        connection.execute(f"SET memory_limit = '{_MEMORY_LIMIT}'")
        yield from check_tables(connection, behind, ahead, proven=_tables_in_order(snapshot, connection))
        yield from check_counts(snapshot, connection)


def _check_stages(behind: Collection[str], ahead: Collection[str]) -> Check:
    late = f"not run since their inputs changed, so left out: {', '.join(behind)}"
    details = [late if behind else "every stage saw its newest inputs"]
    if ahead:
        details.append(f"not written yet, so not checked: {', '.join(ahead)}")
    return Check("stages", ok=True, detail="; ".join(details), complete=not behind)


def check_tables(
    connection: duckdb.DuckDBPyConnection,
    behind: Collection[str] = (),
    ahead: Collection[str] = (),
    proven: Collection[str] = (),
) -> Iterator[Check]:
    """Yield the checks of keys and of references between tables.

    Args:
        connection: Has a view or table for each table of a workspace.
        behind: Stages whose tables are left out.
        ahead: Tables that no stage has written yet.
        proven: Tables whose keys are known to be unique.
    """
    for name, spec in TABLES.items():
        if len(spec.key) < len(spec.columns):  # else the whole row is the key and may repeat
            yield _check_key(connection, name, proven=name in proven)
    for rule in rules():
        if rule.stage not in behind and rule.table not in ahead:
            yield check_none(connection, rule.name, rule.wrong, promise=rule.promise)


def _check_key(connection: duckdb.DuckDBPyConnection, name: str, *, proven: bool) -> Check:
    keys = ", ".join(quote(column) for column in TABLES[name].key)
    promise = f"one row for each {', '.join(TABLES[name].key)}"
    if proven:
        return Check(f"keys:{name}", ok=True, detail=promise)
    wrong = f"SELECT concat_ws(', ', {keys}) FROM {quote(name)} GROUP BY {keys} HAVING count(*) > 1"  # noqa: S608
    return check_none(connection, f"keys:{name}", wrong, promise=promise)


def _tables_in_order(snapshot: Snapshot, connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Return the tables whose files hold each key once, as their order shows: a fourth of the work of grouping."""
    found: set[str] = set()

    def look(spec: TableSpec) -> None:
        with closing(connection.cursor()) as own:
            if _are_apart(snapshot, own, spec) and _is_increasing(snapshot, own, spec):
                found.add(spec.name)

    side_by_side(look, [spec for name, spec in TABLES.items() if snapshot.files(name)])
    return found


def _are_apart(snapshot: Snapshot, connection: duckdb.DuckDBPyConnection, spec: TableSpec) -> bool:
    """Return whether the files of each partition cover ranges of keys that do not overlap."""
    folder = Layout(snapshot.root).table(spec.name)
    several = (files for files in snapshot.by_partition(spec.name).values() if len(files) > 1)
    for files in several:
        ranges = sorted(column_ranges(connection, [folder / file.path for file in files], spec.key[0]).values())
        if len(ranges) < len(files) or any(before[1] >= after[0] for before, after in pairwise(ranges)):
            return False
    return True


def _is_increasing(snapshot: Snapshot, connection: duckdb.DuckDBPyConnection, spec: TableSpec) -> bool:
    """Return whether in each file every key is greater than the one before, and in the bucket that the folder names."""
    names = [name for name in spec.key if name != spec.split_by]
    if not names:
        return all(file.rows <= 1 for file in snapshot.files(spec.name))
    keys = ", ".join(map(quote, names))
    before = ", ".join(f"lag({quote(name)}) OVER () AS before_{index}" for index, name in enumerate(names))
    last = ", ".join(f"before_{index}" for index in range(len(names)))
    astray = "false"
    if spec.bucket_of:
        owner = f"before_{names.index(spec.bucket_of)}"
        bucket = f"regexp_extract(filename, '{BUCKET}=([0-9]+)/[^/]*$', 1)::UINTEGER"
        other = f"{bucket_sql(spec.bucket_of, snapshot.record.buckets)} <> {bucket}"
        new = f"{quote(spec.bucket_of)} IS DISTINCT FROM {owner} OR filename IS DISTINCT FROM file_before"
        astray = f"CASE WHEN {new} THEN {other} ELSE false END"
    paths = ", ".join(
        text(str(Layout(snapshot.root).table(spec.name) / file.path)) for file in snapshot.files(spec.name)
    )
    query = f"""
        SELECT 1 FROM (
            SELECT {keys}, filename, {before}, lag(filename) OVER () AS file_before
            FROM read_parquet([{paths}], hive_partitioning = false, filename = true)
        ) WHERE (filename = file_before AND ({keys}) <= ({last})) OR {astray} LIMIT 1
    """  # noqa: S608
    return not connection.execute(query).fetchall()


_KEPT = {
    "download": "SELECT count(DISTINCT url) FROM media WHERE state = 'ok'",
    "texts": "SELECT count(*) FROM texts",
    "dedup": "SELECT count(*) FROM duplicates WHERE kept",
    "align": "SELECT count(*) FROM labels",
    "matches": "SELECT count(*) FROM judgements",
}
"""Stage -> query for the number of rows it kept, where one table holds exactly those."""


def is_current(snapshot: Snapshot, stage: str) -> bool:
    """Return whether the tables that a stage read are still those of this version, and none was added since."""
    return all(snapshot.tables.get(table, ABSENT) == version for table, version in snapshot.stages[stage].reads.items())


def check_counts(snapshot: Snapshot, connection: duckdb.DuckDBPyConnection) -> Iterator[Check]:
    """Yield for each stage whether its rejects and its kept rows are as many as it reported.

    Args:
        snapshot: Dataset version to check.
        connection: Its views.
    """
    rejects: dict[str, Counter[str]] = {}
    for stage, reason, count in connection.sql(
        "SELECT stage, reason, count(*) FROM rejects GROUP BY ALL ORDER BY ALL"
    ).fetchall():
        rejects.setdefault(stage, Counter())[reason] = count
    for stage, record in sorted(snapshot.stages.items()):
        reported, found = dict(record.report.dropped), dict(rejects.get(stage, {}))
        same = reported == found
        detail = f"{sum(found.values()):,} rejects, as reported" if same else f"reported {reported}, found {found}"
        yield Check(f"rejects:{stage}", same, detail)
        if stage in _KEPT and is_current(snapshot, stage):
            rows = int(connection.sql(_KEPT[stage]).fetchall()[0][0])
            kept = record.report.kept
            yield Check(f"kept:{stage}", rows == kept, f"{kept:,} rows kept as reported, {rows:,} in the table")
    unknown = sorted(set(rejects) - set(snapshot.stages))
    if unknown:
        yield Check("rejects", ok=False, detail=f"rejects of stages that never ran: {', '.join(unknown)}")
