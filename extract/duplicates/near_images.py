"""Which products are nearly the same by their main image."""

from collections.abc import Iterator

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from extract.dedup_settings import DedupSettings
from extract.duplicates.components import Indices
from extract.duplicates.hamming import HashPairs, neighbour_batches

__all__ = ["near_image_pairs"]

Counts = NDArray[np.int64]

_MAIN_IMAGES = """
SELECT place, phash
FROM images JOIN standing USING (product_id)
QUALIFY row_number() OVER (PARTITION BY product_id ORDER BY position) = 1 AND blank_share <= ?
ORDER BY place
"""

_PAIRS = """
INSERT INTO near_pairs
SELECT least(p.product_id, q.product_id), greatest(p.product_id, q.product_id), 'near_image', min(distance)
FROM near_hashes JOIN hashed a ON a.hash = near_hashes.one JOIN hashed b ON b.hash = near_hashes.other
    JOIN standing p ON p.place = a.place JOIN standing q ON q.place = b.place
WHERE (near_hashes.one <> near_hashes.other OR p.place < q.place) AND alike(p.words, q.words) >= ?
GROUP BY ALL
"""


def near_image_pairs(connection: duckdb.DuckDBPyConnection, settings: DedupSettings) -> None:
    """Add the pairs of products whose main images and captions are both near to ``near_pairs``.

    The main image is the first one that is stored. An empty picture joins nothing, nor does a hash
    that more than ``most_sharers`` products have, or that more than ``most_near`` are near to: goods
    on white look alike. The distance is in bits.

    Args:
        connection: DuckDB with the table ``images``, prepared (``prepare``, ``prepare_near``).
        settings: Thresholds.
    """
    mains = connection.sql(_MAIN_IMAGES, params=[settings.blank_share]).to_arrow_table()
    hashes, place, sharers = np.unique(mains["phash"].to_numpy(), return_inverse=True, return_counts=True)
    connection.register("hashed", pa.table({"place": mains["place"], "hash": place}))
    connection.execute("CREATE OR REPLACE TEMP TABLE near_hashes (one BIGINT, other BIGINT, distance DOUBLE)")
    for pairs in _telling_pairs(hashes, sharers, settings):
        connection.register("found", pairs)
        connection.execute("INSERT INTO near_hashes FROM found")
    connection.execute(_PAIRS, [settings.image_caption])
    connection.execute("DROP TABLE near_hashes")


def _telling_pairs(hashes: NDArray[np.int64], sharers: Counts, settings: DedupSettings) -> Iterator[pa.Table]:
    """Yield near pairs of telling hashes: one, other, distance; those shared by products among them."""
    telling = np.flatnonzero(sharers <= settings.most_sharers)
    crowded = telling[_products_near(hashes[telling], sharers[telling], settings) > settings.most_near]
    telling = np.setdiff1d(telling, crowded, assume_unique=True)
    shared = telling[sharers[telling] > 1]
    yield _table(shared, shared, np.zeros(len(shared)))
    for near in _batches(hashes[telling], settings):
        yield _table(telling[near.left], telling[near.right], near.distance)


def _products_near(hashes: NDArray[np.int64], sharers: Counts, settings: DedupSettings) -> Counts:
    """Return how many products have a hash near each one, its own included, [hashes]."""
    products = sharers.astype(np.float64)
    for near in _batches(hashes, settings):
        products += np.bincount(near.left, sharers[near.right], len(hashes))
        products += np.bincount(near.right, sharers[near.left], len(hashes))
    return products.astype(np.int64)


def _batches(hashes: NDArray[np.int64], settings: DedupSettings) -> Iterator[HashPairs]:
    return neighbour_batches(hashes, settings.image_distance)


def _table(one: Indices, other: Indices, distance: NDArray[np.float64] | NDArray[np.uint8]) -> pa.Table:
    return pa.table({"one": one, "other": other, "distance": distance.astype(np.float64)})
