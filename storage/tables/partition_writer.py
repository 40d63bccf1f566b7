"""Writing of a table's new rows as sorted Parquet files, one per partition, if they differ from the old ones.

Partitions are written one by one, because neither ``write_deltalake`` nor a partitioned COPY keeps rows sorted.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias, cast
from urllib.parse import quote as percent_encode

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from core.engine import bucket_sql, quote, text
from core.errors import DataError
from core.files import sync_file
from core.table_spec import Column, Partition, TableSpec, sql_type
from storage.tables.data_files import (
    DataFile,
    column_ranges,
    data_paths,
    file_key,
    file_sql,
    other_buckets,
    read_owners,
    repeated_keys_sql,
    stored_sql,
)

__all__ = [
    "PARTITION",
    "Changes",
    "PartitionWriter",
    "Rows",
    "check_keys",
    "check_lists",
    "fitting",
    "load",
    "merge",
    "schema_errors",
    "typed",
]

Changes = dict[Partition, tuple[DataFile, ...]]
"""Partition -> its files afterwards; empty: it holds no rows."""

Rows: TypeAlias = pa.Table | pa.RecordBatchReader | duckdb.DuckDBPyRelation
"""Rows that a stage writes; a reader yields those of one bucket, sorted by key, which need not fit in memory."""

_ROWS = "incoming"
_AT_ONCE = 20_480
"""Rows of a stream that are in memory at a time: a row group of the file."""
_SMALL = 1 << 20
"""Bytes below which a file is merged with the new rows, so that many small sources share one file."""


class PartitionWriter:
    """Writer of one table's files below ``staging``, which mirrors the table's folder."""

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
        data: Rows,
        only: Sequence[Partition] | None,
        pinned: Mapping[Partition, Sequence[DataFile]],
        within: Sequence[str] | None = None,
    ) -> tuple[Changes, list[Partition]]:
        """Write the partitions that differ from ``pinned``.

        Args:
            data: New rows, in any order; a reader yields those of one bucket, sorted by key.
            only: Partitions that ``data`` replaces; None: all.
            pinned: Files of the version that the stage reads, or that it has written since.
            within: Prefixes of the keys that ``data`` replaces; rows with other keys stay. None: all keys.

        Returns:
            The partitions that changed, and those that did not.

        Raises:
            DataError: A row breaks the schema, repeats a key, or belongs to a partition outside ``only``.
        """
        changes: Changes = {}
        same: list[Partition] = []
        for partition, rows in self._divide(data, only, pinned):
            old = tuple(pinned.get(partition, ()))
            new = self._replace(partition, rows, old, within, in_order=isinstance(data, pa.RecordBatchReader))
            if new == old:
                same.append(partition)
            else:
                changes[partition] = new
        self._engine.execute(f"DROP TABLE IF EXISTS {_ROWS}")
        return changes, same

    def _divide(
        self,
        data: Rows,
        only: Sequence[Partition] | None,
        pinned: Mapping[Partition, Sequence[DataFile]],
    ) -> Iterator[tuple[Partition, duckdb.DuckDBPyRelation]]:
        """Yield the rows of each partition that ``data`` replaces, with the types of the table."""
        if self._spec.bucket_of and only is not None and len(only) == 1:
            yield only[0], self._cast(data)
            return
        if only is not None and len(only) == 1 and isinstance(data, pa.Table) and self._is_of(data, only[0]):
            yield only[0], self._cast(data).project(_stored(self._spec))
            return
        load(self._engine, self._spec, data, _ROWS, self._partition_sql())
        query = f"SELECT DISTINCT {PARTITION} FROM {_ROWS}"  # noqa: S608
        found = {partition for (partition,) in self._engine.execute(query).fetchall()}
        scope = list(only) if only is not None else sorted({*found, *pinned}, key=str)
        if strays := sorted(found - set(scope), key=str):
            raise DataError(f"table {self._spec.name}: rows of the partitions {strays} came, only {scope} are allowed.")
        for partition in scope:
            yield partition, self._engine.sql(f"SELECT {_stored(self._spec)} {_rows(partition)}")

    def _is_of(self, data: pa.Table, value: Partition) -> bool:
        """Return whether all rows have this value of ``split_by``."""
        if self._spec.split_by not in data.column_names:
            return False
        equal = pc.equal(data[self._spec.split_by], value)
        return bool(pc.all(equal, skip_nulls=False, min_count=0).as_py())

    def _cast(self, data: Rows) -> duckdb.DuckDBPyRelation:
        with schema_errors(self._spec):
            arrow = typed(self._spec, data) if isinstance(data, pa.Table) else data
            rows = arrow if isinstance(arrow, duckdb.DuckDBPyRelation) else self._engine.from_arrow(arrow)
            columns = (f"{_value(self._spec, c)} AS {quote(c.name)}" for c in self._spec.columns)
            return fitting(self._spec, rows).project(", ".join(columns))

    def _partition_sql(self) -> str:
        if self._spec.bucket_of:
            return bucket_sql(self._spec.bucket_of, self._buckets)
        return quote(self._spec.split_by) if self._spec.split_by else "NULL"

    def _replace(
        self,
        partition: Partition,
        rows: duckdb.DuckDBPyRelation,
        old: tuple[DataFile, ...],
        within: Sequence[str] | None,
        *,
        in_order: bool,
    ) -> tuple[DataFile, ...]:
        """Return the files of a partition after its rows are replaced; ``old`` if they are the same."""
        kept = self._untouched(old, within)
        replaced = [file for file in old if file not in kept]
        if within is not None and replaced:
            rows = self._with_others(rows, replaced, within)
        path, target = self._place(partition, within)
        count = self._write_sorted(rows, target, partition, in_order=in_order and within is None)
        same = self._is_equal(target, count, replaced)
        if same or not count:
            target.unlink()
            return old if same else kept
        sync_file(target)
        return (*kept, DataFile(path, partition, target.stat().st_size, count))

    def _write_sorted(
        self, rows: duckdb.DuckDBPyRelation, target: Path, partition: Partition, *, in_order: bool
    ) -> int:
        """Write rows sorted by key to ``target``, which is not synced, and return their number.

        The rows' own connection sorts them straight into the file, which is then checked: faster than streaming from
        one connection to another. Rows already in order are written as they come, some at a time.

        Raises:
            DataError: A row breaks the schema, repeats a key, or belongs to another bucket.
        """
        spec, engine = self._spec, self._engine
        with schema_errors(spec):
            if in_order:
                engine.execute("SET threads = 1")  # each thread holds a row group in memory
                rows.write_parquet(str(target), compression=spec.codec, row_group_size=_AT_ONCE)
                engine.execute("RESET threads")
            else:
                ordered = rows.order(", ".join(_order(spec))) if _order(spec) else rows
                ordered.write_parquet(str(target), compression=spec.codec)
        check_lists(engine, spec, file_sql(target))
        _check_order(engine, spec, target, partition, self._buckets)
        return int(engine.execute(f"SELECT count(*) FROM {file_sql(target)}").fetchall()[0][0])  # noqa: S608

    def _untouched(self, files: Sequence[DataFile], within: Sequence[str] | None) -> tuple[DataFile, ...]:
        """Return the large files whose least and greatest keys show that no key has a prefix in ``within``."""
        large = [file for file in files if file.size >= _SMALL] if within is not None else []
        ranges = column_ranges(self._engine, self._paths(large), self._spec.key[0])
        return tuple(
            file
            for file in large
            if (found := ranges.get(self._path(file)))
            and all(found[1] < start or found[0][: len(start)] > start for start in within or ())
        )

    def _with_others(
        self, rows: duckdb.DuckDBPyRelation, files: Sequence[DataFile], within: Sequence[str]
    ) -> duckdb.DuckDBPyRelation:
        """Return the rows together with those of ``files`` whose keys have no prefix in ``within``."""
        columns = _stored(self._spec)
        key = quote(self._spec.key[0])
        others = " AND ".join(f"NOT starts_with({key}, {text(start)})" for start in within) or "true"
        old = f"SELECT {columns} FROM {stored_sql(self._spec, self._paths(files))} WHERE {others}"  # noqa: S608
        united = rows.query("rows_within", f"SELECT {columns} FROM rows_within UNION ALL {old}")  # noqa: S608
        return cast("duckdb.DuckDBPyRelation", united)

    def _place(self, partition: Partition, within: Sequence[str] | None) -> tuple[str, Path]:
        """Return the path of a new file inside the table's folder, and where it is written."""
        owner = f"{percent_encode(within[0], safe='')}-" if within and len(within) == 1 else ""
        path = str(Path(_partition_folder(self._spec, partition)) / f"{owner}{uuid.uuid4().hex}.parquet")
        target = self._staging / path
        target.parent.mkdir(parents=True, exist_ok=True)
        return path, target

    def _paths(self, files: Sequence[DataFile]) -> list[Path]:
        """Return the paths of files; those that a working copy lacks are fetched first."""
        data_paths(self._folder, files)
        return [self._path(file) for file in files]

    def _path(self, file: DataFile) -> Path:
        """Return the path of a file, which is in ``staging`` until the commit."""
        staged = self._staging / file.path
        return staged if staged.exists() else self._folder / file.path

    def _is_equal(self, new: Path, rows: int, old: Sequence[DataFile]) -> bool:
        """Return whether the rows of a new file equal those of the old ones, ignoring observed columns."""
        if rows != sum(file.rows for file in old):
            return False
        if not rows:
            return True
        skipped = {*self._spec.observed, self._spec.split_by}
        names = [quote(c.name) for c in self._spec.columns if c.name not in skipped]
        differs = " OR ".join(f"new.{name} IS DISTINCT FROM old.{name}" for name in names)
        before = f"SELECT * FROM {stored_sql(self._spec, self._paths(old))}"  # noqa: S608
        if len(old) > 1:
            before += f" ORDER BY {', '.join(_order(self._spec))}"
        # Both are sorted by key, so that equal tables are equal row by row.
        joined = f"{file_sql(new)} new POSITIONAL JOIN ({before}) old"
        return not self._engine.execute(f"SELECT 1 FROM {joined} WHERE {differs} LIMIT 1").fetchall()  # noqa: S608


