"""Similarity of texts: shared character runs, MinHash keys, and both as DuckDB functions."""

from collections.abc import Sequence

import duckdb
import numpy as np
import pyarrow as pa
from duckdb.func import PythonUDFType
from numpy.typing import NDArray

from extract.text import normalise
from extract.text.sql import add_function

__all__ = ["BANDS", "SHINGLE", "alike", "band_keys", "prepare", "shingles"]

SHINGLE = 2
"""Characters of a run; most Chinese words have two."""


def shingles(text: str) -> frozenset[str]:
    """Return the runs of two characters of a normalised text, or a shorter text itself."""
    if len(text) < SHINGLE:
        return frozenset({text} if text else ())
    return frozenset(text[start : start + SHINGLE] for start in range(len(text) - SHINGLE + 1))


def alike(one: str, other: str) -> float:
    """Return the Jaccard similarity of the runs of two normalised texts, 0 to 1; 0 if one is empty."""
    left, right = shingles(one), shingles(other)
    return len(left & right) / len(left | right) if left and right else 0.0


Words = NDArray[np.uint64]

BANDS = 16
_ROWS = 4
# Constants of SplitMix64: a fixed, well-mixing hash, the same on every machine.
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def band_keys(texts: Sequence[str]) -> NDArray[np.int64]:
    """Return 16 keys for each text; similar texts share at least one.

    A key is made of four minima of independent hashes over the text's character runs. Two texts of
    Jaccard similarity s share a key with probability 1 - (1 - s⁴)¹⁶: 0.9998 at 0.8, 0.64 at 0.5,
    0.12 at 0.3. Keys of different bands do not meet.

    Args:
        texts: Normalised texts, none empty.

    Returns:
        Keys, [texts, 16].
    """
    if not len(texts):
        return np.zeros((0, BANDS), dtype=np.int64)
    runs, starts = _runs(texts)
    seeds = _mix(np.arange(1, BANDS * _ROWS + 1, dtype=np.uint64) * _GOLDEN).reshape(BANDS, _ROWS)
    keys = np.zeros((len(texts), BANDS), dtype=np.uint64)
    for band in range(BANDS):
        key = np.full(len(texts), band, dtype=np.uint64)
        for seed in seeds[band]:
            key = _mix(key ^ np.minimum.reduceat(_mix(runs ^ seed), starts))
        keys[:, band] = key
    return keys.view(np.int64)


def _runs(texts: Sequence[str]) -> tuple[Words, NDArray[np.int64]]:
    """Return the hashed character runs of all texts, concatenated, and the start of each text."""
    padded = [text if len(text) >= SHINGLE else text + "\0" * (SHINGLE - len(text)) for text in texts]
    letters = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    lengths = np.array([len(text) for text in padded])
    ends = np.cumsum(lengths)
    pairs = (letters[:-1] << np.uint64(32)) | letters[1:]
    within = np.ones(len(pairs), dtype=np.bool_)
    within[ends[:-1] - 1] = False  # a run never spans two texts
    starts = np.cumsum(np.concatenate([[0], lengths[:-1] - (SHINGLE - 1)]))
    return _mix(pairs[within]), starts


def _mix(values: Words) -> Words:
    """Return SplitMix64's finaliser of each value; overflow is intended."""
    values = (values ^ (values >> np.uint64(30))) * _MIX_1
    values = (values ^ (values >> np.uint64(27))) * _MIX_2
    return values ^ (values >> np.uint64(31))


_WORDS = "CREATE TEMP TABLE words AS SELECT product_id, normal(caption) AS words FROM products"


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Register this package's functions and create the temporary table ``words``.

    ``normal(text)``, ``alike(normal, normal)`` and ``band_keys(normal)``; NULL in any argument gives
    NULL. ``words``: product_id and the normalised caption of each product, NULL if it has none.
    Close the connection afterwards: it keeps the functions alive.

    Args:
        connection: DuckDB with the table ``products``.
    """
    arrow = PythonUDFType.ARROW
    add_function(connection, "normal", normalise, "VARCHAR", pa.string())
    connection.create_function("alike", _alike, ["VARCHAR", "VARCHAR"], "DOUBLE", type=arrow)
    connection.create_function("band_keys", _band_keys, ["VARCHAR"], "BIGINT[]", type=arrow)
    connection.execute(_WORDS)


def _alike(one: pa.ChunkedArray, other: pa.ChunkedArray) -> pa.Array:
    pairs = zip(one.to_pylist(), other.to_pylist(), strict=True)
    return pa.array([None if a is None or b is None else alike(a, b) for a, b in pairs], pa.float64())


def _band_keys(texts: pa.ChunkedArray) -> pa.Array:
    """Return a list of keys for each text, NULL for NULL and for an empty text."""
    filled = [text or "" for text in texts.to_pylist()]
    there = np.array([bool(text) for text in filled], dtype=np.bool_)
    keys = band_keys([text for text in filled if text])
    ends = np.cumsum(np.concatenate([[0], np.where(there, BANDS, 0)])).astype(np.int32)
    return pa.ListArray.from_arrays(ends, keys.ravel(), mask=pa.array(~there))
