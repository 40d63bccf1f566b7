"""Write a table's new rows as sorted Parquet files, one per partition, where they differ from the old ones.

Partition by partition, because neither ``write_deltalake`` nor a partitioned COPY keeps rows sorted.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote as percent_encode

import duckdb
import pyarrow as pa

from m5data.errors import DataError
from m5data.table_spec import Column, Partition, TableSpec, sql_type
from storage.engine import bucket_sql, quote, text
from storage.files import sync_file
from storage.tables.delta import DataFile
from storage.views import file_sql

__all__ = [
    "PARTITION",
    "Changes",
    "PartitionWriter",
    "check_keys",
    "check_lists",
    "fitting",
    "load",
    "merge",
    "schema_errors",
    "typed",
    "write_new",
]

Changes = dict[Partition, DataFile | None]
"""Partition -> its new file; None: it became empty."""

_ROWS = "incoming"


class PartitionWriter:
    """Writes files of one table below ``staging``, which mirrors the table's folder."""

    def __init__(
        self, engine: duckdb.DuckDBPyConnection, spec: TableSpec, buckets: int, folder: Path, staging: Path
    ) -> None:
        self._engine = engine
        self._spec = spec
        self._buckets = buckets
        self._folder = folder
        self._staging = staging

    def write(
        self,
        data: pa.Table | duckdb.DuckDBPyRelation,
        only: Sequence[Partition] | None,
        pinned: Mapping[Partition, DataFile],
    ) -> tuple[Changes, list[Partition]]:
        """Write the partitions that differ from ``pinned``.

        Args:
            data: New rows, in any order.
            only: Partitions that ``data`` replaces; None: all.
            pinned: Files of the version that the stage reads.

        Returns:
            The partitions that changed, and those that did not.

        Raises:
            DataError: A row breaks the schema, repeats a key, or belongs to a partition outside ``only``.
        """
        if self._spec.bucket_of and only is not None and len(only) == 1 and only[0] not in pinned:
            file = self._write_new(data, int(only[0] or 0))
            return ({only[0]: file}, []) if file else ({}, list(only))
        load(self._engine, self._spec, data, _ROWS, self._partition_sql())
        counts = self._count()
        scope = list(only) if only is not None else sorted({*counts, *pinned}, key=str)
        strays = sorted(counts.keys() - set(scope), key=str)
        if strays:
            raise DataError(f"table {self._spec.name}: rows of the partitions {strays} came, only {scope} are allowed.")
        changes: Changes = {}
        same: list[Partition] = []
        for partition in scope:
            if self._is_equal(partition, counts.get(partition, 0), pinned.get(partition)):
                same.append(partition)
            else:
                changes[partition] = self._write(partition, counts[partition]) if partition in counts else None
        self._engine.execute(f"DROP TABLE {_ROWS}")
        return changes, same

    def _count(self) -> dict[Partition, int]:
        query = f"SELECT {PARTITION}, count(*) FROM {_ROWS} GROUP BY 1"  # noqa: S608
        return dict(self._engine.execute(query).fetchall())

    def _partition_sql(self) -> str:
        if self._spec.bucket_of:
            return bucket_sql(self._spec.bucket_of, self._buckets)
        return quote(self._spec.split_by) if self._spec.split_by else "NULL"

    def _write_new(self, data: pa.Table | duckdb.DuckDBPyRelation, bucket: int) -> DataFile | None:
        path, target = self._place(bucket)
        rows = write_new(self._engine, self._spec, data, target, bucket, self._buckets)
        if not rows:
            target.unlink()
            return None
        sync_file(target)
        return DataFile(path, bucket, target.stat().st_size, rows)

    def _place(self, partition: Partition) -> tuple[str, Path]:
        """Return the path of a new file inside the table's folder, and where it is written."""
        path = str(Path(_partition_folder(self._spec, partition)) / f"{uuid.uuid4().hex}.parquet")
        target = self._staging / path
        target.parent.mkdir(parents=True, exist_ok=True)
        return path, target

    def _write(self, partition: Partition, rows: int) -> DataFile:
        spec = self._spec
        path, target = self._place(partition)
        columns = ", ".join(quote(c.name) for c in spec.columns if c.name != spec.split_by)
        check_keys(self._engine, spec, _rows(partition))
        self._engine.execute(
            f"COPY (SELECT {columns} {_rows(partition)}) TO {text(str(target))} (FORMAT parquet, COMPRESSION zstd)"
        )
        sync_file(target)
        return DataFile(path, partition, target.stat().st_size, rows)

    def _is_equal(self, partition: Partition, rows: int, old: DataFile | None) -> bool:
        """Return whether the partition's new rows equal those of ``old``, observed columns aside."""
        if old is None or rows != old.rows:
            return old is None and not rows
        skipped = {*self._spec.observed, self._spec.split_by}
        names = [quote(c.name) for c in self._spec.columns if c.name not in skipped]
        differs = " OR ".join(f"new.{name} IS DISTINCT FROM old.{name}" for name in names)
        # Both are sorted by key, so that equal tables are equal row by row.
        joined = f"({_rows(partition)}) new POSITIONAL JOIN {file_sql(self._folder / old.path)} old"
        return not self._engine.execute(f"SELECT 1 FROM {joined} WHERE {differs} LIMIT 1").fetchall()  # noqa: S608


def _rows(partition: Partition) -> str:
    if partition is None:
        return f"FROM {_ROWS}"
    return f"FROM {_ROWS} WHERE {PARTITION} = {text(partition) if isinstance(partition, str) else partition}"