def _rows(partition: Partition) -> str:
    if partition is None:
        return f"FROM {_ROWS}"
    return f"FROM {_ROWS} WHERE {PARTITION} = {text(partition) if isinstance(partition, str) else partition}"


def _stored(spec: TableSpec) -> str:
    """Return the columns of a file, which lacks ``split_by``: its value is the partition's."""
    return ", ".join(quote(column.name) for column in spec.columns if column.name != spec.split_by)


def _order(spec: TableSpec) -> list[str]:
    return [quote(name) for name in file_key(spec)]


def merge(pinned: Iterable[DataFile], changes: Changes) -> list[DataFile]:
    """Return the files of a table after ``changes``."""
    kept = [file for file in pinned if file.partition not in changes]
    return [*kept, *(file for files in changes.values() for file in files)]


def _value(spec: TableSpec, column: Column) -> str:
    value = f"CAST({quote(column.name)} AS {sql_type(column.type)})"
    if column.nullable:
        return value
    return f"coalesce({value}, error({text(f'NOT NULL constraint failed: {spec.name}.{column.name}')}))"


def _check_order(
    engine: duckdb.DuckDBPyConnection, spec: TableSpec, target: Path, partition: Partition, buckets: int
) -> None:
    """Read the keys once in file order: each must be greater than the previous one and in its bucket."""
    names = file_key(spec)
    if not names:
        value = f"{text(str(partition))} AS {quote(spec.key[0])}"
        return check_keys(engine, spec, f"SELECT {value} FROM {file_sql(target)}")  # noqa: S608
    owners = read_owners(target, names)
    if owners is None and len(spec.key) < len(spec.columns):
        owner = f", {text(str(partition))} AS {quote(spec.split_by)}" if spec.split_by else ""
        check_keys(engine, spec, f"SELECT *{owner} FROM {file_sql(target)}")  # noqa: S608
        raise DataError(f"{target}: rows are not in the order of {', '.join(names)}. This is a defect of the store.")
    if isinstance(partition, int) and (others := other_buckets(engine, owners, buckets, partition)):
        raise DataError(f"table {spec.name}: rows of the partitions {others} came, only [{partition}] is allowed.")
    return None


