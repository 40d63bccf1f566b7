"""Turn what a stage hands over into rows that its table can hold, or say why not."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from m5data.errors import DataError
from storage.engine import quote, sql_columns
from storage.schemas import TableSpec

__all__ = ["PARTITION", "check_keys", "check_lists", "fitting", "load", "schema_errors", "typed"]

PARTITION = "_partition"
"""Column of a row's partition while it waits to be written."""

_HANDED = "handed_over"
_FRACTIONS = ("FLOAT", "DOUBLE", "DECIMAL")


def load(
    engine: duckdb.DuckDBPyConnection,
    spec: TableSpec,
    data: pa.Table | duckdb.DuckDBPyRelation,
    into: str,
    partition_sql: str,
) -> None:
    """Create the temporary table ``into``: the rows of ``data``, sorted by partition, then by key.

    One sort, and each partition is then one stretch of the table. A relation is streamed; what does
    not fit in memory spills to disk.

    Args:
        engine: Where the table is made.
        spec: What the rows must be.
        data: The rows.
        into: Name of the table; it has the columns of ``spec`` and ``PARTITION``.
        partition_sql: Expression of a row's partition.

    Raises:
        DataError: Columns are missing or unknown, a value does not fit its type, or a NULL stands where none may.
    """
    columns = ", ".join(quote(c.name) for c in spec.columns)
    order = ", ".join(quote(name) for name in (PARTITION, *spec.key))
    kind = "UINTEGER" if spec.bucket_of else "VARCHAR"
    engine.execute(f"CREATE OR REPLACE TEMP TABLE {into} ({sql_columns(spec)}, {PARTITION} {kind})")
    with schema_errors(spec):
        arriving = typed(spec, data) if isinstance(data, pa.Table) else fitting(spec, data).to_arrow_reader()
        engine.register(_HANDED, arriving)
        engine.execute(
            f"INSERT INTO {into} SELECT {columns}, {partition_sql} AS {PARTITION} "  # noqa: S608
            f"FROM {_HANDED} ORDER BY {order}"
        )
    engine.unregister(_HANDED)
    check_lists(engine, spec, into)


@contextmanager
def schema_errors(spec: TableSpec) -> Iterator[None]:
    """Turn what SQL inside the block says of values that do not fit the table into DataError."""
    try:
        yield
    except (duckdb.DataError, duckdb.IntegrityError, duckdb.ProgrammingError) as error:
        raise DataError(f"table {spec.name}: {str(error).splitlines()[0]}") from error


def check_lists(engine: duckdb.DuckDBPyConnection, spec: TableSpec, table: str) -> None:
    """Refuse a NULL inside a list whose elements may not be NULL; DuckDB cannot declare that."""
    for column in spec.columns:
        if pa.types.is_list(column.type) and not column.type.value_field.nullable:
            name = quote(column.name)
            query = f"SELECT 1 FROM {table} WHERE len({name}) <> list_count({name}) LIMIT 1"  # noqa: S608
            if engine.execute(query).fetchall():
                raise DataError(f"table {spec.name}: column {column.name} holds a list with a NULL inside")


def check_keys(engine: duckdb.DuckDBPyConnection, spec: TableSpec, rows: str) -> None:
    """Refuse two rows of one key in the SQL ``rows``; where the key is the whole row, repetition is no clash.

    Raises:
        DataError: Two rows have the same key.
    """
    if len(spec.key) == len(spec.columns):
        return
    keys = ", ".join(quote(name) for name in spec.key)
    query = f"SELECT {keys} FROM ({rows}) GROUP BY ALL HAVING count(*) > 1 LIMIT 1"  # noqa: S608
    for row in engine.execute(query).fetchall():
        raise DataError(f"table {spec.name}: wanted one row for each {', '.join(spec.key)}; got two for {row}")


def typed(spec: TableSpec, data: pa.Table) -> pa.Table:
    """Return an Arrow table with the types of its table.

    Raises:
        DataError: A value does not fit.
    """
    _check_columns(spec, data.column_names)
    try:
        return data.select([c.name for c in spec.columns]).cast(spec.schema)
    except (pa.ArrowInvalid, ValueError) as error:
        raise DataError(f"table {spec.name}: {str(error).splitlines()[0]}") from error


def fitting(spec: TableSpec, data: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Return the relation as it is, unless DuckDB would round its numbers to fit.

    Raises:
        DataError: It would, or columns are missing or unknown.
    """
    _check_columns(spec, data.columns)
    types = dict(zip(data.columns, data.types, strict=True))
    for column in spec.columns:
        got = str(types[column.name])
        if pa.types.is_integer(column.type) and got.startswith(_FRACTIONS):
            raise DataError(f"table {spec.name}: column {column.name} wanted {column.type}, got {got}; round it first")
    return data


def _check_columns(spec: TableSpec, got: Sequence[str]) -> None:
    wanted = [c.name for c in spec.columns]
    if sorted(got) != sorted(wanted):
        raise DataError(f"table {spec.name}: wanted the columns {', '.join(wanted)}; got {', '.join(got)}")
