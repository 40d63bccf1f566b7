"""Pairs of products with near captions and agreeing specifications, near main images or near videos."""

from collections.abc import Iterator

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core.components import Indices
from extract.duplicates.hamming import Hashes, HashPairs, neighbour_batches
from extract.duplicates.text_candidates import BANDS, Pairs, crowded_bands, keys_of, pairs_of_keys
from extract.settings import DedupSettings

__all__ = [
    "aligned_share",
    "compare_captions",
    "near_image_pairs",
    "near_text_pairs",
    "near_video_pairs",
]


_CAPTIONED = """
SELECT place, text_keys, d.anew
FROM distinct_products d JOIN compared USING (product_id) WHERE text_keys IS NOT NULL
"""

_WORDS = """
CREATE OR REPLACE TEMP TABLE met_words AS
    SELECT place, d.product_id, source, normal(caption) AS words
    FROM distinct_products d JOIN products USING (product_id)
    WHERE place IN (SELECT one FROM met UNION SELECT other FROM met)
"""

_ALIKE = """
CREATE OR REPLACE TEMP TABLE alike_pairs AS
    SELECT * FROM (
        SELECT met.*, p.words AS one_words, q.words AS other_words, alike(p.words, q.words) AS similarity
        FROM met JOIN met_words p ON p.place = one JOIN met_words q ON q.place = other
    )
    WHERE similarity >= ?
"""

# Shops may name properties differently, so only values are compared across shops.
_AGREEING = """
INSERT INTO near_pairs
WITH tables AS (
    SELECT place, list(DISTINCT value) AS entries, list(DISTINCT property || chr(31) || value) AS lines
    FROM (
        SELECT place, normal(property) AS property, normal(value) AS value FROM specs JOIN met_words USING (product_id)
        WHERE place IN (SELECT one FROM alike_pairs UNION SELECT other FROM alike_pairs)
    )
    GROUP BY place
), compared AS (
    SELECT p.product_id, q.product_id AS other_id, similarity, one_words, other_words,
        CASE WHEN p.source = q.source THEN l.lines ELSE l.entries END AS table_lines,
        CASE WHEN p.source = q.source THEN r.lines ELSE r.entries END AS other_lines
    FROM alike_pairs JOIN met_words p ON p.place = one JOIN met_words q ON q.place = other
        LEFT JOIN tables l ON l.place = one LEFT JOIN tables r ON r.place = other
    WHERE NOT numbers_differ(one_words, other_words)
)
SELECT product_id, other_id, 'near_text', 1 - similarity
FROM (SELECT *, len(list_intersect(table_lines, other_lines)) AS common FROM compared)
WHERE CASE WHEN table_lines IS NULL OR other_lines IS NULL THEN same_by_words(one_words, other_words)
    ELSE common >= ? * (len(table_lines) + len(other_lines) - common) END
"""

_PAIR = pa.schema([("one", pa.int64()), ("other", pa.int64())])


def near_text_pairs(connection: duckdb.DuckDBPyConnection, settings: DedupSettings) -> None:
    """Add the pairs of products with near captions and agreeing tables to ``near_pairs``.

    Candidates share a MinHash key of their captions; a key of more than ``max_sharers`` products does not count.
    Their similarity must reach ``text_caption``, and their numbers must not differ (``numbers_differ``). The share
    of common lines of the two tables must reach ``text_table``; between two shops, the share of common values. If a
    product has no table, the words of the captions decide (``same_by_words``). The distance is 1 - similarity. At
    least one product of each pair is marked ``anew``.

    Args:
        connection: DuckDB with the tables ``products`` and ``specs``, prepared (``prepare``, ``prepare_near``).
        settings: Thresholds.
    """
    connection.execute("CREATE OR REPLACE TEMP TABLE met (one BIGINT, other BIGINT)")
    for left, right in _candidates(connection, settings.max_sharers):
        connection.register("found", pa.table([left, right], schema=_PAIR))
        connection.execute("INSERT INTO met FROM found")
    compare_captions(connection, settings.text_caption)
    connection.execute(_AGREEING, [settings.text_table])


def compare_captions(connection: duckdb.DuckDBPyConnection, least: float) -> None:
    """Create ``alike_pairs``: the rows of ``met`` whose captions are similar enough, and these captions.

    Args:
        connection: DuckDB with ``products``, ``distinct_products`` and ``met``: one, other (places) and others.
        least: Minimum similarity.
    """
    connection.execute(_WORDS)
    connection.execute(_ALIKE, [least])


