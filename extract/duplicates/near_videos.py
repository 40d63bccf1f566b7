"""Pairs of products with near videos and near captions."""

from collections.abc import Iterator

import duckdb
import numpy as np
import pyarrow as pa

from extract.duplicates.hamming import neighbour_batches
from extract.duplicates.near_texts import compare_captions
from extract.settings import DedupSettings

__all__ = ["near_video_pairs"]

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

_MET = """
CREATE OR REPLACE TEMP TABLE met AS
    WITH shown AS (
        SELECT DISTINCT place, video_sha256 AS video FROM frames JOIN distinct_products USING (product_id)
    )
    SELECT least(a.place, b.place) AS one, greatest(a.place, b.place) AS other, max(share) AS share
    FROM near_videos n JOIN shown a ON a.video = n.one JOIN shown b ON b.video = n.other
    WHERE a.place <> b.place GROUP BY ALL
"""

_VIDEO_PAIRS = """
INSERT INTO near_pairs
SELECT p.product_id, q.product_id, 'near_video', 1 - share
FROM alike_pairs JOIN distinct_products p ON p.place = one JOIN distinct_products q ON q.place = other
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
    connection.execute(_MET)
    compare_captions(connection, settings.video_caption)
    connection.execute(_VIDEO_PAIRS)


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
