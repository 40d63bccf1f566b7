"""The functions of this package as DuckDB functions."""

from collections.abc import Callable, Sequence

import duckdb
import numpy as np
import pyarrow as pa
from duckdb.func import PythonUDFType

from extract.duplicates.similarity import alike_all, numbers_differ, same_by_words
from extract.duplicates.text_candidates import text_keys
from extract.text.sql import add_normal

__all__ = ["prepare"]

# A set's key is the sum of its members' hashes: summing takes only a few bytes of memory, unlike sorting them.
_MACROS = """
CREATE OR REPLACE TEMP MACRO set_key(member) AS
    md5(sum(DISTINCT md5_number_lower(member)) || ' ' || sum(DISTINCT md5_number_upper(member)));
CREATE OR REPLACE TEMP MACRO short_key(kind, content) AS (md5_number_lower(kind || content) >> 1)::BIGINT
"""


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Register ``normal(text)`` and functions of two normalised texts; they return NULL if any argument is NULL.

    ``alike``: DOUBLE; ``numbers_differ`` and ``same_by_words``: BOOLEAN. Also ``text_keys`` of one normalised text
    (``band_keys``, two per BIGINT), ``set_key(member)``, an aggregate, and ``short_key(kind, content)``, a BIGINT.
    Close the connection afterwards: it keeps the functions alive.
    """
    add_normal(connection)
    connection.execute(_MACROS)
    connection.create_function("text_keys", text_keys, ["VARCHAR"], "BIGINT[]", type=PythonUDFType.ARROW)
    _add(connection, "alike", "DOUBLE", alike_all)
    for function in (numbers_differ, same_by_words):
        _add(connection, function.__name__, "BOOLEAN", _of_each(function))


def _of_each(function: Callable[[str, str], bool]) -> Callable[[Sequence[str], Sequence[str]], list[bool]]:
    return lambda left, right: [function(one, other) for one, other in zip(left, right, strict=True)]


def _add(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    sql: str,
    function: Callable[[Sequence[str], Sequence[str]], object],
) -> None:
    def over_columns(one: pa.ChunkedArray, other: pa.ChunkedArray) -> pa.Array:
        missing = one.is_null().to_numpy() | other.is_null().to_numpy()
        found = function(one.fill_null("").to_pylist(), other.fill_null("").to_pylist())
        return pa.array(np.asarray(found), mask=missing)

    connection.create_function(name, over_columns, ["VARCHAR", "VARCHAR"], sql, type=PythonUDFType.ARROW)
