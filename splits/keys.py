"""Random order that is the same on every machine, whatever the order of the rows."""

import hashlib

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from storage.engine import open_engine

__all__ = ["Flags", "Keys", "Rows", "derive_keys", "hash_ids", "mix"]

Rows = npt.NDArray[np.int64]
"""Row numbers, or one number a row."""

Flags = npt.NDArray[np.bool_]
"""One flag a row."""

Keys = npt.NDArray[np.uint64]
"""One number a row, uniform over 0 to 2^64 - 1."""


def hash_ids(ids: pa.ChunkedArray, salt: str) -> Keys:
    """Return for each id the first eight bytes of md5(salt + ":" + id), as a little-endian number."""
    with open_engine() as connection:
        connection.register("ids", pa.table({"id": ids}))
        query = "SELECT md5_number_upper(? || ':' || id) AS key FROM ids"
        keys = connection.sql(query, params=[salt]).to_arrow_table()["key"].to_numpy()
    return np.asarray(keys, dtype=np.uint64)


def derive_keys(keys: Keys, purpose: str) -> Keys:
    """Return keys that are independent of those for another purpose."""
    word = int.from_bytes(hashlib.md5(purpose.encode(), usedforsecurity=False).digest()[:8], "little")
    return mix(keys ^ np.uint64(word))


def mix(values: Keys) -> Keys:
    """Scramble numbers one by one: the finaliser of SplitMix64 (Steele et al. 2014), a bijection."""
    x = values + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
