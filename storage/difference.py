"""Differences between two dataset versions, table by table and row by row."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import duckdb

from core.engine import quote
from core.errors import DataError
from core.table_spec import Partition, TableSpec
from storage.tables import TABLES
from storage.versions import Snapshot

__all__ = ["ChangedRow", "TableChange", "changed_rows", "table_changes"]

_KINDS = ("added", "removed", "changed")


@dataclass(frozen=True, slots=True)
class TableChange:
    """Counts of changed rows in one table."""

    table: str
    added: int
    removed: int
    changed: int
    """Rows that differ in any column except observed ones."""


@dataclass(frozen=True, slots=True)
class ChangedRow:
    """One changed row."""

    change: str
    """added, removed or changed."""
    key: tuple[object, ...]
    """Values of the table's key columns."""


def table_changes(old: Snapshot, new: Snapshot) -> list[TableChange]:
    """Return the tables whose rows differ between two versions, in pipeline order.

    For two versions of one workspace only partitions with different files are read; for two workspaces, everything.
    Observed columns are not compared.
    """
    found = []
    for spec in TABLES.values():
        counts = dict.fromkeys(_KINDS, 0)
        for partition in _differing(old, new, spec):
            with closing(_compared(old, new, spec, partition)) as engine:
                rows = engine.execute("SELECT change, count(*) FROM compared GROUP BY change").fetchall()
            for change, count in rows:
                counts[change] += count
        if any(counts.values()):
            found.append(TableChange(spec.name, **counts))
    return found


def changed_rows(old: Snapshot, new: Snapshot, table: str) -> Iterator[ChangedRow]:
    """Yield the rows of one table that differ, by partition, then by key.

    Raises:
        DataError: There is no such table.
    """
    if table not in TABLES:
        raise DataError(f"there is no table {table!r}. The tables are {', '.join(TABLES)}.")
    spec = TABLES[table]
    keys = ", ".join(quote(name) for name in spec.key)
    for partition in _differing(old, new, spec):
        with closing(_compared(old, new, spec, partition)) as engine:
            rows = engine.execute(f"SELECT change, {keys} FROM compared ORDER BY {keys}, change")  # noqa: S608
            while batch := rows.fetchmany(10_000):
                yield from (ChangedRow(change, key) for change, *values in batch for key in [tuple(values)])


def _differing(old: Snapshot, new: Snapshot, spec: TableSpec) -> list[Sequence[Partition] | None]:
    """Return the units of comparison: each partition with different files, or None for the whole table."""
    if old.root != new.root or (old.record.buckets != new.record.buckets and spec.bucket_of):
        return [None]
    before, after = old.by_partition(spec.name), new.by_partition(spec.name)
    return [[p] for p in sorted({*before, *after}, key=str) if before.get(p) != after.get(p)]


def _compared(
    old: Snapshot, new: Snapshot, spec: TableSpec, only: Sequence[Partition] | None
) -> duckdb.DuckDBPyConnection:
    """Open an engine with the view ``compared``: change and key of the rows that differ."""
    engine = old.engines.lend()
    for name, snapshot in (("old", old), ("new", new)):
        engine.execute(snapshot.view(name, spec.name, only=only))
    keys = ", ".join(f"coalesce(new.{quote(k)}, old.{quote(k)}) AS {quote(k)}" for k in spec.key)
    joined = " AND ".join(f"new.{quote(k)} = old.{quote(k)}" for k in spec.key)
    others = [quote(c.name) for c in spec.columns if not c.observed and c.name not in spec.key]
    differs = " OR ".join(f"new.{c} IS DISTINCT FROM old.{c}" for c in others) or "false"
    first = quote(spec.key[0])
    engine.execute(
        f"CREATE VIEW compared AS SELECT CASE WHEN old.{first} IS NULL THEN 'added' "  # noqa: S608
        f"WHEN new.{first} IS NULL THEN 'removed' ELSE 'changed' END AS change, {keys} "
        f"FROM old FULL JOIN new ON {joined} WHERE old.{first} IS NULL OR new.{first} IS NULL OR {differs}"
    )
    return engine
