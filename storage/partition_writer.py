"""Write a table's new rows as sorted Parquet files, one a partition, where they differ from the old ones.

Partition by partition, because neither ``write_deltalake`` nor a partitioned COPY keeps rows sorted.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from m5data.errors import DataError
from storage.buckets import Partition, bucket_sql, partition_folder
from storage.delta import DataFile
from storage.durable import sync_file
from storage.engine import quote, text
from storage.schemas import TableSpec
from storage.validation import PARTITION, check_keys, load
from storage.views import file_sql

__all__ = ["Changes", "PartitionWriter", "merge"]

Changes = dict[Partition, DataFile | None]
"""Partition -> its new file, or None where it became empty."""

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
        """Write what differs from ``pinned``.

        Args:
            data: New rows, in any order.
            only: Partitions that ``data`` is the whole content of; None: of all.
            pinned: Files of the version that the stage reads.

        Returns:
            The partitions that changed, and those that did not.

        Raises:
            DataError: A row breaks the schema, repeats a key, or belongs to a partition outside ``only``.
        """
        load(self._engine, self._spec, data, _ROWS, self._partition_sql(only))
        counts = self._count(only)
        scope = list(only) if only is not None else sorted({*counts, *pinned}, key=str)
        strays = sorted(counts.keys() - set(scope), key=str)
        if strays:
            raise DataError(
                f"table {self._spec.name}: wanted rows of the partitions {scope} alone, got some of {strays}"
            )
        changes: Changes = {}
        same: list[Partition] = []
        for partition in scope:
            if self._is_equal(partition, counts.get(partition, 0), pinned.get(partition)):
                same.append(partition)
            else:
                changes[partition] = self._write(partition, counts[partition]) if partition in counts else None
        self._engine.execute(f"DROP TABLE {_ROWS}")
        return changes, same

    def _count(self, only: Sequence[Partition] | None) -> dict[Partition, int]:
        """Return partition -> its rows; where one bucket is given, whether each key is that one's is looked at here."""
        if _is_given(self._spec, only):
            actual = self._bucket_sql()
            query = f"SELECT {actual}, sum(n) FROM (SELECT {self._key()}, count(*) AS n FROM {_ROWS} GROUP BY 1)"  # noqa: S608
        else:
            query = f"SELECT {PARTITION}, count(*) FROM {_ROWS}"  # noqa: S608
        return {partition: int(rows) for partition, rows in self._engine.execute(f"{query} GROUP BY 1").fetchall()}

    def _partition_sql(self, only: Sequence[Partition] | None) -> str:
        if only is not None and _is_given(self._spec, only):
            return str(only[0])
        if self._spec.bucket_of:
            return self._bucket_sql()
        return quote(self._spec.split_by) if self._spec.split_by else "NULL"

    def _bucket_sql(self) -> str:
        return bucket_sql(self._spec.bucket_of or "", self._buckets)

    def _key(self) -> str:
        return quote(self._spec.bucket_of or "")

    def _write(self, partition: Partition, rows: int) -> DataFile:
        spec = self._spec
        path = str(Path(partition_folder(spec, partition)) / f"{uuid.uuid4().hex}.parquet")
        target = self._staging / path
        target.parent.mkdir(parents=True, exist_ok=True)
        columns = ", ".join(quote(c.name) for c in spec.columns if c.name != spec.split_by)
        check_keys(self._engine, spec, _rows(partition))
        self._engine.execute(
            f"COPY (SELECT {columns} {_rows(partition)}) TO {text(str(target))} (FORMAT parquet, COMPRESSION zstd)"
        )
        sync_file(target)
        return DataFile(path, partition, target.stat().st_size, rows)

    def _is_equal(self, partition: Partition, rows: int, old: DataFile | None) -> bool:
        """Tell whether the partition's new rows are those of ``old``, observed columns aside."""
        if old is None or rows != old.rows:
            return old is None and not rows
        skipped = {*self._spec.observed, self._spec.split_by}
        names = [quote(c.name) for c in self._spec.columns if c.name not in skipped]
        differs = " OR ".join(f"new.{name} IS DISTINCT FROM old.{name}" for name in names)
        # Both are sorted by key, so that equal tables are equal row by row.
        joined = f"({_rows(partition)}) new POSITIONAL JOIN {file_sql(self._folder / old.path)} old"
        return not self._engine.execute(f"SELECT 1 FROM {joined} WHERE {differs} LIMIT 1").fetchall()  # noqa: S608


def _is_given(spec: TableSpec, only: Sequence[Partition] | None) -> bool:
    """Tell whether all rows are said to be of one bucket: then its number is not worked out row by row."""
    return bool(spec.bucket_of) and only is not None and len(only) == 1


def _rows(partition: Partition) -> str:
    if partition is None:
        return f"FROM {_ROWS}"
    return f"FROM {_ROWS} WHERE {PARTITION} = {text(partition) if isinstance(partition, str) else partition}"


def merge(pinned: Iterable[DataFile], changes: Changes) -> list[DataFile]:
    """Return the files a table holds once ``changes`` are made."""
    kept = [file for file in pinned if file.partition not in changes]
    return [*kept, *(file for file in changes.values() if file is not None)]
