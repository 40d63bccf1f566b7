"""The Parquet files of a table: their paths, the SQL that reads them, and the order of their keys."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from core.engine import bucket_sql, quote, text
from core.table_spec import Partition, TableSpec, sql_type
from storage.working_copy import local_paths

__all__ = [
    "DataFile",
    "column_ranges",
    "data_paths",
    "file_key",
    "file_sql",
    "literal_path",
    "other_buckets",
    "read_owners",
    "repeated_keys_sql",
    "rows_sql",
    "sorted_once",
    "stored_sql",
    "view_sql",
]

_OWNERS = "owners_now"
_PATTERN = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class DataFile:
    """One Parquet file of a table."""

    path: str
    """Relative to the table's folder."""
    partition: Partition
    size: int
    """Bytes."""
    rows: int


def data_paths(folder: Path, files: Iterable[DataFile]) -> list[Path]:
    """Return the paths of data files of the table in ``folder``; those that a working copy lacks are fetched first."""
    names = [f"{folder.parent.name}/{folder.name}/{file.path}" for file in files]
    return local_paths(folder.parent.parent, names)


def view_sql(spec: TableSpec, folder: Path, files: Sequence[DataFile]) -> str:
    """Return the statement that creates the view of a table over its files."""
    return f"CREATE VIEW {quote(spec.name)} AS {rows_sql(spec, folder, files)}"


def rows_sql(spec: TableSpec, folder: Path, files: Sequence[DataFile]) -> str:
    """Return a query of all rows in ``files`` with the columns of the schema; without files it is empty.

    Files that a working copy of an object store lacks are fetched first.
    The value of a ``split_by`` column is part of the query, not of the files.
    """
    if not files:
        nothing = ", ".join(f"NULL::{sql_type(c.type)} AS {quote(c.name)}" for c in spec.columns)
        return f"SELECT {nothing} WHERE false"
    paths = data_paths(folder, files)
    if spec.split_by is None:
        return _select(spec, paths, None)
    values = (str(file.partition) for file in files)
    return " UNION ALL ".join(_select(spec, [path], value) for path, value in zip(paths, values, strict=True))


def _select(spec: TableSpec, paths: Sequence[Path], value: str | None) -> str:
    columns = ", ".join(
        f"{text(value or '')} AS {quote(c.name)}" if c.name == spec.split_by else quote(c.name) for c in spec.columns
    )
    return f"SELECT {columns} FROM {stored_sql(spec, paths)}"  # noqa: S608


def stored_sql(spec: TableSpec, paths: Sequence[Path]) -> str:
    """Return what stands behind FROM to read files of a table; columns that older ones lack are NULL."""
    lacking = ", ".join(f"NULL::{sql_type(c.type)} AS {quote(c.name)}" for c in spec.columns if c.may_lack)
    if not lacking:
        return file_sql(*paths)
    stored = f"SELECT * FROM {file_sql(*paths, by_name=True)}"  # noqa: S608
    return f"({stored} UNION ALL BY NAME SELECT {lacking} WHERE false)"


def file_sql(*paths: Path, by_name: bool = False) -> str:
    """Return the table function that reads Parquet files, without columns from folder names.

    Args:
        paths: The files.
        by_name: Whether some may lack columns, which are NULL in their rows.
    """
    listed = ", ".join(text(literal_path(path)) for path in paths)
    return f"read_parquet([{listed}], hive_partitioning = false{', union_by_name = true' if by_name else ''})"


def literal_path(path: Path) -> str:
    """Return a path in which DuckDB reads no pattern."""
    return _PATTERN.sub(r"[\g<0>]", str(path))


def column_ranges(engine: duckdb.DuckDBPyConnection, paths: Sequence[Path], column: str) -> dict[Path, tuple[str, str]]:
    """Return file -> least and greatest text in a column; files whose footers lack them are left out."""
    query = """
        SELECT file_name, min(stats_min_value), max(stats_max_value) FROM parquet_metadata($paths)
        WHERE path_in_schema = $column GROUP BY ALL HAVING bool_and(stats_min_value <> '' AND stats_max_value <> '')
    """
    named = {"paths": [literal_path(path) for path in paths], "column": column}
    return {Path(path): (low, high) for path, low, high in engine.execute(query, named).fetchall()} if paths else {}


