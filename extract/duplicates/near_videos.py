"""Which products are nearly the same by the frames of their videos."""

from collections.abc import Iterator

import duckdb
import numpy as np
import pyarrow as pa

from extract.dedup_settings import DedupSettings
from extract.duplicates.hamming import neighbour_batches

__all__ = ["near_video_pairs"]

_VIDEOS = """
CREATE OR REPLACE TEMP TABLE films AS
    SELECT video_sha256 AS film, count(DISTINCT second) AS seconds, count(DISTINCT product_id) AS sharers
    FROM frames SEMI JOIN standing USING (product_id)
    GROUP BY video_sha256
    HAVING count(DISTINCT second) >= $shortest AND count(DISTINCT phash) > 1 AND count(DISTINCT product_id) <= $most;

CREATE OR REPLACE TEMP TABLE shots AS
    SELECT DISTINCT video_sha256 AS film, second, phash FROM frames
    WHERE video_sha256 IN (SELECT film FROM films)
"""

# Few frames stand for a video: those of seconds 1, 2, 4, 8 and so on, which a cut at its end leaves alone.
_TELLING = """
CREATE OR REPLACE TEMP TABLE telling AS
    SELECT film, second, phash FROM shots WHERE second > 0 AND bit_count(second) = 1
    QUALIFY count(*) OVER (PARTITION BY second, phash) <= ?
"""

_ALIKE = """
CREATE OR REPLACE TEMP TABLE alike_films AS
    WITH near_hash AS (
        FROM near_hashes
        UNION ALL SELECT other, one FROM near_hashes
        UNION ALL SELECT DISTINCT phash, phash FROM telling
    ), met AS (
        SELECT DISTINCT a.film AS one, b.film AS other
        FROM near_hash n JOIN telling a ON a.phash = n.one JOIN telling b ON b.phash = n.other AND b.second = a.second
        WHERE a.film < b.film
    )
    SELECT one, other, count(*) / greatest(any_value(f.seconds), any_value(g.seconds)) AS share
    FROM met JOIN films f ON f.film = one JOIN films g ON g.film = other
        JOIN shots a ON a.film = one JOIN shots b ON b.film = other AND b.second = a.second
    WHERE bit_count(xor(a.phash, b.phash)) <= ?
    GROUP BY one, other HAVING share >= ?
    UNION ALL SELECT film, film, 1 FROM films WHERE sharers > 1
"""

_PAIRS = """
INSERT INTO near_pairs
WITH shown AS (SELECT DISTINCT product_id, video_sha256 AS film FROM frames)
SELECT least(p.product_id, q.product_id), greatest(p.product_id, q.product_id), 'near_video', 1 - max(share)
FROM alike_films JOIN shown a ON a.film = one JOIN shown b ON b.film = other
    JOIN standing p ON p.product_id = a.product_id JOIN standing q ON q.product_id = b.product_id
WHERE p.place <> q.place AND (one <> other OR p.place < q.place) AND alike(p.words, q.words) >= ?
GROUP BY ALL
"""


def near_video_pairs(connection: duckdb.DuckDBPyConnection, settings: DedupSettings) -> None:
    """Add the pairs of products whose videos and captions are both near to ``near_pairs``.

    Two videos are near when at least ``video_frames`` of the longer one's seconds have frames within
    ``image_distance`` bits in both, at the same second. Only those are compared that have such
    frames at second 1, 2, 4, 8, 16 or another power of two; a frame that more than ``most_sharers``
    videos show then does not count. Videos shorter than ``video_seconds``, still ones, and those of
    more than ``most_sharers`` products join nothing. The distance is 1 - that share.

    A copy that something was put before, or that was cut at its beginning, is not found.

    Args:
        connection: DuckDB with the table ``frames``, prepared (``prepare``, ``prepare_near``).
        settings: Thresholds.
    """
    connection.execute(_filled(_VIDEOS, shortest=settings.video_seconds, most=settings.most_sharers))
    connection.execute(_TELLING, [settings.most_sharers])
    hashes = connection.sql("SELECT DISTINCT phash FROM telling ORDER BY phash").to_arrow_table()
    connection.execute("CREATE OR REPLACE TEMP TABLE near_hashes (one BIGINT, other BIGINT)")
    for pairs in _near_hashes(hashes, settings):
        connection.register("found", pairs)
        connection.execute("INSERT INTO near_hashes FROM found")
    connection.execute(_ALIKE, [settings.image_distance, settings.video_frames])
    connection.execute(_PAIRS, [settings.video_caption])
    for table in ("films", "shots", "telling", "alike_films", "near_hashes"):
        connection.execute(f"DROP TABLE {table}")


def _near_hashes(hashes: pa.Table, settings: DedupSettings) -> Iterator[pa.Table]:
    """Yield near pairs of frame hashes: one, other."""
    values = hashes["phash"].to_numpy()
    for near in neighbour_batches(np.ascontiguousarray(values), settings.image_distance):
        yield pa.table({"one": values[near.left], "other": values[near.right]})


def _filled(query: str, **numbers: int) -> str:
    """Return several statements with numbers in place of their names: DuckDB binds one statement only."""
    for name, number in numbers.items():
        query = query.replace(f"${name}", str(number))
    return query
