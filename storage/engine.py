"""DuckDB connections as this project opens them, and the SQL expressions that several rooms share."""

import hashlib
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

import duckdb

__all__ = ["MEMORY_LIMIT", "bucket_of", "bucket_sql", "memory_limit", "open_engine", "quote", "sources_sql", "text"]

MEMORY_LIMIT = "1GB"
"""Memory of one connection before it spills to disk; a stage that writes what it reads by SQL has two."""
_LIMIT: ContextVar[str] = ContextVar("memory_limit", default=MEMORY_LIMIT)


def open_engine(spill: Path | None = None) -> duckdb.DuckDBPyConnection:
    """Open an in-memory DuckDB that never fetches extensions and never reads Python variables.

    Args:
        spill: Existing folder of the caller's own for data beyond the memory limit; None: one in the system's
            temporary folder, which DuckDB creates when needed.
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
    """Set the limit of connections opened inside the block; None: leave it as it is."""
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


def sources_sql(sources: Iterable[str]) -> str:
    """Return SQL of whether ``product_id`` is one of the sources', as ranges, so that files of others are skipped."""
    ranges = (f"product_id >= {text(f'{name}:')} AND product_id < {text(f'{name};')}" for name in sorted(sources))
    return " OR ".join(ranges) or "false"


def bucket_of(value: str, buckets: int) -> int:
    """Return the bucket of a key: the first 32 bits of its MD5, modulo ``buckets``."""
    return int(hashlib.md5(value.encode(), usedforsecurity=False).hexdigest()[:8], 16) % buckets


def bucket_sql(column: str, buckets: int) -> str:
    """Return SQL for ``bucket_of``; MD5, because DuckDB's own ``hash()`` changes between releases."""
    return f"(('0x' || left(md5({quote(column)}), 8))::UINTEGER % {buckets})"
