"""Which products are nearly the same: by their main image, or by their words."""

import duckdb
import numpy as np
import pyarrow as pa

from extract.dedup_settings import DedupSettings
from extract.duplicates.hamming import phash_neighbours

__all__ = ["near_image_pairs", "near_text_pairs"]

_MAIN_IMAGES = """
SELECT product_id, phash
FROM images JOIN standing USING (product_id)
QUALIFY row_number() OVER (PARTITION BY product_id ORDER BY position) = 1 AND blank_share <= ?
ORDER BY product_id
"""

_IMAGE_PAIRS = """
SELECT least(a.product_id, b.product_id) AS "left", greatest(a.product_id, b.product_id) AS "right",
    'near_image' AS rule, min(distance) AS distance
FROM near JOIN hashed a ON a.place = near.one JOIN hashed b ON b.place = near.other
    JOIN standing p ON p.product_id = a.product_id JOIN standing q ON q.product_id = b.product_id
WHERE (near.one <> near.other OR a.product_id < b.product_id) AND alike(p.words, q.words) >= ?
GROUP BY ALL ORDER BY ALL
"""

_TEXT_PAIRS = """
WITH keys AS (
    SELECT product_id, unnest(band_keys(words)) AS key FROM standing WHERE words <> ''
), meeting AS (
    SELECT product_id, key FROM keys
    QUALIFY count(*) OVER (PARTITION BY key) BETWEEN 2 AND ?
), pairs AS (
    SELECT DISTINCT a.product_id AS "left", b.product_id AS "right"
    FROM meeting a JOIN meeting b ON a.key = b.key AND a.product_id < b.product_id
), alike_words AS (
    SELECT "left", "right", similarity
    FROM (
        SELECT "left", "right", alike(p.words, q.words) AS similarity
        FROM pairs JOIN standing p ON p.product_id = "left" JOIN standing q ON q.product_id = "right"
    )
    WHERE similarity >= ?
), lines AS (
    SELECT product_id, list(DISTINCT normal(property) || chr(31) || normal(value)) AS lines
    FROM specs WHERE product_id IN (SELECT "left" FROM alike_words UNION SELECT "right" FROM alike_words)
    GROUP BY product_id
)
SELECT "left", "right", 'near_text' AS rule, 1 - similarity AS distance
FROM alike_words LEFT JOIN lines l ON l.product_id = "left" LEFT JOIN lines r ON r.product_id = "right"
WHERE l.lines IS NULL OR r.lines IS NULL
    OR len(list_intersect(l.lines, r.lines)) >= ? * len(list_distinct(list_concat(l.lines, r.lines)))
ORDER BY ALL
"""


def near_image_pairs(connection: duckdb.DuckDBPyConnection, settings: DedupSettings) -> pa.Table:
    """Return pairs of products whose main images and captions are both near.

    The main image is the first one that is stored. A hash that more than ``most_sharers`` products
    have, and an empty picture, joins nothing.

    Args:
        connection: DuckDB with the table ``images``, prepared (``prepare``), and with ``standing``: the
            rows of ``words`` for the products that are looked at.
        settings: Thresholds.

    Returns:
        left, right (product ids, left the smaller), rule, distance (bits); sorted.
    """
    mains = connection.sql(_MAIN_IMAGES, params=[settings.blank_share]).to_arrow_table()
    hashes, place, sharers = np.unique(mains["phash"].to_numpy(), return_inverse=True, return_counts=True)
    telling = np.flatnonzero(sharers <= settings.most_sharers)
    near = phash_neighbours(hashes[telling], settings.image_distance)
    shared = telling[sharers[telling] > 1]
    one = np.concatenate([shared, telling[near.left]])
    other = np.concatenate([shared, telling[near.right]])
    distance = np.concatenate([np.zeros(len(shared)), near.distance])
    connection.register("hashed", pa.table({"product_id": mains["product_id"], "place": place}))
    connection.register("near", pa.table({"one": one, "other": other, "distance": distance}))
    return connection.sql(_IMAGE_PAIRS, params=[settings.image_caption]).to_arrow_table()


def near_text_pairs(connection: duckdb.DuckDBPyConnection, settings: DedupSettings) -> pa.Table:
    """Return pairs of products whose captions are near, and whose tables do not speak against it.

    Candidates meet under a MinHash key of their captions; a key that more than ``most_sharers``
    products have joins nothing. Of two tables the share of common lines must reach ``text_table``;
    where a product has none, the captions decide alone.

    Args:
        connection: As for ``near_image_pairs``, with the table ``specs``.
        settings: Thresholds.

    Returns:
        left, right (product ids, left the smaller), rule, distance (1 - similarity); sorted.
    """
    thresholds = [settings.most_sharers, settings.text_caption, settings.text_table]
    return connection.sql(_TEXT_PAIRS, params=thresholds).to_arrow_table()
