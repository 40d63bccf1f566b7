"""Pairs of products with near captions and agreeing specification tables."""

from collections.abc import Iterator

import duckdb
import numpy as np
import pyarrow as pa

from extract.duplicates.text_candidates import BANDS, Pairs, crowded_bands, keys_of, pairs_of_keys
from extract.settings import DedupSettings

__all__ = ["compare_captions", "near_text_pairs"]

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

# Another shop may name properties in its own way, so that there the values decide.
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

    Candidates share a MinHash key of their captions; a key of more than ``most_sharers`` products does not count.
    Their similarity must reach ``text_caption``, and their numbers must not differ (``numbers_differ``). The share
    of common lines of the two tables must reach ``text_table``; of two shops, that of common values. If a product
    has no table, the words of the captions decide (``same_by_words``). The distance is 1 - similarity. One product of
    each pair is one that is compared anew.

    Args:
        connection: DuckDB with the tables ``products`` and ``specs``, prepared (``prepare``, ``prepare_near``).
        settings: Thresholds.
    """
    connection.execute("CREATE OR REPLACE TEMP TABLE met (one BIGINT, other BIGINT)")
    for left, right in _candidates(connection, settings.most_sharers):
        connection.register("found", pa.table([left, right], schema=_PAIR))
        connection.execute("INSERT INTO met FROM found")
    compare_captions(connection, settings.text_caption)
    connection.execute(_AGREEING, [settings.text_table])


def compare_captions(connection: duckdb.DuckDBPyConnection, least: float) -> None:
    """Create ``alike_pairs``: the rows of ``met`` with captions of at least this similarity, and their captions.

    Args:
        connection: DuckDB with ``products``, ``distinct_products`` and ``met``: one, other (places) and any others.
        least: Similarity.
    """
    connection.execute(_WORDS)
    connection.execute(_ALIKE, [least])


def _candidates(connection: duckdb.DuckDBPyConnection, most: int) -> Iterator[Pairs]:
    """Yield the places of products whose captions share a key, one of them searched anew."""
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
