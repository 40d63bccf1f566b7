"""Declaration of a table: columns with their meaning, key and partitions."""

from dataclasses import dataclass, field

import pyarrow as pa

__all__ = [
    "BUCKET",
    "FLAG",
    "ID",
    "INT",
    "LIST",
    "LONG",
    "LONGS",
    "REAL",
    "REALS",
    "TEXT",
    "TIME",
    "Column",
    "FeedColumn",
    "Partition",
    "TableSpec",
    "sql_type",
]

# The few Arrow types that tables use; all have a counterpart in Delta Lake.
ID = pa.string()
TEXT = pa.string()
INT = pa.int32()
LONG = pa.int64()
REAL = pa.float64()
FLAG = pa.bool_()
TIME = pa.timestamp("us", tz="UTC")
LIST = pa.list_(pa.field("element", pa.string(), nullable=False))
LONGS = pa.list_(pa.field("element", pa.int64(), nullable=False))
REALS = pa.list_(pa.field("element", pa.float64(), nullable=False))

_SQL_TYPES = {TEXT: "VARCHAR", INT: "INTEGER", LONG: "BIGINT", REAL: "DOUBLE", FLAG: "BOOLEAN", TIME: "TIMESTAMPTZ"}

BUCKET = "bucket"
"""Name of the partition column that is only in paths and the Delta log."""

Partition = int | str | None
"""A bucket's number, the value of a ``split_by`` column, or None if a table has one partition."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    name: str
    type: pa.DataType
    meaning: str
    """One line for a person: unit, vocabulary, and what NULL means where it may be NULL."""
    nullable: bool = False
    observed: bool = False
    """Whether two runs over the same input may differ in it: an observation time, an attempt count or a place on disk.
    Tables are equal if all other columns are."""
    may_lack: bool = False
    """Whether older versions of m5data wrote files without it; it is NULL in their rows."""

    @property
    def sql(self) -> str:
        """The column's definition for CREATE TABLE."""
        required = "" if self.nullable else " NOT NULL"
        return f'"{self.name}" {sql_type(self.type)}{required}'


@dataclass(frozen=True, slots=True)
class TableSpec:
    """One table: the single declaration of its columns.

    The Arrow schema, temporary tables and docs/tables.md follow from it. The tables of the five modalities are in
    ``storage.tables``; a further modality declares its own (``core.modalities.Modality.table``).
    """

    name: str
    meaning: str
    key: tuple[str, ...]
    """Columns that identify a row; rows are sorted by them, in this order, in every file."""
    columns: tuple[Column, ...]
    bucket_of: str | None = None
    """Column whose MD5 determines the hash bucket of the file that contains a row."""
    split_by: str | None = None
    """Column whose own value names the partition, for tables that several stages write."""
    codec: str = "zstd"
    """Compression of its files."""
    schema: pa.Schema = field(init=False, repr=False, compare=False)
    """Arrow schema of the table, without the partition column ``BUCKET``."""
    columns_sql: str = field(init=False, repr=False, compare=False)
    """Column definitions for CREATE TABLE."""
    observed: tuple[str, ...] = field(init=False, repr=False, compare=False)
    """Names of the columns left out when two tables are compared."""
    partition_column: str | None = field(init=False, repr=False, compare=False)
    """Column that partitions the files; None: there is one partition."""

    def __post_init__(self) -> None:
        """Derive attributes from the columns once, at import, because they are needed for every partition."""
        schema = pa.schema([pa.field(c.name, c.type, nullable=c.nullable) for c in self.columns])
        object.__setattr__(self, "schema", schema)
        object.__setattr__(self, "columns_sql", ", ".join(column.sql for column in self.columns))
        object.__setattr__(self, "observed", tuple(column.name for column in self.columns if column.observed))
        object.__setattr__(self, "partition_column", BUCKET if self.bucket_of else self.split_by)


def sql_type(data_type: pa.DataType) -> str:
    """Return DuckDB's name for an Arrow type of tables.

    Raises:
        ValueError: Tables cannot hold the type.
    """
    if data_type in _SQL_TYPES:
        return _SQL_TYPES[data_type]
    if pa.types.is_decimal(data_type):
        return f"DECIMAL({data_type.precision}, {data_type.scale})"
    if pa.types.is_list(data_type):
        return f"{sql_type(data_type.value_type)}[]"
    if pa.types.is_struct(data_type):
        fields = ", ".join(f'"{field.name}" {sql_type(field.type)}' for field in data_type)
        return f"STRUCT({fields})"
    raise ValueError(f"Tables cannot hold the type {data_type}. Use one of core/table_spec.py.")


@dataclass(frozen=True, slots=True)
class FeedColumn:
    """A column of feeds that fills a modality's table.

    JSON Lines, CSV (lists and objects as JSON) and Parquet may contain it; the other formats cannot.
    Contact details in the rows are masked as in captions.
    """

    name: str
    type: pa.DataType
    """Text, an integer, a float, a boolean, a struct of these, or a list of any of them."""
    rows: str
    """SQL query of the table's columns from ``part_rows``: a ``product_id`` and this column, one row per product of the
    feed. Texts, also those in lists, have single spaces and are not empty; ``fold(text)`` does this to any text."""
