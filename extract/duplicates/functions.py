"""What the queries of this package need in DuckDB: its pure functions, and normalised captions."""

import duckdb
import numpy as np
import pyarrow as pa
from duckdb.func import PythonUDFType

from extract.duplicates.minhash import BANDS, band_keys
from extract.duplicates.shingles import alike
from extract.text import normalise
from extract.text_functions import add_function

__all__ = ["prepare"]

_WORDS = "CREATE TEMP TABLE words AS SELECT product_id, normal(caption) AS words FROM products"


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Give a connection this package's functions and the temporary table ``words``.

    ``normal(text)``, ``alike(normal, normal)`` and ``band_keys(normal)``; NULL in any argument gives
    NULL. ``words``: product_id and the normalised caption of each product, NULL where it has none.
    Close the connection when done: it holds on to the functions.

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
    """Return a list of keys a text; for no text, and an empty one, NULL."""
    filled = [text or "" for text in texts.to_pylist()]
    there = np.array([bool(text) for text in filled], dtype=np.bool_)
    keys = band_keys([text for text in filled if text])
    ends = np.cumsum(np.concatenate([[0], np.where(there, BANDS, 0)])).astype(np.int32)
    return pa.ListArray.from_arrays(ends, keys.ravel(), mask=pa.array(~there))