def _candidates(connection: duckdb.DuckDBPyConnection, most: int) -> Iterator[Pairs]:
    """Yield the places of two products whose captions share a key, at least one of them marked ``anew``."""
    parts = [(np.zeros(0, np.int64), np.zeros((0, BANDS), np.uint32), np.zeros(0, np.bool_))]
    for batch in connection.sql(_CAPTIONED).to_arrow_reader():
        anew = batch["anew"].to_numpy(zero_copy_only=False)
        parts.append((batch["place"].to_numpy(), keys_of(batch["text_keys"]), anew))
    place, keys, anew = (np.concatenate(column) for column in zip(*parts, strict=True))
    del parts
    order = np.argsort(place)
    place, keys, anew = place[order], keys[order], anew[order]
    for left, right in pairs_of_keys(keys, crowded_bands(keys, most)):
        chosen = anew[left] | anew[right]
        yield place[left[chosen]], place[right[chosen]]


Counts = NDArray[np.int64]

_MAIN_IMAGES = """
SELECT place, phash
FROM images JOIN distinct_products USING (product_id)
QUALIFY row_number() OVER (PARTITION BY product_id ORDER BY position) = 1 AND blank_share <= ?
ORDER BY place
"""

_MET_BY_IMAGE = """
CREATE OR REPLACE TEMP TABLE met AS
    SELECT least(a.place, b.place) AS one, greatest(a.place, b.place) AS other, min(distance) AS distance
    FROM near_hashes n JOIN hashed a ON a.hash = n.one JOIN hashed b ON b.hash = n.other
    WHERE n.one <> n.other OR a.place < b.place
    GROUP BY ALL
"""

_IMAGE_PAIRS = """
INSERT INTO near_pairs
SELECT p.product_id, q.product_id, 'near_image', distance
FROM alike_pairs JOIN distinct_products p ON p.place = one JOIN distinct_products q ON q.place = other
"""


def near_image_pairs(connection: duckdb.DuckDBPyConnection, settings: DedupSettings) -> None:
    """Add the pairs of products with near main images and near captions to ``near_pairs``.

    The main image is the first stored one. Empty images do not count, nor do hashes of more than
    ``max_sharers`` products or near the hashes of more than ``max_near`` products: products on white
    look alike. The distance is in bits.

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
    connection.execute(_MET_BY_IMAGE)
    compare_captions(connection, settings.image_caption)
    connection.execute(_IMAGE_PAIRS)


def _distinctive_pairs(hashes: NDArray[np.int64], sharers: Counts, settings: DedupSettings) -> Iterator[pa.Table]:
    """Yield near pairs of distinctive hashes: one, other, distance; a shared hash is paired with itself."""
    distinctive = np.flatnonzero(sharers <= settings.max_sharers)
    crowded = distinctive[_products_near(hashes[distinctive], sharers[distinctive], settings) > settings.max_near]
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


_SEED_BITS = 8
"""Largest distance of frames whose videos are compared: even copies cropped or with a logo have frames this near."""
_FRAME_BITS = 14
"""Largest distance of matching frames: unrelated frames are rarely this near, and never several in succession."""
_SHIFTS = 4
"""Alignments tried for two videos that share a near frame, those with the most near frames first."""
_SPEEDS = (1.0, 0.975, 1.025, 0.95, 1.05)
_LONGEST = 3
"""A video more than this many times as long as another is not a copy of it."""

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

_MET_BY_VIDEO = """
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

    Two videos are near if a share ``video_frames`` of the shorter one's seconds match near frames of the longer one,
    in the same order, at the same speed or up to 5 % faster or slower, at any offset: a copy may have additions before
    or after it, be cropped by a twentieth or recompressed, or have a logo (``aligned_share``). The longer one is at
    most three times as long. Only videos with a pair of frames within 8 bits are compared, not counting frames of more
    than ``max_sharers`` videos. Videos shorter than ``video_seconds``, still ones, and those of more than
    ``max_sharers`` products do not count. The distance is 1 - the share.

    Args:
        connection: DuckDB with the tables ``products`` and ``frames``, prepared (``prepare``, ``prepare_near``).
        settings: Thresholds.
    """
    connection.execute(_filled(_VIDEOS, shortest=settings.video_seconds, most=settings.max_sharers))
    connection.execute("CREATE OR REPLACE TEMP TABLE near_hashes (one BIGINT, other BIGINT)")
    for pairs in _near_hashes(connection):
        connection.register("found", pairs)
        connection.execute("INSERT INTO near_hashes FROM found")
    connection.register("aligned", _align(connection, settings.video_frames))
    connection.execute(_MET_BY_VIDEO)
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
"""Seconds that have a frame, ascending, and the hash of each frame."""


def aligned_share(short: Film, long: Film, at: float, there: float, speed: float) -> float:
    """Return the share of one video's seconds whose frames are near those of another at the same moment, 0 to 1.

    The other's frames one second earlier or later count too, since frames are sampled once per second.

    Args:
        short: The first video.
        long: The other video.
        at: A second of ``short``.
        there: The same moment in ``long``.
        speed: Seconds of ``long`` per second of ``short``.
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
    """Return several statements with names replaced by numbers, since DuckDB binds single statements only."""
    for name, number in numbers.items():
        query = query.replace(f"${name}", str(number))
    return query
