"""Hashes of each product, kept from run to run, and the products that share some with those that have changed."""

import duckdb

from extract.duplicates.exact import IMAGE_SETS

__all__ = ["FINGERPRINTS", "find_suspects", "text_keys_sql"]


def text_keys_sql(caption: str) -> str:
    """Return SQL of the MinHash keys of a caption, as ``text_keys`` gives them; NULL where it says nothing."""
    return f"CASE WHEN normal({caption}) <> '' THEN text_keys(normal({caption})) END"


FINGERPRINTS = f"""
WITH image_sets AS ({IMAGE_SETS}), captions AS (
    SELECT product_id, nullif(normal(caption), '') AS words FROM products
)
SELECT product_id, list_filter(
        [short_key('c', words), short_key('f', image_set), short_key('p', pixel_set)], lambda key: key IS NOT NULL
    ) AS exact_keys, CASE WHEN words IS NOT NULL THEN text_keys(words) END AS text_keys
FROM captions LEFT JOIN image_sets USING (product_id)
"""  # noqa: S608 - constants
"""Query of the rows of ``fingerprints`` from ``products``, ``media`` and ``images``, prepared (``prepare``)."""

_SUSPECTS = """
CREATE TEMP VIEW exact_keys AS SELECT product_id, unnest(exact_keys) AS key FROM fingerprints_now;

CREATE TEMP TABLE touched AS
    SELECT product_id FROM changed
    UNION
    SELECT product_id FROM exact_keys WHERE key IN (
        SELECT key FROM exact_keys SEMI JOIN changed USING (product_id)
        UNION SELECT unnest(exact_keys) FROM fingerprints SEMI JOIN changed USING (product_id)
    );

CREATE TEMP TABLE suspects_now AS
    SELECT DISTINCT product_id FROM exact_keys WHERE key IN (
        SELECT key FROM exact_keys WHERE key IN (SELECT key FROM exact_keys SEMI JOIN touched USING (product_id))
        GROUP BY key HAVING count(*) > 1
    )
"""


def find_suspects(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables ``touched`` and ``suspects_now``: product_id.

    ``touched``: products that changed or share an exact key with one that did, before or now: only their exact pairs
    may be others than before. ``suspects_now``: products that share an exact key with those.

    Args:
        connection: DuckDB with ``changed``, ``fingerprints`` of the last run and ``fingerprints_now``.
    """
    connection.execute(_SUSPECTS)
