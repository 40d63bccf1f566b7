"""The functions of this package as DuckDB functions."""

from collections.abc import Callable

import duckdb
import pyarrow as pa
from duckdb.func import PythonUDFType

from extract.text import clean, language, length, marked, normalise_all, value_parts, word_count

__all__ = ["add_function", "add_normal", "add_text_functions"]

# Most texts are Chinese, plain letters and digits with single spaces and signs between them: only their case matters.
_PLAIN = r"[0-9A-Za-z\x{4e00}-\x{9fff}]+([ ./+*%:_-][0-9A-Za-z\x{4e00}-\x{9fff}]+)*"
_NORMAL = f"""
CREATE TEMP MACRO normal(text) AS
    CASE WHEN regexp_full_match(text, '{_PLAIN}') THEN lower(text) ELSE normalise(text) END
"""


def add_normal(connection: duckdb.DuckDBPyConnection) -> None:
    """Register ``normal(text)``: ``normalise``, which Python is asked for only where a text is not plain."""

    def over_column(texts: pa.ChunkedArray) -> pa.Array:
        missing = texts.is_null().to_numpy()
        return pa.array(normalise_all(texts.fill_null("").to_pylist()), pa.string(), mask=missing)

    connection.create_function("normalise", over_column, ["VARCHAR"], "VARCHAR", type=PythonUDFType.ARROW)
    connection.execute(_NORMAL)


def add_text_functions(connection: duckdb.DuckDBPyConnection) -> None:
    """Register the functions of ``extract.text``; NULL gives NULL.

    ``normal``, ``clean``, ``marked``, ``language``: text; ``characters``, ``word_count``: INTEGER;
    ``value_parts``: a list of texts. Close the connection afterwards: it keeps the functions alive.
    """
    add_normal(connection)
    add_function(connection, "clean", clean, "VARCHAR", pa.string())
    add_function(connection, "marked", marked, "VARCHAR", pa.string())
    add_function(connection, "language", language, "VARCHAR", pa.string())
    add_function(connection, "characters", length, "INTEGER", pa.int32())
    add_function(connection, "word_count", word_count, "INTEGER", pa.int32())
    add_function(connection, "value_parts", value_parts, "VARCHAR[]", pa.list_(pa.string()))


def add_function(
    connection: duckdb.DuckDBPyConnection, name: str, function: Callable[[str], object], sql: str, arrow: pa.DataType
) -> None:
    """Register a function of one text, which never gets NULL.

    Args:
        connection: DuckDB.
        name: Its name in SQL.
        function: Pure.
        sql: Type of its result.
        arrow: The same type in Arrow.
    """

    def over_column(texts: pa.ChunkedArray) -> pa.Array:
        return pa.array([None if text is None else function(text) for text in texts.to_pylist()], arrow)

    connection.create_function(name, over_column, ["VARCHAR"], sql, type=PythonUDFType.ARROW)
