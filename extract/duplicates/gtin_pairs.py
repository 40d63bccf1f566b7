"""Pairs of products with the same Global Trade Item Number."""

import duckdb

from core.product_keys import KEYED_PRODUCTS, contradicts_sql

__all__ = ["gtin_pairs"]

_GTIN_PAIRS = f"""
CREATE TEMP TABLE gtin_pairs AS
WITH products AS MATERIALIZED (
    SELECT product_id, source, caption, gtin14, brand, mpn FROM memory.main.products
), keyed AS (
    SELECT coalesce(e.group_id, k.product_id) AS stands, k.*
    FROM ({KEYED_PRODUCTS}) k LEFT JOIN exact e USING (product_id)
)
SELECT DISTINCT a.stands AS product_id, b.stands AS other_id, 'same_gtin' AS rule, 0.0::DOUBLE AS distance
FROM keyed a JOIN keyed b ON a.gtin14 = b.gtin14 AND a.stands < b.stands
WHERE NOT {contradicts_sql("a", "b")}
"""  # noqa: S608 - constants

_ADD = """
INSERT INTO found_pairs FROM gtin_pairs ANTI JOIN duplicate_pairs USING (product_id, other_id, rule);
INSERT INTO kept_pairs FROM gtin_pairs SEMI JOIN duplicate_pairs USING (product_id, other_id, rule)
"""


def gtin_pairs(connection: duckdb.DuckDBPyConnection) -> None:
    """Add the pairs of products with the same GTIN to ``kept_pairs``, those of the last run, and ``found_pairs``.

    A GTIN counts as ``KEYED_PRODUCTS`` says, and a pair unless brand and part number contradict it
    (``contradicts_sql``). A dropped exact duplicate is replaced by the kept product of its group.

    Args:
        connection: DuckDB with the tables ``products`` and ``duplicate_pairs``, ``exact``, ``kept_pairs`` and
            ``found_pairs``.
    """
    connection.execute(_GTIN_PAIRS)
    connection.execute(_ADD)
