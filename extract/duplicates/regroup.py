"""Groups of the products that a change of pairs can reach; all others keep theirs."""

import duckdb
import numpy as np
import pyarrow as pa

from extract.duplicates.group_ids import name_groups
from extract.duplicates.near_groups import group_near, prepare_near
from m5data.components import components

__all__ = ["NEW_DUPLICATES", "NEW_PAIRS", "NEW_REJECTS", "regroup"]

# Products by the hashes of their ids: two that share one would only be grouped anew without need.
_LINKS = """
SELECT hash(product_id) AS one, hash(other_id) AS other, FALSE AS anew FROM kept_pairs
UNION ALL SELECT hash(product_id), hash(other_id), TRUE FROM found_pairs
UNION ALL SELECT hash(product_id), hash(other_id), TRUE
FROM duplicate_pairs ANTI JOIN kept_pairs USING (product_id, other_id, rule)
"""
_REGROUPED = """
CREATE TEMP TABLE regrouped AS
    WITH every AS (
        SELECT product_id, other_id FROM kept_pairs UNION ALL SELECT product_id, other_id FROM found_pairs
        UNION ALL SELECT product_id, other_id FROM duplicate_pairs
    )
    FROM changed
    UNION SELECT product_id FROM every WHERE hash(product_id) IN (FROM reached)
    UNION SELECT other_id FROM every WHERE hash(other_id) IN (FROM reached)
"""

_PAIRS = """
CREATE OR REPLACE TEMP VIEW compared AS
    SELECT product_id, TRUE AS anew FROM regrouped SEMI JOIN fingerprints_now USING (product_id)
"""
_NEAR = """
INSERT INTO near_pairs
    SELECT product_id, other_id, rule, distance
    FROM (FROM kept_pairs UNION ALL FROM found_pairs) SEMI JOIN regrouped USING (product_id)
    WHERE NOT starts_with(rule, 'exact')
"""

_JUDGED = """
CREATE TEMP TABLE judged AS
    SELECT near_pairs.*, a.group_id = b.group_id AS joined
    FROM near_pairs JOIN near_groups a USING (product_id) JOIN near_groups b ON b.product_id = other_id
"""

_GROUPED = """
CREATE TEMP TABLE grouped AS
    SELECT p.product_id, e.rule, coalesce(e.kept, TRUE) AS kept, n.group_id AS root
    FROM compared p LEFT JOIN exact e USING (product_id)
        JOIN near_groups n ON n.product_id = coalesce(e.group_id, p.product_id)
"""

NEW_DUPLICATES = """
WITH near_rules AS (
    SELECT product_id, min(list_position(getvariable('near_rules'), rule)) AS place
    FROM (
        SELECT product_id, rule FROM judged WHERE joined
        UNION ALL SELECT other_id, rule FROM judged WHERE joined
    )
    GROUP BY product_id
), sizes AS (
    SELECT root, count(*)::INTEGER AS size FROM grouped GROUP BY root
)
SELECT product_id, coalesce(group_id, root) AS group_id,
    coalesce(rule, getvariable('near_rules')[place], 'alone') AS rule, kept, size
FROM grouped JOIN sizes USING (root) LEFT JOIN near_rules USING (product_id) LEFT JOIN group_names USING (root)
"""

NEW_PAIRS = """
SELECT product_id, other_id, rule, distance, joined FROM judged
UNION ALL SELECT product_id, other_id, rule, distance, TRUE
FROM (FROM kept_pairs UNION ALL FROM found_pairs) SEMI JOIN regrouped USING (product_id)
WHERE starts_with(rule, 'exact')
"""

NEW_REJECTS = """
SELECT 'dedup' AS stage, product_id AS item, 'exact_duplicate' AS reason,
    'same as ' || group_id || ' by ' || rule AS detail
FROM exact SEMI JOIN regrouped USING (product_id) WHERE NOT kept
"""


def regroup(connection: duckdb.DuckDBPyConnection, most: int, *, everything: bool) -> None:
    """Create the table ``regrouped`` and what ``NEW_DUPLICATES``, ``NEW_PAIRS`` and ``NEW_REJECTS`` ask for.

    ``regrouped`` holds the product_id of the products whose rows they return, and of those that are gone: products
    that changed, and those that pairs of this or the last run connect with the ends of a pair that came or went. For
    groups never reach further, all other rows stay as they are.

    Args:
        connection: As ``find_pairs`` leaves it.
        most: As in ``group_near``.
        everything: Whether ``changed`` holds all products.
    """
    if everything:
        connection.execute("CREATE TEMP VIEW regrouped AS FROM changed")
        connection.execute("CREATE TEMP VIEW other_groups AS SELECT group_id FROM duplicates WHERE false")
    else:
        connection.register("reached", _reached(connection))
        connection.execute(_REGROUPED)
        connection.execute(
            "CREATE TEMP VIEW other_groups AS SELECT group_id FROM duplicates ANTI JOIN regrouped USING (product_id)"
        )
    connection.execute("DROP VIEW IF EXISTS temp.compared" if everything else "DROP TABLE temp.compared")
    connection.execute(_PAIRS)
    prepare_near(connection)
    connection.execute(_NEAR)
    group_near(connection, most)
    connection.execute(_JUDGED)
    connection.execute(_GROUPED)
    name_groups(connection)


def _reached(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return the hashed ids of the products that pairs connect with the ends of new and lost pairs."""
    links = connection.sql(_LINKS).to_arrow_table()
    ends = np.concatenate([links["one"].to_numpy(), links["other"].to_numpy()])
    hashes, place = np.unique(ends, return_inverse=True)
    one, other = place[: len(links)], place[len(links) :]
    part = components(len(hashes), one, other)
    anew = links["anew"].combine_chunks().to_numpy(zero_copy_only=False)
    return pa.table({"hash": hashes[np.isin(part, part[one[anew]])]})
