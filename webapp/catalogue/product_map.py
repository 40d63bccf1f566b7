"""A map of the products: those with similar texts, specifications and main images are close to each other.

The vectors are those of the encoder ``light``, which needs no model; the map is their plane of greatest variance
(principal components). For a large dataset, it shows an even sample.
"""

from collections.abc import Iterator

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from annotate.candidates.encoders import LightEncoder, Listing
from storage import Snapshot
from webapp.catalogue.sampling import sample_step
from webapp.catalogue.selection import AREA

__all__ = ["MAX_POINTS", "place_products"]

MAX_POINTS = 20_000
"""Maximum number of products on the map; of more, it shows every second, third … in the order of ids."""
_AT_ONCE = 500
_SPECS = 60
_MARGIN = 0.02
_BASIS, _ROUNDS = 8, 12
_NO_OBJECTS: dict[str, bytes] = {}
"""Objects that the encoder reads: none."""
_FEWEST = 3
"""Minimum number of products that define a plane."""

Plane = NDArray[np.float64]


def place_products(engine: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> None:
    """Create the table ``points`` of an index: n, and x and y from 0 to below ``AREA``.

    Args:
        engine: A connection to the index, whose other tables must exist.
        snapshot: The dataset version, for the hashes of images.
    """
    engine.execute("CREATE TABLE points (n INTEGER, x INTEGER, y INTEGER)")
    numbers, listings = _sample(engine, snapshot)
    if len(listings) < _FEWEST:
        return
    encoder = LightEncoder()
    blocks = [
        csr_array(encoder.encode(listings[start : start + _AT_ONCE], _NO_OBJECTS.__getitem__))
        for start in range(0, len(listings), _AT_ONCE)
    ]
    plane = (_scaled(_principal_plane(vstack(blocks, format="csr"))) * (AREA - 1)).astype(np.int32)
    engine.register("placed", pa.table({"n": numbers, "x": plane[:, 0], "y": plane[:, 1]}))
    engine.execute("INSERT INTO points SELECT * FROM placed ORDER BY n")
    engine.unregister("placed")


def _sample(engine: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> tuple[list[int], list[Listing]]:
    """Return the numbers and the listings of an even sample."""
    count = engine.execute("SELECT count(*) FROM catalogue").fetchall()[0][0]
    sampled = sample_step(count)
    step = sampled * -(-count // (sampled * MAX_POINTS)) or 1
    engine.execute("CREATE TEMP TABLE sampled AS SELECT n, product_id, caption FROM catalogue WHERE n % ? = 0", [step])
    lines = dict(
        engine.execute(
            "SELECT n, list((property, value) ORDER BY line)[:?] "
            "FROM spec_postings JOIN spec_lines USING (line) WHERE n IN (SELECT n FROM sampled) GROUP BY n",
            [_SPECS],
        ).fetchall()
    )
    rows = engine.execute("SELECT n, product_id, caption FROM sampled ORDER BY n").fetchall()
    engine.execute("DROP TABLE sampled")
    hashes = dict(_hashes(snapshot, [product for _, product, _ in rows]))
    listings = [
        Listing(product, caption, tuple(lines.get(n, ())), None, hashes.get(product)) for n, product, caption in rows
    ]
    return [n for n, _, _ in rows], listings


def _hashes(snapshot: Snapshot, products: list[str]) -> Iterator[tuple[str, int]]:
    """Yield (product, perceptual hash of its first image)."""
    with snapshot.connection(("images",)) as engine:
        engine.register("sampled", pa.table({"product_id": pa.array(products, pa.string())}))
        yield from engine.execute(
            "SELECT product_id, arg_min(phash, position) FROM images SEMI JOIN sampled USING (product_id) GROUP BY 1"
        ).fetchall()


def _principal_plane(vectors: csr_array) -> Plane:
    """Return the coordinates of vectors in the plane of their greatest variance, [count, 2]."""
    mean = vectors.mean(axis=0)
    basis = np.random.default_rng(0).standard_normal((vectors.shape[1], _BASIS))
    for _ in range(_ROUNDS):  # subspace iteration (Halko et al. 2011), without a dense copy of the centred vectors
        along = vectors @ basis - mean @ basis
        basis, _ = np.linalg.qr(vectors.T @ along - np.outer(mean, along.sum(axis=0)))
    along = vectors @ basis - mean @ basis
    _, _, rotation = np.linalg.svd(along, full_matrices=False)
    plane: Plane = along @ rotation[:2].T
    return plane * np.sign(plane[np.abs(plane).argmax(axis=0), [0, 1]])


def _scaled(plane: Plane) -> Plane:
    """Return coordinates from 0 to 1; the outermost half per cent is clipped to the edge."""
    low, high = np.quantile(plane, [0.005, 0.995], axis=0)
    scaled: Plane = np.clip((plane - low) / np.maximum(high - low, 1e-9), 0, 1)
    return _MARGIN + (1 - 2 * _MARGIN) * scaled
