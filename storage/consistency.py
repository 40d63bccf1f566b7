"""Checks across the tables of one dataset version: what one table names, another has."""

from collections.abc import Collection, Iterator
from contextlib import closing

import duckdb

from storage.check import Check, check_none
from storage.consistency_rules import RULES
from storage.engine import quote
from storage.schemas import TABLES
from storage.snapshot import Snapshot
from storage.stage_counts import check_counts, is_current

__all__ = ["check_consistency", "check_tables"]


def check_consistency(snapshot: Snapshot) -> Iterator[Check]:
    """Yield the checks of keys, of what tables name in each other, and of what stages reported.

    Tables of a stage whose inputs have changed since are behind, not wrong: they are left out; so is what only a
    stage that never ran would have completed.

    Args:
        snapshot: Dataset version to look at.
    """
    behind = sorted(name for name in snapshot.stages if not is_current(snapshot, name))
    late = f"not run since their inputs changed, so left out: {', '.join(behind)}"
    yield Check("stages", ok=True, detail=late if behind else "every stage saw its newest inputs")
    with closing(snapshot.connection()) as connection:
        never = {rule.stage for rule in RULES if rule.name.startswith("complete:")} - snapshot.stages.keys()
        yield from check_tables(connection, {*behind, *never})
        yield from check_counts(snapshot, connection)


def check_tables(connection: duckdb.DuckDBPyConnection, behind: Collection[str] = ()) -> Iterator[Check]:
    """Yield the checks of keys, and of what tables name in each other.

    Args:
        connection: One view or table for each table of a workspace.
        behind: Stages whose tables are left out.
    """
    for name, spec in TABLES.items():
        if len(spec.key) < len(spec.columns):  # else the whole row is the key, and may be repeated
            yield _check_key(connection, name)
    for rule in RULES:
        if rule.stage not in behind:
            yield check_none(connection, rule.name, rule.wrong, promise=rule.promise)


def _check_key(connection: duckdb.DuckDBPyConnection, name: str) -> Check:
    keys = ", ".join(quote(column) for column in TABLES[name].key)
    wrong = f"SELECT concat_ws(', ', {keys}) FROM {quote(name)} GROUP BY {keys} HAVING count(*) > 1"  # noqa: S608
    return check_none(connection, f"keys:{name}", wrong, promise=f"one row for each {', '.join(TABLES[name].key)}")
