"""A synthetic catalogue of M5Product's shape and of any size."""

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from splits import Catalogue, Draw, hold_out
from splits.catalogue import MATCHES
from splits.splits_stage import RESERVE

__all__ = ["M5_PRODUCTS", "make_catalogue"]

M5_PRODUCTS = 6_313_067
_CATEGORIES = 6_232
_MERCHANTS = 1_000_517
_MATCHED = 3_000  # query products of the annotation
_GROUP = 3  # products per duplicate group, of random merchants
_GROUPED = 0.22  # share of the products in such groups

Rows = npt.NDArray[np.int64]


def make_catalogue(products: int, seed: int = 0) -> Catalogue:
    """Return a catalogue with long-tailed categories, duplicate groups across merchants, and matches in the reserve.

    Args:
        products: Number of products; categories, merchants and matches are scaled from M5Product's.
        seed: Seed of the random generator.
    """
    random = np.random.default_rng(seed)
    scale = products / M5_PRODUCTS
    rows = np.arange(products, dtype=np.int64)
    blocks = rows // _GROUP
    grouped = (random.random(blocks[-1] + 1) < _GROUPED)[blocks]
    ids = _names("s:%08d", rows)
    groups = _names("s:%08d", np.where(grouped, blocks * _GROUP, rows))
    category = _long_tail(random, int(blocks[-1]) + 1, max(int(_CATEGORIES * scale), 40))[blocks]
    table = pa.table({"product_id": ids, "group_id": groups})
    reserve = hold_out(table, MATCHES.empty_table(), RESERVE.empty_table(), Draw(0.25, "bench", 1))
    held = reserve["held_out"].to_numpy()
    return Catalogue(
        pa.table(
            {
                "product_id": ids,
                "group_id": groups,
                "held_out": pa.array(held),
                "class_id": pa.array(category // 100, pa.int32()),
                "sub_class_id": pa.array(category, pa.int32()),
                "subsub_class_id": pa.array(np.full(products, -1), pa.int32()),
                "images": pa.ListArray.from_arrays(
                    pa.array(np.arange(products + 1) * 5, pa.int32()),
                    pa.array(np.tile(np.arange(5), products), pa.int32()),
                ),
                "merchant": _names("m%07d", random.integers(0, max(int(_MERCHANTS * scale), 10), products)),
            }
        ),
        _matches(random, ids, np.flatnonzero(held), max(int(_MATCHED * scale), 30)),
    )


def _names(pattern: str, numbers: Rows) -> pa.Array:
    with duckdb.connect() as connection:
        connection.register("numbers", pa.table({"number": numbers}))
        names = connection.sql("SELECT printf($1, number) AS name FROM numbers", params=[pattern]).to_arrow_table()
    return names["name"].combine_chunks()


def _long_tail(random: np.random.Generator, count: int, categories: int) -> Rows:
    """Return random categories whose sizes fall as 1 / (rank + 20)."""
    weights = np.cumsum(1 / (np.arange(categories) + 20))
    return np.asarray(np.searchsorted(weights, random.random(count) * weights[-1]), dtype=np.int64)


def _matches(random: np.random.Generator, ids: pa.Array, held: Rows, asked: int) -> pa.Table:
    """Return five candidates for each of ``asked`` products, two of them the same product."""
    chosen = random.permutation(held)[: asked * 6].reshape(-1, 6)
    query, other = np.repeat(chosen[:, 0], 5), chosen[:, 1:].ravel()
    decision = np.tile(np.array(["matched", "matched", "mismatched", "mismatched", "undecided"]), len(chosen))
    columns = [ids.take(pa.array(query)), ids.take(pa.array(other)), pa.array(decision, pa.string())]
    return pa.Table.from_arrays(columns, schema=MATCHES)
