"""Which products are nearly the same by their words."""

import duckdb

from extract.dedup_settings import DedupSettings

__all__ = ["near_text_pairs"]

_PAIRS = """
INSERT INTO near_pairs
WITH keys AS (
    SELECT place, unnest(band_keys(words)) AS key FROM standing WHERE words <> ''
), meeting AS (
    SELECT place, key FROM keys
    QUALIFY count(*) OVER (PARTITION BY key) BETWEEN 2 AND ?
), pairs AS (
    SELECT DISTINCT a.place AS one, b.place AS other
    FROM meeting a JOIN meeting b ON a.key = b.key AND a.place < b.place
), alike_words AS (
    SELECT "left", "right", similarity
    FROM (
        SELECT p.product_id AS "left", q.product_id AS "right", alike(p.words, q.words) AS similarity
        FROM pairs JOIN standing p ON p.place = one JOIN standing q ON q.place = other
    )
    WHERE similarity >= ?
), lines AS (
    SELECT product_id, list(DISTINCT normal(property) || chr(31) || normal(value)) AS lines
    FROM specs WHERE product_id IN (SELECT "left" FROM alike_words UNION SELECT "right" FROM alike_words)
    GROUP BY product_id
)
SELECT "left", "right", 'near_text', 1 - similarity
FROM alike_words LEFT JOIN lines l ON l.product_id = "left" LEFT JOIN lines r ON r.product_id = "right"
WHERE l.lines IS NULL OR r.lines IS NULL
    OR len(list_intersect(l.lines, r.lines)) >= ? * len(list_distinct(list_concat(l.lines, r.lines)))
"""


def near_text_pairs(connection: duckdb.DuckDBPyConnection, settings: DedupSettings) -> None:
    """Add the pairs of products whose captions are near, and whose tables agree, to ``near_pairs``.

    Candidates meet under a MinHash key of their captions; a key that more than ``most_sharers``
    products have joins nothing. Of two tables the share of common lines must reach ``text_table``;
    where a product has none, the captions decide alone. The distance is 1 - similarity.

    Args:
        connection: DuckDB with the table ``specs``, prepared (``prepare``, ``prepare_near``).
        settings: Thresholds.
    """
    connection.execute(_PAIRS, [settings.most_sharers, settings.text_caption, settings.text_table])
