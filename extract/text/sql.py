"""The functions of this package as DuckDB functions."""

from collections.abc import Callable

import duckdb
import pyarrow as pa
from duckdb.func import PythonUDFType

from extract.text import clean, language, length, marked, normalise, value_parts, word_count

__all__ = ["add_function", "add_text_functions"]


def add_text_functions(connection: duckdb.DuckDBPyConnection) -> None:
    """Register the functions of ``extract.text``; NULL gives NULL.

    ``normal``, ``clean``, ``marked``, ``language``: text; ``characters``, ``word_count``: INTEGER;
    ``value_parts``: a list of texts. Close the connection afterwards: it keeps the functions alive.
    """
    add_function(connection, "normal", normalise, "VARCHAR", pa.string())
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
