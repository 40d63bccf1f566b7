"""Pairs of products with near main images and near captions."""

from collections.abc import Iterator

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from extract.duplicates.hamming import HashPairs, neighbour_batches
from extract.duplicates.near_texts import compare_captions
from extract.settings import DedupSettings
from m5data.components import Indices

__all__ = ["near_image_pairs"]

Counts = NDArray[np.int64]

_MAIN_IMAGES = """
SELECT place, phash
FROM images JOIN distinct_products USING (product_id)
QUALIFY row_number() OVER (PARTITION BY product_id ORDER BY position) = 1 AND blank_share <= ?
ORDER BY place
"""

_MET = """
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
    connection.execute(_MET)
    compare_captions(connection, settings.image_caption)
    connection.execute(_IMAGE_PAIRS)


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
