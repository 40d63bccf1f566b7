"""DuckDB connections as this project opens them, and how a schema reads in SQL."""

import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

import duckdb
import pyarrow as pa

from storage.schemas import TableSpec

__all__ = ["MEMORY_LIMIT", "memory_limit", "open_engine", "quote", "sql_columns", "sql_type", "text"]

MEMORY_LIMIT = "1GB"
"""What one connection may hold before it spills to disk; a stage that writes what it reads by SQL has two."""
_LIMIT: ContextVar[str] = ContextVar("memory_limit", default=MEMORY_LIMIT)

_SIMPLE = {
    pa.string(): "VARCHAR",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
}


def open_engine(spill: Path | None = None) -> duckdb.DuckDBPyConnection:
    """Open an in-memory DuckDB that never fetches extensions and never looks at Python variables.

    Args:
        spill: Folder, there and no one else's, for what does not fit in the memory limit; None: one in the
            system's temporary folder, which DuckDB makes when it needs it.
    """
    scratch = spill or Path(tempfile.gettempdir()) / f"m5data-{uuid.uuid4().hex}"
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": _LIMIT.get(),
        "temp_directory": str(scratch),
        "python_enable_replacements": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    connection = duckdb.connect(":memory:", config=config)
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_progress_bar = false")
    return connection


@contextmanager
def memory_limit(megabytes: int | None) -> Iterator[None]:
    """Give connections that are opened while the context lasts another limit; None: leave it as it is."""
    token = _LIMIT.set(_LIMIT.get() if megabytes is None else f"{megabytes}MB")
    try:
        yield
    finally:
        _LIMIT.reset(token)


def quote(name: str) -> str:
    """Return ``name`` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """Return ``value`` as an SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def sql_type(data_type: pa.DataType) -> str:
    """Return DuckDB's name of an Arrow type that tables are made of.

    Raises:
        ValueError: A schema uses a type that tables cannot hold.
    """
    if data_type in _SIMPLE:
        return _SIMPLE[data_type]
    if pa.types.is_timestamp(data_type):
        return "TIMESTAMPTZ"
    if pa.types.is_decimal(data_type):
        return f"DECIMAL({data_type.precision}, {data_type.scale})"
    if pa.types.is_list(data_type):
        return f"{sql_type(data_type.value_type)}[]"
    raise ValueError(f"tables hold no {data_type}; use one of storage/schemas/types.py")


def sql_columns(spec: TableSpec) -> str:
    """Return the column definitions of ``spec`` for CREATE TABLE."""
    return ", ".join(f"{quote(c.name)} {sql_type(c.type)}{'' if c.nullable else ' NOT NULL'}" for c in spec.columns)