def merge(pinned: Iterable[DataFile], changes: Changes) -> list[DataFile]:
    """Return the files of a table after ``changes``."""
    kept = [file for file in pinned if file.partition not in changes]
    return [*kept, *(file for file in changes.values() if file is not None)]


def write_new(
    engine: duckdb.DuckDBPyConnection,
    spec: TableSpec,
    data: pa.Table | duckdb.DuckDBPyRelation,
    target: Path,
    bucket: int,
    buckets: int,
) -> int:
    """Write all rows of one bucket to ``target``, sorted by key, and return how many there are.

    One sort straight into the file, which is then checked: faster than the temporary table of an update, or a stream
    from one connection to another. A relation is sorted and written by its own connection.

    Args:
        engine: Where Arrow tables are sorted, and files checked.
        spec: The table, one with buckets.
        data: The rows, in any order.
        target: File in an existing folder; not synced.
        bucket: Bucket of the rows.
        buckets: Number of buckets of the workspace.

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
    """Read the keys once in file order: each must be greater than the previous one and in its bucket."""
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
        raise DataError(f"table {spec.name}: rows of the partitions {others} came, only [{bucket}] is allowed.")
    if misplaced:
        check_keys(engine, spec, f"FROM {file_sql(target)}")
        if len(spec.key) < len(spec.columns):
            raise DataError(f"{target}: rows are not in the order of {keys}. This is a defect of the store.")


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

    After one sort each partition is a contiguous part of the table. A relation is streamed and spills to disk where it
    does not fit in memory.

    Args:
        engine: Connection of the table.
        spec: Schema of the rows.
        data: The rows.
        into: Name of the table; it has the columns of ``spec`` and ``PARTITION``.
        partition_sql: Expression of a row's partition.

    Raises:
        DataError: Columns are missing or unknown, a value does not fit its type, or a NULL stands where none may.
    """
    columns = ", ".join(quote(c.name) for c in spec.columns)
    order = ", ".join(quote(name) for name in (PARTITION, *spec.key))
    kind = "UINTEGER" if spec.bucket_of else "VARCHAR"
    engine.execute(f"CREATE OR REPLACE TEMP TABLE {into} ({spec.columns_sql}, {PARTITION} {kind})")
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
    """Raise DuckDB's errors on values that do not fit the table as DataError."""
    try:
        yield
    except (duckdb.DataError, duckdb.IntegrityError, duckdb.ProgrammingError) as error:
        raise DataError(f"table {spec.name}: {str(error).splitlines()[0]}") from error


def check_lists(engine: duckdb.DuckDBPyConnection, spec: TableSpec, table: str) -> None:
    """Raise DataError for a NULL inside a list of non-null elements, which DuckDB cannot declare."""
    for column in spec.columns:
        if pa.types.is_list(column.type) and not column.type.value_field.nullable:
            name = quote(column.name)
            query = f"SELECT 1 FROM {table} WHERE len({name}) <> list_count({name}) LIMIT 1"  # noqa: S608
            if engine.execute(query).fetchall():
                raise DataError(f"table {spec.name}: column {column.name} holds a list with a NULL inside.")


def check_keys(engine: duckdb.DuckDBPyConnection, spec: TableSpec, rows: str) -> None:
    """Check that no two rows of the SQL ``rows`` share a key; a key that is the whole row may repeat.

    Raises:
        DataError: Two rows have the same key.
    """
    if len(spec.key) == len(spec.columns):
        return
    keys = ", ".join(quote(name) for name in spec.key)
    query = f"SELECT {keys} FROM ({rows}) GROUP BY ALL HAVING count(*) > 1 LIMIT 1"  # noqa: S608
    for row in engine.execute(query).fetchall():
        raise DataError(f"table {spec.name}: more than one row has the key ({', '.join(spec.key)}) = {row}.")


def typed(spec: TableSpec, data: pa.Table) -> pa.Table:
    """Return Arrow rows cast to the types of their table.

    Raises:
        DataError: A value does not fit.
    """
    _check_columns(spec, data.column_names)
    try:
        return data.select([c.name for c in spec.columns]).cast(spec.schema)
    except (pa.ArrowInvalid, ValueError) as error:
        raise DataError(f"table {spec.name}: {str(error).splitlines()[0]}") from error


def fitting(spec: TableSpec, data: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Return the relation unchanged.

    Raises:
        DataError: DuckDB would round its numbers to fit, or columns are missing or unknown.
    """
    _check_columns(spec, data.columns)
    types = dict(zip(data.columns, data.types, strict=True))
    for column in spec.columns:
        got = str(types[column.name])
        if pa.types.is_integer(column.type) and got.startswith(_FRACTIONS):
            raise DataError(f"table {spec.name}: column {column.name} is {got}, not {column.type}. Round it first.")
    return data


def _check_columns(spec: TableSpec, got: Sequence[str]) -> None:
    wanted = [c.name for c in spec.columns]
    if sorted(got) != sorted(wanted):
        raise DataError(f"table {spec.name}: its columns are {', '.join(wanted)}; the rows have {', '.join(got)}.")


def _partition_folder(spec: TableSpec, partition: Partition) -> str:
    """Return the folder of a partition relative to its table, Hive style; empty where there is one."""
    column = spec.partition_column
    return "" if column is None else f"{column}={percent_encode(str(partition), safe='')}"
