"""The products whose captions share a MinHash key with those of products that have changed."""

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from extract.duplicates.text_candidates import BANDS, Keys, keys_of
from m5data.components import Indices

__all__ = ["find_compared"]

_SLOTS = 1 << 23
"""Flags of each band that leave most other keys out before they are looked up."""

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
    """Create the table ``compared``: product_id, text_keys, and whether its near texts are searched anew.

    They are for the products of ``moved``, and where a key is shared by more than ``most`` products that was not, or
    no longer: such a key does not count. The other products of the table share a key with one of these.

    Args:
        connection: DuckDB with ``fingerprints`` of the last run and ``fingerprints_now``; the tables ``moved``
            (product_id of products that changed, or are compared and were not, or the other way round),
            ``dropped_before`` and ``dropped_now`` (those that are not compared).
        most: Products that may share a key.
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
    """Return which texts have one of the wanted keys, [texts]; few keys that are not wanted fall into their slots."""
    found = np.zeros(len(keys), dtype=np.bool_)
    for band in range(BANDS):
        column = keys[:, band]
        rows = np.flatnonzero(slots[band, column & np.uint32(_SLOTS - 1)])
        found[rows[_known(column[rows], wanted[band])[0]]] = True
    return found


def _known(values: NDArray[np.uint32], wanted: NDArray[np.uint32]) -> tuple[NDArray[np.bool_], Indices]:
    """Return which values are wanted, and the place of each among those, or any."""
    place = np.searchsorted(wanted, values)
    place[place == len(wanted)] = 0
    return (wanted[place] == values if len(wanted) else np.zeros(len(values), dtype=np.bool_)), place


def _crossing(past: Keys, now: Keys, others: Keys, most: int) -> NDArray[np.bool_]:
    """Return which of the others have a key that more than ``most`` products shared, or share, but not both."""
    found = np.zeros(len(others), dtype=np.bool_)
    for band in range(BANDS):
        wanted = np.unique(np.concatenate([past[:, band], now[:, band]]))
        counts = [_count(keys[:, band], wanted) for keys in (past, now, others)]
        crossed = (counts[0] + counts[2] > most) != (counts[1] + counts[2] > most)
        found |= _known(others[:, band], wanted[crossed])[0]
    return found


def _count(values: NDArray[np.uint32], wanted: NDArray[np.uint32]) -> Indices:
    """Return how many of the values each wanted one is."""
    known, place = _known(values, wanted)
    return np.bincount(place[known], minlength=len(wanted))
