"""What a table is: its columns with their meaning, its key, how it is partitioned."""

from dataclasses import dataclass

import pyarrow as pa

__all__ = ["Column", "TableSpec"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    name: str
    type: pa.DataType
    meaning: str
    """One line for a person: unit, vocabulary, and what NULL means where it may be NULL."""
    nullable: bool = False
    observed: bool = False
    """An observation time, an attempt count or a place on the disk: what two runs over the same input may
    give differently. "Equal tables" means equal but for these columns."""


@dataclass(frozen=True, slots=True)
class TableSpec:
    """One table."""

    name: str
    meaning: str
    key: tuple[str, ...]
    """Columns that name a row; rows are sorted by them, in this order, in every file."""
    columns: tuple[Column, ...]
    bucket_of: str | None = None
    """Column whose md5 gives the hash bucket that a row's file lies in."""
    split_by: str | None = None
    """Column whose own value names the partition, for tables that stages share."""

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema of the table, without partition columns that only the files know."""
        return pa.schema([pa.field(c.name, c.type, nullable=c.nullable) for c in self.columns])

    @property
    def observed(self) -> tuple[str, ...]:
        """Names of the columns left out when two tables are compared."""
        return tuple(c.name for c in self.columns if c.observed)
