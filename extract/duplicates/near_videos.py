"""Pairs of products with near videos and near captions."""

from collections.abc import Iterator

import duckdb
import numpy as np
import pyarrow as pa

from extract.duplicates.hamming import Hashes, Indices, neighbour_batches
from extract.duplicates.near_texts import compare_captions
from extract.settings import DedupSettings

__all__ = ["aligned_share", "near_video_pairs"]

_SEED_BITS = 8
"""Largest distance of frames whose videos are compared: a cropped copy, or one with a logo, has some so near."""
_FRAME_BITS = 14
"""Distance of matching frames of compared videos: unrelated frames are rarely so near, and never one after another."""
_SHIFTS = 4
"""Alignments tried for two videos that share a near frame, those with most near frames first."""
_SPEEDS = (1.0, 0.975, 1.025, 0.95, 1.05)
_LONGEST = 3
"""A video more than so many times as long as the other is no copy of it."""

_VIDEOS = """
CREATE OR REPLACE TEMP TABLE videos AS
    SELECT video_sha256 AS video, count(DISTINCT second) AS seconds, count(DISTINCT product_id) AS sharers,
        row_number() OVER (ORDER BY video_sha256) - 1 AS number
    FROM frames SEMI JOIN distinct_products USING (product_id)
    GROUP BY video_sha256
    HAVING count(DISTINCT second) >= $shortest AND count(DISTINCT phash) > 1 AND count(DISTINCT product_id) <= $most;

CREATE OR REPLACE TEMP TABLE video_frames AS
    SELECT DISTINCT number, second, phash FROM frames JOIN videos ON video = video_sha256;

CREATE OR REPLACE TEMP TABLE distinctive AS
    SELECT number, second, phash FROM video_frames
    WHERE phash IN (SELECT phash FROM video_frames GROUP BY phash HAVING count(DISTINCT number) <= $most)
"""

_MEETINGS = """
WITH near_hash AS (
    FROM near_hashes
    UNION ALL SELECT other, one FROM near_hashes
    UNION ALL SELECT DISTINCT phash, phash FROM distinctive
), met AS (
    SELECT a.number AS one, b.number AS other, b.second - a.second AS shift, count(*) AS votes, avg(a.second) AS middle
    FROM near_hash n JOIN distinctive a ON a.phash = n.one JOIN distinctive b ON b.phash = n.other
        JOIN videos f ON f.number = a.number JOIN videos g ON g.number = b.number
    WHERE (f.seconds, a.number) < (g.seconds, b.number) AND g.seconds <= ? * f.seconds
    GROUP BY ALL
)
SELECT one, other, shift, middle FROM met
QUALIFY row_number() OVER (PARTITION BY one, other ORDER BY votes DESC, shift) <= ?
ORDER BY one, other
"""

_MET = """
CREATE OR REPLACE TEMP TABLE met AS
    WITH shown AS (
        SELECT DISTINCT place, video_sha256 AS video FROM frames JOIN distinct_products USING (product_id)
    )
    SELECT least(a.place, b.place) AS one, greatest(a.place, b.place) AS other, max(share) AS share
    FROM (
        SELECT f.video AS one, g.video AS other, share
        FROM aligned JOIN videos f ON f.number = aligned.one JOIN videos g ON g.number = aligned.other
        UNION ALL SELECT video, video, 1 FROM videos WHERE sharers > 1
    ) n JOIN shown a ON a.video = n.one JOIN shown b ON b.video = n.other
    WHERE a.place <> b.place GROUP BY ALL
"""

_VIDEO_PAIRS = """
INSERT INTO near_pairs
SELECT p.product_id, q.product_id, 'near_video', 1 - share
FROM alike_pairs JOIN distinct_products p ON p.place = one JOIN distinct_products q ON q.place = other
"""