def file_key(spec: TableSpec) -> list[str]:
    """Return the columns by which the rows of a file are sorted; empty if a file has one row."""
    return [name for name in spec.key if name != spec.split_by]


def repeated_keys_sql(spec: TableSpec, rows: str) -> str | None:
    """Return a query of keys that repeat in the SQL ``rows``; None: the key is the whole row and may repeat."""
    keys = ", ".join(map(quote, spec.key))
    query = f"SELECT {keys} FROM {rows} GROUP BY {keys} HAVING count(*) > 1"  # noqa: S608
    return query if len(spec.key) < len(spec.columns) else None


def read_owners(path: Path, names: Sequence[str]) -> pa.Array | None:
    """Return the sorted, distinct values of a key's first column; None: a key is not greater than the one before.

    Row groups are read one by one. Strings that Parquet stores as dictionary codes are compared by rank: a tenth of
    the work of comparing strings.

    Raises:
        pyarrow.ArrowException: The file is damaged.
        OSError: It cannot be read.
    """
    owners: list[pa.Array] = []
    last: tuple[Any, ...] = ()
    for batch in _batches(path, names):
        columns = [batch.column(name) for name in names]
        first, end = _row(columns, 0), _row(columns, len(batch) - 1)
        if None in first or (last and last >= first) or not _is_increasing(columns):
            return None
        last = end
        owners.append(columns[0].dictionary if pa.types.is_dictionary(columns[0].type) else columns[0])
    return sorted_once(pa.concat_arrays(owners)) if owners else pa.array([], pa.string())


def sorted_once(values: pa.Array) -> pa.Array:
    """Return the sorted, distinct values; values that are so already are returned as they are."""
    if _is_increasing([values]):
        return values
    once = values.unique()
    return once.take(pc.array_sort_indices(once))


def other_buckets(engine: duckdb.DuckDBPyConnection, owners: pa.Array, buckets: int, bucket: int) -> list[int]:
    """Return the buckets that owners hash to, other than the given one."""
    engine.register(_OWNERS, pa.table({"owner": owners}))
    query = f"SELECT DISTINCT {bucket_sql('owner', buckets)} AS b FROM {_OWNERS} WHERE b <> {bucket} ORDER BY b"  # noqa: S608
    found = engine.execute(query).fetchall()
    engine.unregister(_OWNERS)
    return [other for (other,) in found]


def _batches(path: Path, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    metadata = pq.read_metadata(path)
    coded = _coded(metadata.row_group(0), names) if metadata.num_row_groups else []
    with pq.ParquetFile(path, metadata=metadata, read_dictionary=coded) as file:
        for group in range(metadata.num_row_groups):
            rows = file.read_row_group(group, columns=list(names), use_threads=False)
            yield from (batch for batch in rows.to_batches() if len(batch))


def _coded(group: pq.RowGroupMetaData, names: Sequence[str]) -> list[str]:
    """Return the string columns that are stored as dictionary codes."""
    columns = (group.column(place) for place in range(group.num_columns))
    texts = (column for column in columns if column.path_in_schema in names and column.physical_type == "BYTE_ARRAY")
    return [column.path_in_schema for column in texts if column.has_dictionary_page]


def _is_increasing(columns: Sequence[pa.Array]) -> bool:
    """Return whether each row is greater than the one before, by its first column or, where equal, by the next."""
    numbers = [_comparable(column) for column in columns]
    pairs = [(column.slice(1), column.slice(0, max(len(column) - 1, 0))) for column in numbers]
    greater = reduce(
        lambda rest, pair: pc.or_(pc.greater(*pair), pc.and_(pc.equal(*pair), rest)),
        reversed(pairs[:-1]),
        pc.greater(*pairs[-1]),
    )
    return pc.all(greater, skip_nulls=False, min_count=0).as_py() is True


def _comparable(column: pa.Array) -> pa.Array:
    """Return the ranks of a dictionary column's strings; any other column as it is."""
    if not pa.types.is_dictionary(column.type):
        return column
    texts = column.dictionary
    return column.indices if _is_increasing([texts]) else pc.rank(texts, tiebreaker="dense").take(column.indices)


def _row(columns: Sequence[pa.Array], place: int) -> tuple[Any, ...]:
    return tuple(column[place].as_py() for column in columns)
