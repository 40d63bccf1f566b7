"""Which products are exact duplicates: joins found by grouping keys in SQL."""

import duckdb
import pyarrow as pa

__all__ = ["exact_joins"]

_KEYS = """
CREATE TEMP TABLE pictures AS
    SELECT product_id, md5(string_agg(DISTINCT sha256, ',' ORDER BY sha256)) AS pictures,
        md5(string_agg(DISTINCT shown, ',' ORDER BY shown)) AS shown
    FROM (
        SELECT m.product_id, m.sha256, coalesce(i.pixels, m.sha256) AS shown
        FROM media m LEFT JOIN images i ON i.product_id = m.product_id AND i.position = m.position
        WHERE m.kind = 'image' AND m.state = 'ok'
    )
    GROUP BY product_id;

CREATE TEMP TABLE captions AS
    SELECT product_id, md5(words) AS caption FROM words WHERE words <> '';

CREATE TEMP TABLE suspects AS
    SELECT product_id FROM pictures
    WHERE shown IN (SELECT shown FROM pictures GROUP BY ALL HAVING count(*) > 1)
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
WITH pictured AS (
    SELECT product_id, pictures, shown, CASE WHEN lines IS NULL THEN 'c' || caption ELSE 's' || lines END AS told
    FROM suspects JOIN pictures USING (product_id)
        LEFT JOIN tables USING (product_id) LEFT JOIN captions USING (product_id)
), keyed AS (
    SELECT product_id, 'exact_content' AS rule, pictures || told AS key FROM pictured
    UNION ALL
    SELECT product_id, 'exact_pixels' AS rule, shown || told AS key FROM pictured
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

    ``exact_pixels``: the same of what the images show: their decoded pixels are equal, though files,
    formats or metadata may differ. An image that could not be decoded counts by its bytes.

    ``exact_text``: normalised caption and normalised specifications are the same, neither empty.

    The source does not matter to any rule. The paper says only that duplicates were removed.

    Args:
        connection: DuckDB with the tables ``products``, ``specs``, ``media`` and ``images``, prepared (``prepare``);
            temporary tables are left in it.

    Returns:
        product_id, rule, key (products with one rule and key are the same), sorted by the first
        two. Its length is the number of duplicates, not of products.
    """
    connection.execute(_KEYS)
    return connection.sql(_JOINS).to_arrow_table()
