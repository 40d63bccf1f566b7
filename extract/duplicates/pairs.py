"""Pairs of duplicates: those kept from the last run, and new ones, found by hashes that are stored between runs."""

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core.components import Indices
from extract.duplicates.exact import IMAGE_SETS, exact_joins, group_exact
from extract.duplicates.gtin_pairs import gtin_pairs
from extract.duplicates.near_groups import prepare_near
from extract.duplicates.near_pairs import near_image_pairs, near_text_pairs, near_video_pairs
from extract.duplicates.text_candidates import BANDS, Keys, keys_of
from extract.settings import DedupSettings

__all__ = [
    "FINGERPRINTS",
    "find_pairs",
    "find_suspects",
    "text_keys_sql",
]


def text_keys_sql(caption: str) -> str:
    """Return SQL for the MinHash keys of a caption, as ``text_keys`` returns them; NULL if the caption is empty."""
    return f"CASE WHEN normal({caption}) <> '' THEN text_keys(normal({caption})) END"


FINGERPRINTS = f"""
WITH image_sets AS ({IMAGE_SETS}), captions AS (
    SELECT product_id, nullif(normal(caption), '') AS words FROM products
)
SELECT product_id, list_filter(
        [short_key('c', words), short_key('f', image_set), short_key('p', pixel_set)], lambda key: key IS NOT NULL
    ) AS exact_keys, CASE WHEN words IS NOT NULL THEN text_keys(words) END AS text_keys
FROM captions LEFT JOIN image_sets USING (product_id)
"""  # noqa: S608 - constants
"""Query of the rows of ``fingerprints`` from ``products``, ``media`` and ``images``, prepared (``prepare``)."""

_SUSPECTS = """
CREATE TEMP VIEW exact_keys AS SELECT product_id, unnest(exact_keys) AS key FROM fingerprints_now;

CREATE TEMP TABLE touched AS
    SELECT product_id FROM changed
    UNION
    SELECT product_id FROM exact_keys WHERE key IN (
        SELECT key FROM exact_keys SEMI JOIN changed USING (product_id)
        UNION SELECT unnest(exact_keys) FROM fingerprints SEMI JOIN changed USING (product_id)
    );

CREATE TEMP TABLE suspects_now AS
    SELECT DISTINCT product_id FROM exact_keys WHERE key IN (
        SELECT key FROM exact_keys WHERE key IN (SELECT key FROM exact_keys SEMI JOIN touched USING (product_id))
        GROUP BY key HAVING count(*) > 1
    )
"""


