"""Changes that a person would notice between two states of the tables: never hashes, tokens or times."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

import duckdb

from core.engine import side_by_side
from core.table_spec import Partition
from storage.stage import Stage
from storage.tables import TABLES
from storage.versions import Snapshot

__all__ = ["ProductChange", "product_changes", "write_history"]

_TABLES = ("products", "specs", "media")
"""Tables whose changes a person would notice; all are bucketed by product."""

_COLUMNS = {
    "caption": "caption",
    "category": "nullif(array_to_string(category, ' > '), '')",
    "brand": "brand",
    "price": r"regexp_replace(price::VARCHAR, '\.?0+$', '')",
    "currency": "currency",
    "availability": "availability",
    "description": "description",
    "features": "nullif(array_to_string(features, chr(10)), '')",
    "list_price": r"regexp_replace(list_price::VARCHAR, '\.?0+$', '')",
    "condition": "condition",
    "item_group": "item_group",
}
"""Field -> its text, from a row of ``products``."""


def _fields(side: str) -> str:
    """Return a query of product_id, field, name and value of one side; URL parameters, often tokens, are cut."""
    plain = [
        f"SELECT product_id, '{field}' AS field, '' AS name, {value} AS value FROM {side}_products SEMI JOIN known "  # noqa: S608
        "USING (product_id)"
        for field, value in _COLUMNS.items()
    ]
    lists = [
        f"SELECT product_id, '{kind}s', '', string_agg(regexp_replace(url, '[?].*$', ''), ' ' ORDER BY position) "  # noqa: S608
        f"FROM {side}_media SEMI JOIN known USING (product_id) WHERE kind = '{kind}' GROUP BY product_id"
        for kind in ("image", "video")
    ]
    specs = (
        "SELECT product_id, 'specification', property, string_agg(value, ' | ' ORDER BY position) "  # noqa: S608
        f"FROM {side}_specs SEMI JOIN known USING (product_id) GROUP BY product_id, property"
    )
    return " UNION ALL ".join([*plain, specs, *lists])


_KNOWN = """
CREATE TABLE known AS
SELECT o.product_id, o.page_sha256 IS NULL OR o.page_sha256 IS DISTINCT FROM n.page_sha256 AS fresh
FROM old_products o JOIN new_products n USING (product_id)
"""
"""Products on both sides. A run compares only those that it has seen again: others are many and unchanged."""

_CHANGES = f"""
CREATE VIEW changes AS
WITH older AS ({_fields("old")}), newer AS ({_fields("new")})
SELECT coalesce(o.product_id, n.product_id) AS product_id, coalesce(o.field, n.field) AS field,
    coalesce(o.name, n.name) AS name, o.value AS before, n.value AS after, fresh
FROM older o FULL JOIN newer n ON n.product_id = o.product_id AND n.field = o.field AND n.name = o.name
JOIN known k ON k.product_id = coalesce(o.product_id, n.product_id)
WHERE o.value IS DISTINCT FROM n.value
UNION ALL
SELECT product_id, 'product', '', 'listed', 'vanished', true FROM old_products ANTI JOIN new_products USING (product_id)
UNION ALL
SELECT product_id, 'product', '', NULL, 'listed', true FROM new_products ANTI JOIN old_products USING (product_id)
"""  # noqa: S608

_HISTORY = """
WITH found AS (
    SELECT c.product_id, getvariable('now') AS changed_at, c.field, c.name,
        CASE WHEN c.field = 'product' AND c.after = 'listed' THEN 'vanished' ELSE c.before END AS before, c.after
    FROM changes c
    WHERE c.fresh AND (c.field != 'product' OR c.after = 'vanished' OR c.product_id IN (
        SELECT product_id FROM kept WHERE field = 'product' AND after = 'vanished')))
SELECT * FROM found UNION ALL BY NAME
SELECT * FROM kept ANTI JOIN found USING (product_id, changed_at, field, name)
"""
"""A product that is listed for the first time is not a change; one that is listed again after it vanished is."""


@dataclass(frozen=True, slots=True)
class ProductChange:
    """A changed field of one product."""

    product_id: str
    field: str
    """As in the table ``history``; ``product``: it was added (``listed``) or removed (``vanished``)."""
    name: str
    """Property of a specification; else empty."""
    before: str | None
    after: str | None


def product_changes(old: Snapshot, new: Snapshot) -> Iterator[ProductChange]:
    """Yield the changes that a person would notice between two versions, by bucket, then by product and field.

    For two versions of one workspace only partitions with different files are read; for two workspaces, everything.
    """
    for only in _differing(old, new):
        with closing(old.engines.lend()) as engine:
            for table in _TABLES:
                engine.execute(old.view(f"old_{table}", table, only=only))
                engine.execute(new.view(f"new_{table}", table, only=only))
            engine.execute(_KNOWN)
            engine.execute(_CHANGES)
            rows = engine.execute("SELECT * EXCLUDE (fresh) FROM changes ORDER BY product_id, field, name")
            while batch := rows.fetchmany(10_000):
                yield from (ProductChange(*row) for row in batch)


def _differing(old: Snapshot, new: Snapshot) -> list[list[Partition] | None]:
    """Return the units of comparison: each bucket with different files, or None for everything."""
    if old.root != new.root or old.record.buckets != new.record.buckets:
        return [None]
    found: set[Partition] = set()
    for table in _TABLES:
        sides = [{(file.partition, file.path) for file in snapshot.files(table)} for snapshot in (old, new)]
        found |= {partition for partition, _ in sides[0] ^ sides[1]}
    return [[partition] for partition in sorted(found, key=str)]


def write_history(stage: Stage, now: datetime) -> None:
    """Add this run's changes of known products to the table ``history``, bucket by bucket.

    Only files that it has replaced are read: rows in the others are unchanged. Products whose page is the same as
    before are left out: there, only the reader has changed.

    Args:
        stage: A running stage that has written products, specs and media.
        now: Time of the change.
    """
    written = {partition for table in _TABLES for partition in stage.written(table)}
    known = set(stage.before.partitions("history")).union(*(stage.rewritten(table) for table in _TABLES))
    side_by_side(lambda partition: _write_partition(stage, now, partition), sorted(written & known, key=str))


def _write_partition(stage: Stage, now: datetime, partition: Partition) -> None:
    with closing(stage.before.engines.lend()) as engine:
        _open_sides(engine, stage, partition)
        engine.execute("SET VARIABLE now = $now::TIMESTAMPTZ", {"now": now})
        columns = ", ".join(TABLES["history"].schema.names)
        stage.write("history", engine.sql(f"SELECT {columns} FROM ({_HISTORY})"), only=[int(str(partition))])  # noqa: S608


def _open_sides(engine: duckdb.DuckDBPyConnection, stage: Stage, partition: Partition) -> None:
    for table in _TABLES:
        for side, rows in zip(("old", "new"), stage.changed_files(table, partition), strict=True):
            engine.execute(f"CREATE VIEW {side}_{table} AS {rows}")
    engine.execute(stage.before.view("kept", "history", only=[partition]))
    engine.execute(f"{_KNOWN} WHERE (o.last_seen, o.page_sha256) IS DISTINCT FROM (n.last_seen, n.page_sha256)")
    engine.execute(_CHANGES)
