"""Which products are exact duplicates: joins found by grouping keys in SQL."""

import duckdb
import pyarrow as pa

__all__ = ["exact_joins"]

_KEYS = """
CREATE TEMP TABLE pictures AS
    SELECT product_id, md5(string_agg(DISTINCT sha256, ',' ORDER BY sha256)) AS pictures
    FROM media WHERE kind = 'image' AND state = 'ok'
    GROUP BY product_id;

CREATE TEMP TABLE captions AS
    SELECT product_id, md5(words) AS caption FROM words WHERE words <> '';

CREATE TEMP TABLE suspects AS
    SELECT product_id FROM pictures
    WHERE pictures IN (SELECT pictures FROM pictures GROUP BY ALL HAVING count(*) > 1)
    UNION
    SELECT product_id FROM captions
    WHERE caption IN (SELECT caption FROM captions GROUP BY ALL HAVING count(*) > 1);

CREATE TEMP TABLE tables AS
    SELECT product_id, md5(string_agg(DISTINCT line, ',' ORDER BY line)) AS lines
    FROM (
        SELECT product_id, md5(normal(property)) || md5(normal(value)) AS line
        FROM specs SEMI JOIN suspects USING (product_id)
    )
    GROUP BY product_id;
"""

_JOINS = """
WITH keyed AS (
    SELECT product_id, 'exact_content' AS rule,
        pictures || CASE WHEN lines IS NULL THEN 'c' || caption ELSE 's' || lines END AS key
    FROM suspects JOIN pictures USING (product_id)
        LEFT JOIN tables USING (product_id) LEFT JOIN captions USING (product_id)
    UNION ALL
    SELECT product_id, 'exact_text' AS rule, caption || lines AS key
    FROM suspects JOIN captions USING (product_id) JOIN tables USING (product_id)
)
SELECT product_id, rule, key FROM keyed
WHERE key IS NOT NULL
QUALIFY count(*) OVER (PARTITION BY rule, key) > 1
ORDER BY product_id, rule
"""


def exact_joins(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return every product that shares a key with another one.

    ``exact_content``: the stored images of both are byte for byte the same set, at least one,
    and so are their specifications once normalised (order and repetition do not count); where
    neither has specifications, the normalised captions must be equal and not empty instead. Equal
    pictures alone join nothing: variants of a product, and products of one line, share a stock
    photo.

    ``exact_text``: normalised caption and normalised specifications are the same, neither empty.

    The source does not matter to either rule. The paper says only that duplicates were removed.

    Args:
        connection: DuckDB with the tables ``products``, ``specs`` and ``media``, prepared (``prepare``);
            temporary tables are left in it.

    Returns:
        product_id, rule, key (products with one rule and key are the same), sorted by the first
        two. Its length is the number of duplicates, not of products.
    """
    connection.execute(_KEYS)
    return connection.sql(_JOINS).to_arrow_table()
