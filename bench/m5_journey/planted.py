"""Recall and precision on the near duplicates planted in a catalogue."""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from storage import Store

__all__ = ["Found", "found_duplicates"]


@dataclass(frozen=True, slots=True)
class Found:
    """Recall and precision of near-duplicate groups."""

    recall: float
    """Share of the pairs of a copy and its original, both ingested, that are in one group."""
    elsewhere: float
    """The same for copies in another shop."""
    precision: float
    """Share of the pairs of products in one group that come from the same original."""
    pairs: int
    """Number of pairs of products in one group."""


_PLANTED = """
    CREATE TABLE known AS SELECT product_id, group_id, kind, origin,
        CASE kind WHEN 'variant' THEN product_id ELSE origin END AS cluster
    FROM duplicates JOIN read_parquet($truth) USING (product_id)
"""
_RECALL = """
    SELECT coalesce(avg((a.group_id = b.group_id)::INT) FILTER (a.kind = 'copy'), 1),
        coalesce(avg((a.group_id = b.group_id)::INT) FILTER (a.kind = 'elsewhere'), 1)
    FROM known a JOIN known b ON b.product_id = a.origin WHERE a.kind IN ('copy', 'elsewhere')
"""
_PRECISION = """
    WITH sizes AS (SELECT group_id, cluster, count(*) AS n FROM known GROUP BY ALL),
        groups AS (
            SELECT sum(n) * (sum(n) - 1) / 2 AS pairs, sum(n * (n - 1) / 2) AS planted FROM sizes GROUP BY group_id
        )
    SELECT coalesce(sum(planted) / nullif(sum(pairs), 0), 1), coalesce(sum(pairs), 0)::BIGINT FROM groups
"""


def found_duplicates(workspace: Path, catalogue: Path) -> Found:
    """Compare the groups of a workspace with the truth of the catalogue that was ingested."""
    duplicates = Store.open(workspace).snapshot().table("duplicates").select(["product_id", "group_id"])
    with duckdb.connect(config={"memory_limit": "2GB"}) as connection:
        connection.register("duplicates", duplicates)
        connection.execute(_PLANTED, {"truth": str(catalogue / "truth-products.parquet")})
        [(recall, elsewhere)] = connection.execute(_RECALL).fetchall()
        [(precision, pairs)] = connection.execute(_PRECISION).fetchall()
    return Found(recall, elsewhere, precision, pairs)