def near_video_pairs(connection: duckdb.DuckDBPyConnection, settings: DedupSettings) -> None:
    """Add the pairs of products with near videos and near captions to ``near_pairs``.

    Two videos are near if a share ``video_frames`` of the shorter one's seconds are near frames of the longer one, in
    the same order at the same speed or up to 5 % faster or slower, wherever they begin: a copy may have something
    before or after it, be cropped by a twentieth, recompressed, or bear a logo (``aligned_share``). The longer one
    is at most three times as long. Only videos are compared that have a pair of frames within 8 bits, where a frame
    of more than ``most_sharers`` videos does not count. Videos shorter than ``video_seconds``, still ones, and those
    of more than ``most_sharers`` products do not count. The distance is 1 - the share.

    Args:
        connection: DuckDB with the tables ``products`` and ``frames``, prepared (``prepare``, ``prepare_near``).
        settings: Thresholds.
    """
    connection.execute(_filled(_VIDEOS, shortest=settings.video_seconds, most=settings.most_sharers))
    connection.execute("CREATE OR REPLACE TEMP TABLE near_hashes (one BIGINT, other BIGINT)")
    for pairs in _near_hashes(connection):
        connection.register("found", pairs)
        connection.execute("INSERT INTO near_hashes FROM found")
    connection.register("aligned", _align(connection, settings.video_frames))
    connection.execute(_MET)
    compare_captions(connection, settings.video_caption)
    connection.execute(_VIDEO_PAIRS)


def _near_hashes(connection: duckdb.DuckDBPyConnection) -> Iterator[pa.Table]:
    """Yield near pairs of frame hashes: one, other."""
    hashes = connection.sql("SELECT DISTINCT phash FROM distinctive ORDER BY phash").to_arrow_table()
    values = np.ascontiguousarray(hashes["phash"].to_numpy())
    for near in neighbour_batches(values, _SEED_BITS):
        yield pa.table({"one": values[near.left], "other": values[near.right]})


def _align(connection: duckdb.DuckDBPyConnection, least: float) -> pa.Table:
    """Return the near pairs among videos that share a near frame: one, other, share."""
    frames = connection.sql("SELECT * FROM video_frames ORDER BY number, second").to_arrow_table()
    number, second = frames["number"].to_numpy(), frames["second"].to_numpy().astype(np.int64)
    hashes = frames["phash"].to_numpy().view(np.uint64)
    starts = np.searchsorted(number, np.arange(int(number.max(initial=-1)) + 2))
    best: dict[tuple[int, int], float] = {}
    for batch in connection.sql(_MEETINGS, params=[_LONGEST, _SHIFTS]).to_arrow_reader():
        for one, other, shift, at in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            short, long = slice(*starts[one : one + 2]), slice(*starts[other : other + 2])
            videos = (second[short], hashes[short]), (second[long], hashes[long])
            share = max(aligned_share(*videos, at, at + shift, speed) for speed in _SPEEDS)
            best[one, other] = max(share, best.get((one, other), 0.0))
    near = [(*pair, share) for pair, share in best.items() if share >= least]
    columns = list(zip(*near, strict=True)) or [(), (), ()]
    kinds = (pa.int64(), pa.int64(), pa.float64())
    return pa.table([pa.array(c, k) for c, k in zip(columns, kinds, strict=True)], ["one", "other", "share"])


Film = tuple[Indices, Hashes]
"""Seconds with a frame, ascending, and the hash of each."""


def aligned_share(short: Film, long: Film, at: float, there: float, speed: float) -> float:
    """Return the share of one video's seconds whose frames are near those of another at the same place, 0 to 1.

    The other's frame of one second earlier or later counts too, since frames are sampled by the second.

    Args:
        short: The one video.
        long: The other.
        at: A second of the one.
        there: The same moment in the other.
        speed: Seconds of the other for one second of the one.
    """
    (seconds, hashes), (others, other_hashes) = short, long
    moments = np.rint(there + (seconds - at) * speed).astype(np.int64)
    near = np.zeros(len(seconds), dtype=np.bool_)
    for beside in (-1, 0, 1):
        place = np.minimum(np.searchsorted(others, moments + beside), len(others) - 1)
        close = np.bitwise_count(hashes ^ other_hashes[place]) <= _FRAME_BITS
        near |= (others[place] == moments + beside) & close
    return float(near.mean())


def _filled(query: str, **numbers: int) -> str:
    """Return several statements with numbers in place of their names, since DuckDB binds single statements only."""
    for name, number in numbers.items():
        query = query.replace(f"${name}", str(number))
    return query