def find_suspects(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables ``touched`` and ``suspects_now``: product_id.

    ``touched``: products that changed, or share or shared an exact key with one that did; only their exact pairs can
    differ from the last run's. ``suspects_now``: products that share an exact key with one of these.

    Args:
        connection: DuckDB with ``changed``, ``fingerprints`` of the last run and ``fingerprints_now``.
    """
    connection.execute(_SUSPECTS)


_SHADOWS = ("products", "specs", "media", "images")
_SHADOW = """
CREATE TEMP VIEW {table} AS SELECT * FROM memory.main.{table} SEMI JOIN suspects_now USING (product_id)
"""

# Each product is joined with the first product that has its key. The strongest rule is kept: names sort by strength.
_EXACT_FOUND = """
CREATE TEMP TABLE found_pairs AS
    SELECT first_id AS product_id, product_id AS other_id, min(rule) AS rule, 0.0::DOUBLE AS distance
    FROM (SELECT product_id, rule, min(product_id) OVER (PARTITION BY rule, key) AS first_id FROM exact_joins)
    WHERE product_id <> first_id AND (product_id IN (FROM touched) OR first_id IN (FROM touched)) GROUP BY ALL
"""
_EXACT_KEPT = """
CREATE TEMP TABLE kept_pairs AS
    SELECT product_id, other_id, rule, distance FROM duplicate_pairs
    WHERE starts_with(rule, 'exact') AND product_id NOT IN (FROM touched) AND other_id NOT IN (FROM touched)
"""
_ALL_JOINS = """
SELECT unnest([product_id, other_id]) AS product_id, rule, product_id || ' ' || other_id AS key
FROM (FROM kept_pairs UNION ALL FROM found_pairs)
"""

_MOVED = """
CREATE TEMP TABLE dropped_before AS SELECT product_id FROM duplicates WHERE NOT kept;
CREATE TEMP TABLE dropped_now AS SELECT product_id FROM exact WHERE NOT kept;
CREATE TEMP TABLE moved AS
    FROM changed UNION (FROM dropped_before EXCEPT FROM dropped_now) UNION (FROM dropped_now EXCEPT FROM dropped_before)
"""

_WITH_MEDIA = """
INSERT INTO compared
    SELECT DISTINCT product_id, NULL, FALSE
    FROM {table} SEMI JOIN fingerprints_now USING (product_id) ANTI JOIN compared USING (product_id)
"""
_COMPARED_PRODUCTS = """
CREATE TEMP TABLE products AS
    SELECT product_id, source, caption FROM memory.main.products SEMI JOIN compared USING (product_id)
"""

_NEAR = """
INSERT INTO found_pairs FROM near_pairs;
INSERT INTO kept_pairs
    SELECT product_id, other_id, rule, distance FROM duplicate_pairs
    WHERE rule IN (SELECT unnest({whole_rules}::VARCHAR[])) OR rule = 'near_text'
        AND product_id NOT IN (FROM renewed) AND other_id NOT IN (FROM renewed)
"""
_RENEWED = "CREATE TEMP TABLE renewed AS FROM moved UNION SELECT product_id FROM compared WHERE anew"


def find_pairs(connection: duckdb.DuckDBPyConnection, settings: DedupSettings, renewed: set[str] | None) -> None:
    """Create the tables ``kept_pairs`` and ``found_pairs``, which together hold all current pairs, and ``exact``.

    Exact pairs are searched again for products that share an exact key with one that changed; near texts for products
    that changed, became or ceased to be an exact duplicate, or have a key that began or ceased to count. Near images
    are all compared again if the table ``images`` changed or has a row of a product that changed or became or ceased
    to be an exact duplicate; likewise near videos and ``frames``. Products with the same GTIN are always joined again.

    Args:
        connection: DuckDB with the tables of the workspace, prepared (``prepare``), ``changed`` and
            ``fingerprints_now``.
        settings: Thresholds.
        renewed: Which of the tables ``images`` and ``frames`` changed; None to search all pairs again, with all
            products in ``changed``.
    """
    if renewed is None:
        for table in ("fingerprints", "duplicate_pairs"):
            connection.execute(f"CREATE TEMP VIEW {table} AS SELECT * FROM memory.main.{table} WHERE false")  # noqa: S608
    find_suspects(connection)
    _find_exact(connection)
    connection.execute(_MOVED)
    searches = {"images": near_image_pairs, "frames": near_video_pairs}
    if renewed is None:
        connection.execute(
            "CREATE TEMP VIEW compared AS SELECT product_id, text_keys, TRUE AS anew FROM fingerprints_now"
        )
        again = set(searches)
    else:
        find_compared(connection, settings.max_sharers)
        again = {
            table
            for table in searches
            if table in renewed or _any(connection, f"{table} SEMI JOIN moved USING (product_id)")
        }
        for table in sorted(again):
            connection.execute(_WITH_MEDIA.format(table=table))
        connection.execute(_COMPARED_PRODUCTS)
    prepare_near(connection)
    near_text_pairs(connection, settings)
    for table in sorted(again):
        searches[table](connection, settings)
    connection.execute(_RENEWED)
    stay = [rule for rule, table in (("near_image", "images"), ("near_video", "frames")) if table not in again]
    connection.execute(_NEAR.format(whole_rules=stay))
    gtin_pairs(connection)


def _find_exact(connection: duckdb.DuckDBPyConnection) -> None:
    """Create ``kept_pairs`` and ``found_pairs`` with exact pairs, and ``exact``, their groups."""
    for table in _SHADOWS:
        connection.execute(_SHADOW.format(table=table))
    connection.register("exact_joins", exact_joins(connection))
    for table in _SHADOWS:
        connection.execute(f"DROP VIEW temp.{table}")
    connection.execute(_EXACT_FOUND)
    connection.execute(_EXACT_KEPT)
    connection.register("exact", group_exact(connection.sql(_ALL_JOINS).to_arrow_table()))


def _any(connection: duckdb.DuckDBPyConnection, rows: str) -> bool:
    return bool(connection.sql(f"SELECT 1 FROM {rows} LIMIT 1").fetchall())  # noqa: S608 - constants


_SLOTS = 1 << 23
"""Flags per band, which rule out most other keys before they are looked up."""

_PAST = """
SELECT text_keys FROM fingerprints SEMI JOIN moved USING (product_id) ANTI JOIN dropped_before USING (product_id)
WHERE text_keys IS NOT NULL
"""
_NOW = """
CREATE OR REPLACE TEMP TABLE compared AS
    SELECT product_id, text_keys, TRUE AS anew
    FROM fingerprints_now SEMI JOIN moved USING (product_id) ANTI JOIN dropped_now USING (product_id)
"""
_ALL = "SELECT product_id, text_keys FROM fingerprints_now WHERE text_keys IS NOT NULL"
_OTHERS = """
SELECT product_id, text_keys FROM scanned ANTI JOIN moved USING (product_id) ANTI JOIN dropped_now USING (product_id)
"""
_ADD = "INSERT INTO compared SELECT product_id, text_keys, anew FROM sharers"


def find_compared(connection: duckdb.DuckDBPyConnection, most: int) -> None:
    """Create the table ``compared``: product_id, text_keys, and anew, whether near texts are searched again.

    They are for the products of ``moved``, and for those with a key that began or ceased to count: a key shared by
    more than ``most`` products does not. The other products of the table share a key with one of these.

    Args:
        connection: DuckDB with ``fingerprints`` of the last run and ``fingerprints_now``; the tables ``moved``
            (product_id of products that changed, or are compared and were not, or the reverse),
            ``dropped_before`` and ``dropped_now`` (products that were, or are, not compared).
        most: Largest number of products that may share a key.
    """
    connection.execute(_NOW)
    past, now = (_keys(connection, query) for query in (_PAST, "FROM compared WHERE text_keys IS NOT NULL"))
    sharers = _sharers(connection, np.concatenate([past, now]))
    anew = _crossing(past, now, keys_of(sharers["text_keys"].combine_chunks()), most)
    if anew.any():
        ids = sharers.filter(pa.array(anew))["product_id"]
        more = keys_of(sharers.filter(pa.array(anew))["text_keys"].combine_chunks())
        sharers = _sharers(connection, np.concatenate([now, more]))
        anew = np.asarray(pa.compute.is_in(sharers["product_id"], ids))
    connection.register("sharers", sharers.append_column("anew", pa.array(anew)))
    connection.execute(_ADD)


def _keys(connection: duckdb.DuckDBPyConnection, query: str) -> Keys:
    return keys_of(connection.sql(query).to_arrow_table()["text_keys"].combine_chunks())


def _sharers(connection: duckdb.DuckDBPyConnection, keys: Keys) -> pa.Table:
    """Return the compared products outside ``moved`` that share one of the keys: product_id, text_keys."""
    wanted = [np.unique(keys[:, band]) for band in range(BANDS)]
    slots = np.zeros((BANDS, _SLOTS), dtype=np.bool_)
    for band in range(BANDS):
        slots[band, wanted[band] & np.uint32(_SLOTS - 1)] = True
    reader = connection.sql(_ALL).to_arrow_reader()
    parts = [batch.filter(pa.array(_shares(keys_of(batch["text_keys"]), wanted, slots))) for batch in reader]
    connection.register("scanned", pa.Table.from_batches(parts, reader.schema))
    return connection.sql(_OTHERS).to_arrow_table()


def _shares(keys: Keys, wanted: list[NDArray[np.uint32]], slots: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which texts have one of the wanted keys, [texts]; few unwanted keys share a slot with a wanted one."""
    found = np.zeros(len(keys), dtype=np.bool_)
    for band in range(BANDS):
        column = keys[:, band]
        rows = np.flatnonzero(slots[band, column & np.uint32(_SLOTS - 1)])
        found[rows[_known(column[rows], wanted[band])[0]]] = True
    return found


def _known(values: NDArray[np.uint32], wanted: NDArray[np.uint32]) -> tuple[NDArray[np.bool_], Indices]:
    """Return which values are wanted, and the index of each in ``wanted`` (arbitrary if it is not)."""
    place = np.searchsorted(wanted, values)
    place[place == len(wanted)] = 0
    return (wanted[place] == values if len(wanted) else np.zeros(len(values), dtype=np.bool_)), place


def _crossing(past: Keys, now: Keys, others: Keys, most: int) -> NDArray[np.bool_]:
    """Return which others have a key that more than ``most`` products share now or shared before, but not both."""
    found = np.zeros(len(others), dtype=np.bool_)
    for band in range(BANDS):
        wanted = np.unique(np.concatenate([past[:, band], now[:, band]]))
        counts = [_count(keys[:, band], wanted) for keys in (past, now, others)]
        crossed = (counts[0] + counts[2] > most) != (counts[1] + counts[2] > most)
        found |= _known(others[:, band], wanted[crossed])[0]
    return found


def _count(values: NDArray[np.uint32], wanted: NDArray[np.uint32]) -> Indices:
    """Return how often each wanted value occurs."""
    known, place = _known(values, wanted)
    return np.bincount(place[known], minlength=len(wanted))
