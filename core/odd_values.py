"""Values of a query's result as Python objects, with texts for those that Python has no type for."""

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["is_odd", "python_values"]


def python_values(column: pa.Array | pa.ChunkedArray) -> list[object]:
    """Return the values of a column; times and dates outside Python's years become DuckDB's text for them.

    Python's dates end with the year 9999, and it has no infinite ones. If a column has such a value, all of its values
    are texts. Intervals always are: Python has none with months.
    """
    if pa.types.is_interval(column.type):
        return _texts(column)
    try:
        return list(column.to_pylist())
    except (OverflowError, ValueError, pa.ArrowException):
        return _texts(column)


def is_odd(column: pa.ChunkedArray) -> bool:
    """Return whether a column of times or dates has one outside Python's years."""
    if not (pa.types.is_timestamp(column.type) or pa.types.is_date(column.type)):
        return False
    ends = pc.min_max(column)
    try:
        ends.as_py()
    except (OverflowError, ValueError, pa.ArrowException):
        return True
    return False


def _texts(column: pa.Array | pa.ChunkedArray) -> list[object]:
    with duckdb.connect(":memory:", config={"threads": 1}) as engine:
        engine.execute("SET TimeZone = 'UTC'")
        engine.register("given", pa.table({"value": column}))
        return [row[0] for row in engine.execute("SELECT value::VARCHAR FROM given").fetchall()]
