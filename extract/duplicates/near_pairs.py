"""Pairs of near duplicates: by main image, by words, by video frames."""

from collections.abc import Iterator

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from extract.duplicates.hamming import HashPairs, neighbour_batches
from extract.settings import DedupSettings
from m5data.components import Indices

__all__ = ["near_image_pairs", "near_text_pairs", "near_video_pairs"]

Counts = NDArray[np.int64]

_MAIN_IMAGES = """
SELECT place, phash
FROM images JOIN distinct_products USING (product_id)
QUALIFY row_number() OVER (PARTITION BY product_id ORDER BY position) = 1 AND blank_share <= ?
ORDER BY place
"""

_IMAGE_PAIRS = """
INSERT INTO near_pairs
SELECT least(p.product_id, q.product_id), greatest(p.product_id, q.product_id), 'near_image', min(distance)
FROM near_hashes JOIN hashed a ON a.hash = near_hashes.one JOIN hashed b ON b.hash = near_hashes.other
    JOIN distinct_products p ON p.place = a.place JOIN distinct_products q ON q.place = b.place
WHERE (near_hashes.one <> near_hashes.other OR p.place < q.place) AND alike(p.words, q.words) >= ?
GROUP BY ALL
"""


def near_image_pairs(connection: duckdb.DuckDBPyConnection, settings: DedupSettings) -> None:
    """Add the pairs of products with near main images and near captions to ``near_pairs``.

    The main image is the first stored one. Empty images do not count, nor do hashes that more than
    ``most_sharers`` products have, or that are near to those of more than ``most_near``: products on
    white look alike. The distance is in bits.

    Args:
        connection: DuckDB with the table ``images``, prepared (``prepare``, ``prepare_near``).
        settings: Thresholds.
    """
    mains = connection.sql(_MAIN_IMAGES, params=[settings.blank_share]).to_arrow_table()
    hashes, place, sharers = np.unique(mains["phash"].to_numpy(), return_inverse=True, return_counts=True)
    connection.register("hashed", pa.table({"place": mains["place"], "hash": place}))
    connection.execute("CREATE OR REPLACE TEMP TABLE near_hashes (one BIGINT, other BIGINT, distance DOUBLE)")
    for pairs in _distinctive_pairs(hashes, sharers, settings):
        connection.register("found", pairs)
        connection.execute("INSERT INTO near_hashes FROM found")
    connection.execute(_IMAGE_PAIRS, [settings.image_caption])
    connection.execute("DROP TABLE near_hashes")


def _distinctive_pairs(hashes: NDArray[np.int64], sharers: Counts, settings: DedupSettings) -> Iterator[pa.Table]:
    """Yield near pairs of distinctive hashes: one, other, distance; a shared hash is a pair with itself."""
    distinctive = np.flatnonzero(sharers <= settings.most_sharers)
    crowded = distinctive[_products_near(hashes[distinctive], sharers[distinctive], settings) > settings.most_near]
    distinctive = np.setdiff1d(distinctive, crowded, assume_unique=True)
    shared = distinctive[sharers[distinctive] > 1]
    yield _table(shared, shared, np.zeros(len(shared)))
    for near in _batches(hashes[distinctive], settings):
        yield _table(distinctive[near.left], distinctive[near.right], near.distance)


def _products_near(hashes: NDArray[np.int64], sharers: Counts, settings: DedupSettings) -> Counts:
    """Return for each hash the number of products with a near hash, its own included, [hashes]."""
    products = sharers.astype(np.float64)
    for near in _batches(hashes, settings):
        products += np.bincount(near.left, sharers[near.right], len(hashes))
        products += np.bincount(near.right, sharers[near.left], len(hashes))
    return products.astype(np.int64)


def _batches(hashes: NDArray[np.int64], settings: DedupSettings) -> Iterator[HashPairs]:
    return neighbour_batches(hashes, settings.image_distance)


def _table(one: Indices, other: Indices, distance: NDArray[np.float64] | NDArray[np.uint8]) -> pa.Table:
    return pa.table({"one": one, "other": other, "distance": distance.astype(np.float64)})


_TEXT_PAIRS = """
INSERT INTO near_pairs
WITH keys AS (
    SELECT place, unnest(band_keys(words)) AS key FROM distinct_products WHERE words <> ''
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
        FROM pairs JOIN distinct_products p ON p.place = one JOIN distinct_products q ON q.place = other
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
    """Add the pairs of products with near captions and agreeing tables to ``near_pairs``.

    Candidates share a MinHash key of their captions; a key of more than ``most_sharers`` products does
    not count. The share of common lines of the two tables must reach ``text_table``; if a product has
    no table, the captions decide alone. The distance is 1 - similarity.

    Args:
        connection: DuckDB with the table ``specs``, prepared (``prepare``, ``prepare_near``).
        settings: Thresholds.
    """
    connection.execute(_TEXT_PAIRS, [settings.most_sharers, settings.text_caption, settings.text_table])


_VIDEOS = """
CREATE OR REPLACE TEMP TABLE videos AS
    SELECT video_sha256 AS video, count(DISTINCT second) AS seconds, count(DISTINCT product_id) AS sharers
    FROM frames SEMI JOIN distinct_products USING (product_id)
    GROUP BY video_sha256
    HAVING count(DISTINCT second) >= $shortest AND count(DISTINCT phash) > 1 AND count(DISTINCT product_id) <= $most;

