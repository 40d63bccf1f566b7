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
from storage.new_partition import write_new
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
        if self._spec.bucket_of and only is not None and len(only) == 1 and only[0] not in pinned:
            file = self._write_new(data, int(only[0] or 0))
            return ({only[0]: file}, []) if file else ({}, list(only))
        load(self._engine, self._spec, data, _ROWS, self._partition_sql())
        counts = self._count()
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
        path = str(Path(partition_folder(self._spec, partition)) / f"{uuid.uuid4().hex}.parquet")
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
        """Tell whether the partition's new rows are those of ``old``, observed columns aside."""
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
    """Return the files a table holds once ``changes`` are made."""
    kept = [file for file in pinned if file.partition not in changes]
    return [*kept, *(file for file in changes.values() if file is not None)]
