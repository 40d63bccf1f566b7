"""Functions over texts, for DuckDB."""

from collections.abc import Callable

import duckdb
import pyarrow as pa
from duckdb.func import PythonUDFType

from extract.text import clean, language, length, marked, normalise, value_parts, word_count

__all__ = ["add_text_functions"]

Texts = Callable[[pa.ChunkedArray], pa.Array]


def add_text_functions(connection: duckdb.DuckDBPyConnection) -> None:
    """Give a connection the functions of ``extract.text``; NULL gives NULL.

    ``normal``, ``clean``, ``marked``, ``language``: text; ``characters``, ``word_count``: INTEGER;
    ``value_parts``: a list of texts. Close the connection when done: it holds on to the functions.
    """
    _add(connection, "normal", normalise, "VARCHAR", pa.string())
    _add(connection, "clean", clean, "VARCHAR", pa.string())
    _add(connection, "marked", marked, "VARCHAR", pa.string())
    _add(connection, "language", language, "VARCHAR", pa.string())
    _add(connection, "characters", length, "INTEGER", pa.int32())
    _add(connection, "word_count", word_count, "INTEGER", pa.int32())
    _add(connection, "value_parts", value_parts, "VARCHAR[]", pa.list_(pa.string()))


def _add(
    connection: duckdb.DuckDBPyConnection, name: str, function: Callable[[str], object], sql: str, arrow: pa.DataType
) -> None:
    def over_column(texts: pa.ChunkedArray) -> pa.Array:
        return pa.array([None if text is None else function(text) for text in texts.to_pylist()], arrow)

    connection.create_function(name, over_column, ["VARCHAR"], sql, type=PythonUDFType.ARROW)
