"""The pairs of duplicates: those of the last run that stay, and those that are found anew."""

import duckdb

from extract.duplicates.exact import exact_joins, group_exact
from extract.duplicates.fingerprints import find_suspects
from extract.duplicates.near_groups import prepare_near
from extract.duplicates.near_images import near_image_pairs
from extract.duplicates.near_texts import near_text_pairs
from extract.duplicates.near_videos import near_video_pairs
from extract.duplicates.sharers import find_compared
from extract.settings import DedupSettings

__all__ = ["find_pairs"]

_SHADOWS = ("products", "specs", "media", "images")
_SHADOW = """
CREATE TEMP VIEW {table} AS SELECT * FROM memory.main.{table} SEMI JOIN suspects_now USING (product_id)
"""

# Each product is joined with the first one that has its key. Of two rules the stronger is kept: their names sort so.
_EXACT_FOUND = """
CREATE TEMP TABLE found_pairs AS
    SELECT first_id AS product_id, product_id AS other_id, min(rule) AS rule, 0.0::DOUBLE AS distance
    FROM (SELECT product_id, rule, min(product_id) OVER (PARTITION BY rule, key) AS first_id FROM exact_joins)
    WHERE product_id <> first_id AND (product_id IN (FROM touched) OR first_id IN (FROM touched)) GROUP BY ALL
"""
_EXACT_KEPT = """
CREATE TEMP TABLE kept_pairs AS
    SELECT product_id, other_id, rule, distance FROM duplicate_pairs
    WHERE starts_with(rule, 'exact') AND product_id NOT IN (FROM touched) AND other_id NOT IN (FROM touched)
"""
_ALL_JOINS = """
SELECT unnest([product_id, other_id]) AS product_id, rule, product_id || ' ' || other_id AS key
FROM (FROM kept_pairs UNION ALL FROM found_pairs)
"""

_MOVED = """
CREATE TEMP TABLE dropped_before AS SELECT product_id FROM duplicates WHERE NOT kept;
CREATE TEMP TABLE dropped_now AS SELECT product_id FROM exact WHERE NOT kept;
CREATE TEMP TABLE moved AS
    FROM changed UNION (FROM dropped_before EXCEPT FROM dropped_now) UNION (FROM dropped_now EXCEPT FROM dropped_before)
"""

_WITH_MEDIA = """
INSERT INTO compared
    SELECT DISTINCT product_id, NULL, FALSE
    FROM {table} SEMI JOIN fingerprints_now USING (product_id) ANTI JOIN compared USING (product_id)
"""
_COMPARED_PRODUCTS = """
CREATE TEMP TABLE products AS
    SELECT product_id, source, caption FROM memory.main.products SEMI JOIN compared USING (product_id)
"""

_NEAR = """
INSERT INTO found_pairs FROM near_pairs;
INSERT INTO kept_pairs
    SELECT product_id, other_id, rule, distance FROM duplicate_pairs
    WHERE rule IN (SELECT unnest({whole_rules}::VARCHAR[])) OR rule = 'near_text'
        AND product_id NOT IN (FROM renewed) AND other_id NOT IN (FROM renewed)
"""
_RENEWED = "CREATE TEMP TABLE renewed AS FROM moved UNION SELECT product_id FROM compared WHERE anew"


def find_pairs(connection: duckdb.DuckDBPyConnection, settings: DedupSettings, renewed: set[str] | None) -> None:
    """Create the tables ``kept_pairs`` and ``found_pairs``, whose pairs are all there are now, and ``exact``.

    Exact pairs are found anew for products that share an exact key with one that changed; near texts for products
    that changed, became or ceased to be an exact duplicate, or have a key that began or ceased to count. Near images
    and near videos are compared anew, all of them, if those of any such product changed.

    Args:
        connection: DuckDB with the tables of the workspace, prepared (``prepare``), ``changed`` and
            ``fingerprints_now``.
        settings: Thresholds.
        renewed: Tables of images and frames that changed; None: every pair is found anew, and ``changed`` holds all
            products.
    """
    if renewed is None:
        for table in ("fingerprints", "duplicate_pairs"):
            connection.execute(f"CREATE TEMP VIEW {table} AS SELECT * FROM memory.main.{table} WHERE false")  # noqa: S608
    find_suspects(connection)
    _find_exact(connection)
    connection.execute(_MOVED)
    searches = {"images": near_image_pairs, "frames": near_video_pairs}
    if renewed is None:
        connection.execute(
            "CREATE TEMP VIEW compared AS SELECT product_id, text_keys, TRUE AS anew FROM fingerprints_now"
        )
        again = set(searches)
    else:
        find_compared(connection, settings.most_sharers)
        again = {
            table
            for table in searches
            if table in renewed or _any(connection, f"{table} SEMI JOIN moved USING (product_id)")
        }
        for table in sorted(again):
            connection.execute(_WITH_MEDIA.format(table=table))
        connection.execute(_COMPARED_PRODUCTS)
    prepare_near(connection)
    near_text_pairs(connection, settings)
    for table in sorted(again):
        searches[table](connection, settings)
    connection.execute(_RENEWED)
    stay = [rule for rule, table in (("near_image", "images"), ("near_video", "frames")) if table not in again]
    connection.execute(_NEAR.format(whole_rules=stay))


def _find_exact(connection: duckdb.DuckDBPyConnection) -> None:
    """Create ``kept_pairs`` and ``found_pairs`` with exact pairs, and ``exact``, their groups."""
    for table in _SHADOWS:
        connection.execute(_SHADOW.format(table=table))
    connection.register("exact_joins", exact_joins(connection))
    for table in _SHADOWS:
        connection.execute(f"DROP VIEW temp.{table}")
    connection.execute(_EXACT_FOUND)
    connection.execute(_EXACT_KEPT)
    connection.register("exact", group_exact(connection.sql(_ALL_JOINS).to_arrow_table()))


def _any(connection: duckdb.DuckDBPyConnection, rows: str) -> bool:
    return bool(connection.sql(f"SELECT 1 FROM {rows} LIMIT 1").fetchall())  # noqa: S608 - constants
