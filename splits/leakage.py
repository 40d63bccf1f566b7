"""Residual leakage: how near evaluation comes to train where no rule forbids it. Measured, never judged."""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from splits.nearest_captions import CaptionSearch
from splits.nearest_hashes import nearest_hashes

__all__ = ["Leakage", "Near", "measure_leakage"]

_SAMPLE = 1000
"""Evaluation products looked up, the first by md5: each is compared with all of train."""


@dataclass(frozen=True, slots=True)
class Near:
    """An evaluation product and its nearest training neighbour."""

    evaluation: str
    train: str
    value: float


@dataclass(frozen=True, slots=True)
class Leakage:
    """How near evaluation comes to train by one measure."""

    measure: str
    unit: str
    """What the values mean."""
    equal: int
    """Evaluation products, of all, with an equal neighbour in train."""
    products: int
    """Evaluation products that could be compared."""
    sampled: int
    """Of these looked up for their nearest neighbour."""
    quantiles: tuple[tuple[float, float], ...]
    """Share of the sample -> it has a nearest neighbour no farther than this; empty: nothing to compare."""
    nearest: tuple[Near, ...]
    """The five nearest pairs."""


def measure_leakage(connection: duckdb.DuckDBPyConnection) -> tuple[Leakage, Leakage]:
    """Measure by perceptual image hash and by caption.

    Args:
        connection: With the tables of ``splits.evidence``.
    """
    connection.execute(_SHOWN)
    connection.execute(_TOLD)
    return _by_image(connection), _by_caption(connection)


_SHOWN = """
    CREATE OR REPLACE TEMP VIEW shown AS
    SELECT DISTINCT e.product_id, e.side, i.phash AS value
    FROM entry e JOIN images i ON i.product_id = e.product_id AND i.position = e.image_position
    WHERE e.side <> 'none'
"""

_TOLD = """
    CREATE OR REPLACE TEMP VIEW told AS
    SELECT DISTINCT e.product_id, e.side, lower(regexp_replace(trim(p.caption), '\\s+', ' ', 'g')) AS value
    FROM entry e JOIN products p USING (product_id)
    WHERE e.side <> 'none' AND trim(p.caption) <> ''
"""


def _by_image(connection: duckdb.DuckDBPyConnection) -> Leakage:
    products, equal = _count(connection, "shown")
    sample = _sample(connection, "shown")
    train = connection.sql("SELECT product_id, value FROM shown WHERE side = 'train' ORDER BY ALL").to_arrow_table()
    pairs = []
    if len(train) and len(sample):
        place, distance = nearest_hashes(_bits(sample), _bits(train))
        found = train["product_id"].take(pa.array(place)).to_pylist()
        pairs = [Near(*pair) for pair in zip(sample["product_id"].to_pylist(), found, distance.tolist(), strict=True)]
    pairs.sort(key=lambda pair: (pair.value, pair.evaluation))
    return _summary("image", "bits of 64 that differ between perceptual hashes", (equal, products), pairs)


def _by_caption(connection: duckdb.DuckDBPyConnection) -> Leakage:
    products, equal = _count(connection, "told")
    sample = _sample(connection, "told")
    search = CaptionSearch(sample["value"].to_pylist())
    reader = connection.sql("SELECT product_id, value FROM told WHERE side = 'train'").to_arrow_reader(50_000)
    for batch in reader:
        search.look_in(batch["product_id"], batch["value"])
    pairs = [
        Near(product, likest or "", round(1 - float(similarity), 3))
        for product, likest, similarity in zip(
            sample["product_id"].to_pylist(), search.likest, search.similarity, strict=True
        )
    ]
    pairs.sort(key=lambda pair: (pair.value, pair.evaluation))
    return _summary("caption", "1 - Jaccard similarity of two-character pieces", (equal, products), pairs)


def _count(connection: duckdb.DuckDBPyConnection, view: str) -> tuple[int, int]:
    """Return how many evaluation products there are, and how many have an equal in train."""
    query = f"""
        SELECT count(*), count(*) FILTER (md5_number(value::VARCHAR) IN
            (SELECT md5_number(value::VARCHAR) FROM {view} WHERE side = 'train'))
        FROM {view} WHERE side = 'evaluation'
    """  # noqa: S608
    products, equal = connection.sql(query).fetchall()[0]
    return int(products), int(equal)


def _sample(connection: duckdb.DuckDBPyConnection, view: str) -> pa.Table:
    query = f"SELECT product_id, value FROM {view} WHERE side = 'evaluation' ORDER BY md5(product_id) LIMIT {_SAMPLE}"  # noqa: S608
    return connection.sql(query).to_arrow_table()


def _bits(table: pa.Table) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    return np.asarray(table["value"].to_numpy().view(np.uint64))


def _summary(measure: str, unit: str, counts: tuple[int, int], pairs: Sequence[Near]) -> Leakage:
    shares = (0.0, 0.01, 0.05, 0.25, 0.5) if pairs else ()
    quantiles = tuple((share, pairs[int(share * (len(pairs) - 1))].value) for share in shares)
    equal, products = counts
    return Leakage(measure, unit, equal, products, len(pairs), quantiles, tuple(pairs[:5]))
