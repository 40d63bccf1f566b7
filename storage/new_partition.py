"""Write a partition that a table does not have yet: one sort straight into its file, which is then checked."""

from pathlib import Path

import duckdb
import pyarrow as pa

from m5data.errors import DataError
from storage.buckets import bucket_sql
from storage.engine import quote, sql_type, text
from storage.schemas import Column, TableSpec
from storage.validation import check_keys, check_lists, fitting, schema_errors, typed
from storage.views import file_sql

__all__ = ["write_new"]


def write_new(
    engine: duckdb.DuckDBPyConnection,
    spec: TableSpec,
    data: pa.Table | duckdb.DuckDBPyRelation,
    target: Path,
    bucket: int,
    buckets: int,
) -> int:
    """Write all rows of one bucket to ``target``, sorted by key, and return how many there are.

    Without the temporary table that an update needs, and without a stream from one connection to another, which
    keeps one core busy. A relation is sorted and written by its own connection.

    Args:
        engine: Where Arrow tables are sorted, and files checked.
        spec: The table, one with buckets.
        data: The rows, in any order.
        target: File in a folder that is there; not synced.
        bucket: The rows'.
        buckets: Of the workspace.

    Raises:
        DataError: A row breaks the schema, repeats a key, or belongs to another bucket.
    """
    columns = ", ".join(f"{_value(spec, column)} AS {quote(column.name)}" for column in spec.columns)
    order = ", ".join(quote(name) for name in spec.key)
    with schema_errors(spec):
        rows = engine.from_arrow(typed(spec, data)) if isinstance(data, pa.Table) else fitting(spec, data)
        rows.project(columns).order(order).write_parquet(str(target), compression="zstd")
    check_lists(engine, spec, file_sql(target))
    _check_order(engine, spec, target, bucket, buckets)
    return int(engine.execute(f"SELECT count(*) FROM {file_sql(target)}").fetchall()[0][0])  # noqa: S608


def _value(spec: TableSpec, column: Column) -> str:
    value = f"CAST({quote(column.name)} AS {sql_type(column.type)})"
    if column.nullable:
        return value
    return f"coalesce({value}, error({text(f'NOT NULL constraint failed: {spec.name}.{column.name}')}))"


def _check_order(engine: duckdb.DuckDBPyConnection, spec: TableSpec, target: Path, bucket: int, buckets: int) -> None:
    """Read the keys once, as they lie: each must be greater than the one before it, and in its bucket."""
    keys = ", ".join(quote(name) for name in spec.key)
    before = ", ".join(f"lag({quote(name)}) OVER () AS before_{index}" for index, name in enumerate(spec.key))
    last = ", ".join(f"before_{index}" for index in range(len(spec.key)))
    owner = spec.bucket_of or ""
    new = f"{quote(owner)} IS DISTINCT FROM before_{spec.key.index(owner)}"
    strays = f"CASE WHEN {new} THEN {bucket_sql(owner, buckets)} END"
    query = f"""
        SELECT count(*) FILTER (before_0 IS NOT NULL AND ({keys}) <= ({last})),
               list(DISTINCT stray) FILTER (stray <> {bucket})
        FROM (SELECT *, {strays} AS stray FROM (SELECT {keys}, {before} FROM {file_sql(target)}))
    """  # noqa: S608
    misplaced, others = engine.execute(query).fetchall()[0]
    if others:
        raise DataError(f"table {spec.name}: wanted rows of the partitions [{bucket}] alone, got some of {others}")
    if misplaced:
        check_keys(engine, spec, f"FROM {file_sql(target)}")
        if len(spec.key) < len(spec.columns):
            raise DataError(f"{target}: wanted rows in the order of {keys}; this is a defect of the store")
