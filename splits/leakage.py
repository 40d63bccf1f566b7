"""Residual leakage: how near evaluation comes to train where no rule forbids it. Measured, never judged."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from splits.drawing import Keys
from splits.nearest import CaptionSearch, nearest_hashes

__all__ = ["Leakage", "Near", "measure_leakage"]

_NONE: Keys = np.zeros(0, dtype=np.uint64)
_SAMPLE = 1000
"""Evaluation products looked up, the first by md5, as far as they have image or caption: each with all of train."""


@dataclass(frozen=True, slots=True)
class Near:
    """An evaluation product and its nearest training neighbour."""

    evaluation: str
    train: str
    value: float


@dataclass(frozen=True, slots=True)
class Leakage:
    """Nearness of evaluation to train by one measure."""

    measure: str
    unit: str
    """Meaning of the values."""
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
        connection: With the tables of ``splits.audit_views``; the largest are gone afterwards, so that captions fit.
    """
    for query in (_PLACE, "DROP TABLE entry", "DROP TABLE fact", _CHOSEN, _SHOWN, _CAPTIONS):
        connection.execute(query)
    return _by_image(connection), _by_caption(connection)


_PLACE = """
    CREATE OR REPLACE TEMP TABLE place AS
    SELECT any_value(product_id) AS product_id, side = 'train' AS trained, min(image_position) AS position
    FROM entry WHERE side <> 'none' AND number IS NOT NULL GROUP BY number, side
"""

_CHOSEN = f"""
    CREATE OR REPLACE TEMP TABLE chosen AS
    SELECT product_id FROM place WHERE NOT trained ORDER BY md5(product_id) LIMIT {_SAMPLE}
"""  # noqa: S608

_SHOWN = """
    CREATE OR REPLACE TEMP TABLE shown AS
    SELECT product_id, trained, phash AS value FROM images JOIN place USING (product_id, position)
"""

_ODD_SPACE = (
    "(starts_with(caption, ' ') OR ends_with(caption, ' ') OR contains(caption, '  ') OR "
    + " OR ".join(f"contains(caption, chr({code}))" for code in range(9, 14))
    + ")"
)
"""SQL of whether a caption has other white space than single spaces inside; a fourth of the work of an expression."""

_CAPTIONS = f"""
    CREATE OR REPLACE TEMP VIEW captions AS
    SELECT product_id, trained, lower(CASE WHEN {_ODD_SPACE}
           THEN trim(regexp_replace(caption, '\\s+', ' ', 'g')) ELSE caption END) AS value
    FROM products JOIN place USING (product_id) WHERE regexp_matches(caption, '[^\\s\\p{{Z}}]')
"""  # noqa: S608


def _by_image(connection: duckdb.DuckDBPyConnection) -> Leakage:
    sample = _sample(connection, "shown")
    train = connection.sql("SELECT product_id, value FROM shown WHERE trained").to_arrow_table()
    judged = connection.sql("SELECT value FROM shown WHERE NOT trained").to_arrow_table()
    pairs = []
    if len(train) and len(sample):
        place, distance = nearest_hashes(_bits(sample), _bits(train))
        found = train["product_id"].take(pa.array(place)).to_pylist()
        pairs = [Near(*pair) for pair in zip(sample["product_id"].to_pylist(), found, distance.tolist(), strict=True)]
    pairs.sort(key=lambda pair: (pair.value, pair.evaluation))
    equal = int(np.isin(_bits(judged), _bits(train)).sum())
    return _summary("image", "bits of 64 that differ between perceptual hashes", (equal, len(judged)), pairs)


def _by_caption(connection: duckdb.DuckDBPyConnection) -> Leakage:
    """Measure in one pass over all captions; equal captions are found by their 64-bit hashes."""
    sample = _sample(connection, "captions")
    search = CaptionSearch(sample["value"].to_pylist())
    hashes: dict[bool, list[Keys]] = {True: [_NONE], False: [_NONE]}
    query = "SELECT product_id, value, hash(value) AS hash, trained FROM captions"

    def trained_batches() -> Iterator[tuple[pa.Array, pa.Array]]:
        for batch in connection.sql(query).to_arrow_reader(50_000):
            trained = batch["trained"].to_numpy(zero_copy_only=False)
            for side, found in hashes.items():
                found.append(batch["hash"].to_numpy()[trained == side])
            yield batch["product_id"].filter(batch["trained"]), batch["value"].filter(batch["trained"])

    search.look_in(trained_batches())
    pairs = [
        Near(product, nearest or "", round(1 - similarity, 3))
        for product, (nearest, similarity) in zip(sample["product_id"].to_pylist(), search.nearest(), strict=True)
    ]
    pairs.sort(key=lambda pair: (pair.value, pair.evaluation))
    judged = np.concatenate(hashes[False])
    equal = int(np.isin(judged, np.concatenate(hashes[True])).sum())
    return _summary("caption", "1 - Jaccard similarity of two-character pieces", (equal, len(judged)), pairs)


def _sample(connection: duckdb.DuckDBPyConnection, table: str) -> pa.Table:
    query = f"SELECT product_id, value FROM {table} SEMI JOIN chosen USING (product_id) WHERE NOT trained ORDER BY 1"  # noqa: S608
    return connection.sql(query).to_arrow_table()


def _bits(table: pa.Table) -> Keys:
    return np.asarray(table["value"].to_numpy().view(np.uint64))


def _summary(measure: str, unit: str, counts: tuple[int, int], pairs: Sequence[Near]) -> Leakage:
    shares = (0.0, 0.01, 0.05, 0.25, 0.5) if pairs else ()
    quantiles = tuple((share, pairs[int(share * (len(pairs) - 1))].value) for share in shares)
    equal, products = counts
    return Leakage(measure, unit, equal, products, len(pairs), quantiles, tuple(pairs[:5]))
