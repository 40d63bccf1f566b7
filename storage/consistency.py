"""Checks of one dataset version: keys, references between tables, and the counts that stages reported."""

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import closing

import duckdb

from storage.check import Check, check_none
from storage.consistency_rules import rules
from storage.engine import quote
from storage.key_proof import Proof, prove_keys
from storage.tables import TABLES
from storage.tables.key_order import repeated_keys_sql
from storage.versions import ABSENT, Snapshot

__all__ = ["check_consistency", "check_counts", "check_tables", "is_current"]

_MEMORY_LIMIT = "2GB"
"""Checks join the ids of whole tables; spilling to disk would take several times as long."""
_NOTHING = Proof()


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
        yield from check_tables(connection, behind, ahead, prove_keys(snapshot, connection))
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
    proof: Proof = _NOTHING,
) -> Iterator[Check]:
    """Yield the checks of keys and of references between tables.

    Args:
        connection: Has a view or table for each table of a workspace.
        behind: Stages whose tables are left out.
        ahead: Tables that no stage has written yet.
        proof: What the order of their files proves; the rest is found by queries.
    """
    for name, spec in TABLES.items():
        repeated = repeated_keys_sql(spec, quote(name))
        promise = f"one row for each {', '.join(spec.key)}"
        if repeated and name in proof.unique:
            yield Check(f"keys:{name}", ok=True, detail=promise)
        elif repeated:
            wrong = f"SELECT concat_ws(', ', COLUMNS(*)) FROM ({repeated})"  # noqa: S608 - names of the schema
            yield check_none(connection, f"keys:{name}", wrong, promise=promise)
    for rule in rules():
        if rule.stage in behind or rule.table in ahead:
            continue
        if proof.holds(rule.inside):
            yield Check(rule.name, ok=True, detail=rule.promise)
        else:
            yield check_none(connection, rule.name, rule.wrong, promise=rule.promise)


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
