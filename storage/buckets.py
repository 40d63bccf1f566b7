"""Which partition a row lies in."""

import hashlib
from urllib.parse import quote as percent_encode

from storage.engine import quote
from storage.schemas import TableSpec

__all__ = ["BUCKET", "Partition", "bucket_of", "bucket_sql", "partition_column", "partition_folder"]

BUCKET = "bucket"
"""Name of the partition column that only paths and the Delta log know."""

Partition = int | str | None
"""A bucket's number, the value of a ``split_by`` column, or None where a table has one partition."""


def bucket_of(value: str, buckets: int) -> int:
    """Return the bucket of a key: the first 32 bits of its MD5, modulo ``buckets``."""
    return int(hashlib.md5(value.encode(), usedforsecurity=False).hexdigest()[:8], 16) % buckets


def bucket_sql(column: str, buckets: int) -> str:
    """Return SQL for ``bucket_of``; MD5, because DuckDB's own ``hash()`` changes between releases."""
    return f"(('0x' || left(md5({quote(column)}), 8))::UINTEGER % {buckets})"


def partition_column(spec: TableSpec) -> str | None:
    """Return the column that partitions ``spec``'s files, or None."""
    return BUCKET if spec.bucket_of else spec.split_by


def partition_folder(spec: TableSpec, partition: Partition) -> str:
    """Return the folder of a partition relative to its table, Hive style; empty where there is one."""
    column = partition_column(spec)
    return "" if column is None else f"{column}={percent_encode(str(partition), safe='')}"