CREATE OR REPLACE TEMP TABLE video_frames AS
    SELECT DISTINCT video_sha256 AS video, second, phash FROM frames
    WHERE video_sha256 IN (SELECT video FROM videos)
"""

# A video is found by few frames: those of seconds 1, 2, 4, 8 and so on, which a cut at its end does not move.
_KEY_FRAMES = """
CREATE OR REPLACE TEMP TABLE distinctive AS
    SELECT video, second, phash FROM video_frames WHERE second > 0 AND bit_count(second) = 1
    QUALIFY count(*) OVER (PARTITION BY second, phash) <= ?
"""

_ALIKE = """
CREATE OR REPLACE TEMP TABLE near_videos AS
    WITH near_hash AS (
        FROM near_hashes
        UNION ALL SELECT other, one FROM near_hashes
        UNION ALL SELECT DISTINCT phash, phash FROM distinctive
    ), met AS (
        SELECT DISTINCT a.video AS one, b.video AS other
        FROM near_hash n JOIN distinctive a ON a.phash = n.one
            JOIN distinctive b ON b.phash = n.other AND b.second = a.second
        WHERE a.video < b.video
    )
    SELECT one, other, count(*) / greatest(any_value(f.seconds), any_value(g.seconds)) AS share
    FROM met JOIN videos f ON f.video = one JOIN videos g ON g.video = other
        JOIN video_frames a ON a.video = one JOIN video_frames b ON b.video = other AND b.second = a.second
    WHERE bit_count(xor(a.phash, b.phash)) <= ?
    GROUP BY one, other HAVING share >= ?
    UNION ALL SELECT video, video, 1 FROM videos WHERE sharers > 1
"""

_VIDEO_PAIRS = """
INSERT INTO near_pairs
WITH shown AS (SELECT DISTINCT product_id, video_sha256 AS video FROM frames)
SELECT least(p.product_id, q.product_id), greatest(p.product_id, q.product_id), 'near_video', 1 - max(share)
FROM near_videos JOIN shown a ON a.video = one JOIN shown b ON b.video = other
    JOIN distinct_products p ON p.product_id = a.product_id JOIN distinct_products q ON q.product_id = b.product_id
WHERE p.place <> q.place AND (one <> other OR p.place < q.place) AND alike(p.words, q.words) >= ?
GROUP BY ALL
"""


def near_video_pairs(connection: duckdb.DuckDBPyConnection, settings: DedupSettings) -> None:
    """Add the pairs of products with near videos and near captions to ``near_pairs``.

    Two videos are near if at least a share ``video_frames`` of the longer one's seconds have frames
    within ``image_distance`` bits of each other at the same second. Only videos are compared that have
    such frames at second 1, 2, 4, 8, 16 or another power of two, where a frame of more than
    ``most_sharers`` videos does not count. Videos shorter than ``video_seconds``, still ones, and those
    of more than ``most_sharers`` products do not count. The distance is 1 - the share.

    A copy with something before it, or with its beginning cut off, is not found.

    Args:
        connection: DuckDB with the table ``frames``, prepared (``prepare``, ``prepare_near``).
        settings: Thresholds.
    """
    connection.execute(_filled(_VIDEOS, shortest=settings.video_seconds, most=settings.most_sharers))
    connection.execute(_KEY_FRAMES, [settings.most_sharers])
    hashes = connection.sql("SELECT DISTINCT phash FROM distinctive ORDER BY phash").to_arrow_table()
    connection.execute("CREATE OR REPLACE TEMP TABLE near_hashes (one BIGINT, other BIGINT)")
    for pairs in _near_hashes(hashes, settings):
        connection.register("found", pairs)
        connection.execute("INSERT INTO near_hashes FROM found")
    connection.execute(_ALIKE, [settings.image_distance, settings.video_frames])
    connection.execute(_VIDEO_PAIRS, [settings.video_caption])
    for table in ("videos", "video_frames", "distinctive", "near_videos", "near_hashes"):
        connection.execute(f"DROP TABLE {table}")


def _near_hashes(hashes: pa.Table, settings: DedupSettings) -> Iterator[pa.Table]:
    """Yield near pairs of frame hashes: one, other."""
    values = hashes["phash"].to_numpy()
    for near in neighbour_batches(np.ascontiguousarray(values), settings.image_distance):
        yield pa.table({"one": values[near.left], "other": values[near.right]})


def _filled(query: str, **numbers: int) -> str:
    """Return several statements with numbers in place of their names, since DuckDB binds single statements only."""
    for name, number in numbers.items():
        query = query.replace(f"${name}", str(number))
    return query