PARTITION = "_partition"
"""Column of a row's partition while it waits to be written."""

_HANDED = "handed_over"
_FRACTIONS = ("FLOAT", "DOUBLE", "DECIMAL")


def load(
    engine: duckdb.DuckDBPyConnection,
    spec: TableSpec,
    data: Rows,
    into: str,
    partition_sql: str,
) -> None:
    """Create the temporary table ``into``: the rows of ``data``, sorted by partition.

    Each partition is then a contiguous part of the table. A relation is streamed and spills to disk if it does not
    fit in memory.

    Args:
        engine: Connection of the table.
        spec: Schema of the rows.
        data: The rows.
        into: Name of the table; it has the columns of ``spec`` and ``PARTITION``.
        partition_sql: Expression of a row's partition.

    Raises:
        DataError: Columns are missing or unknown, a value does not fit its type, or a NULL is where none may be.
    """
    columns = ", ".join(quote(c.name) for c in spec.columns)
    kind = "UINTEGER" if spec.bucket_of else "VARCHAR"
    engine.execute(f"CREATE OR REPLACE TEMP TABLE {into} ({spec.columns_sql}, {PARTITION} {kind})")
    with schema_errors(spec):
        arriving = typed(spec, data) if isinstance(data, pa.Table) else fitting(spec, data).to_arrow_reader()
        engine.register(_HANDED, arriving)
        engine.execute(
            f"INSERT INTO {into} SELECT {columns}, {partition_sql} AS {PARTITION} "  # noqa: S608
            f"FROM {_HANDED} ORDER BY {PARTITION}"
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
    """Raise DataError for a NULL inside a list of non-null elements, which a DuckDB schema cannot forbid."""
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
    query = repeated_keys_sql(spec, f"({rows})")
    for row in engine.execute(f"{query} LIMIT 1").fetchall() if query else ():
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
    """Check the columns of a relation, and return it unchanged.

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
    """Return the folder of a partition relative to its table, Hive style; empty if there is only one."""
    column = spec.partition_column
    return "" if column is None else f"{column}={percent_encode(str(partition), safe='')}"
