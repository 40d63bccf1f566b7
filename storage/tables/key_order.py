"""The keys of a Parquet file, read in the order of its rows."""

from collections.abc import Iterator, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from m5data.table_spec import TableSpec
from storage.engine import bucket_sql, quote

__all__ = ["file_key", "other_buckets", "read_owners", "repeated_keys_sql", "sorted_once"]

_OWNERS = "owners_now"


def file_key(spec: TableSpec) -> list[str]:
    """Return the columns by which the rows of a file are sorted; none where a file has one row."""
    return [name for name in spec.key if name != spec.split_by]


def repeated_keys_sql(spec: TableSpec, rows: str) -> str | None:
    """Return the query of keys that several of the SQL ``rows`` have; None: the key is the whole row and may repeat."""
    keys = ", ".join(map(quote, spec.key))
    query = f"SELECT {keys} FROM {rows} GROUP BY {keys} HAVING count(*) > 1"  # noqa: S608
    return query if len(spec.key) < len(spec.columns) else None


def read_owners(path: Path, names: Sequence[str]) -> pa.Array | None:
    """Return the values of a key's first column, sorted, each once; None: a key is not greater than the one before.

    Row group by row group. Texts that Parquet stores as numbers of a dictionary are compared by their numbers: a tenth
    of the work of comparing texts.

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
    """Return the values sorted, each once; such as are so already are only looked at."""
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
    """Return the columns of texts that are stored as numbers of a dictionary."""
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
    """Return the places of a dictionary's texts among each other; another column as it is."""
    if not pa.types.is_dictionary(column.type):
        return column
    texts = column.dictionary
    return column.indices if _is_increasing([texts]) else pc.rank(texts, tiebreaker="dense").take(column.indices)


def _row(columns: Sequence[pa.Array], place: int) -> tuple[Any, ...]:
    return tuple(column[place].as_py() for column in columns)
