"""DuckDB connections with this project's settings, and SQL expressions that several rooms share."""

import hashlib
import os
import tempfile
import uuid
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import TypeVar

import duckdb

from core.memory import usual_query_mb
from core.processes.pool import processes_for

__all__ = [
    "Engines",
    "bucket_of",
    "bucket_sql",
    "memory_limit",
    "open_engine",
    "quote",
    "side_by_side",
    "sources_sql",
    "text",
    "widen",
]

_MIN_MB = 500
"""Minimum memory of each of several queries side by side, MB."""
_MAX_MB = 1000
"""Maximum memory of each, MB."""
_MAX_THREADS = 4
_Item = TypeVar("_Item")
_MAX_IDLE = 4
_FREE: dict[int, list[duckdb.DuckDBPyConnection]] = {}
"""Process -> its unconfined databases that are not in use."""
_EMPTY = "DETACH memory; ATTACH ':memory:' AS memory"
_GIVE_BACK = """RESET preserve_insertion_order; SET memory_limit = '1MB';
SET enable_external_file_cache = false; SET enable_external_file_cache = true"""
"""The limit returns memory to the system; the cache is emptied, so that a file damaged since is read again."""
_PLAN_RULES = ("expression_rewriter", "filter_pullup", "filter_pushdown", "unused_columns", "cte_inlining")
"""DuckDB's optimizer rules that look at the query alone."""
_LIMIT: ContextVar[int | None] = ContextVar("memory_limit", default=None)


def open_engine(spill: Path | None = None) -> duckdb.DuckDBPyConnection:
    """Open an in-memory DuckDB that never fetches extensions and never reads Python variables.

    Args:
        spill: The caller's own, existing folder for data beyond the memory limit; None: one in the system's
            temporary folder, which DuckDB creates when needed.
    """
    config: dict[str, str | bool | int | float | list[str]] = {
        "python_enable_replacements": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    connection = duckdb.connect(":memory:", config=config)
    _prepare(connection, spill)
    return connection


class Engines:
    """Databases that are lent to one user at a time and then emptied: a new one takes 17 ms of processor time.

    Confined databases belong to one instance; the others keep no data and serve the whole process.
    Register no Python functions on them: a database never loses them. Threads may share an instance.
    """

    def __init__(self) -> None:
        self._confined: dict[tuple[int, Path, int, bool], list[duckdb.DuckDBPyConnection]] = {}

    def lend(
        self, spill: Path | None = None, *, inside: Path | None = None, plans: bool = False
    ) -> duckdb.DuckDBPyConnection:
        """Return an empty engine; once it is closed and nothing refers to it, its database is lent again.

        Args:
            spill: As for ``open_engine``; a confined engine ignores it.
            inside: The only folder that it may read and write, with its configuration locked; None: not confined.
            plans: Whether a confined engine is for plans that are right whatever the tables hold: rules that look at
                rows, statistics or sizes are off.
        """
        process = os.getpid()  # a forked child has none of its parent's threads
        if inside is None:
            idle = _FREE.setdefault(process, [])
        else:
            idle = self._confined.setdefault((process, inside, _limit_mb(), plans), [])  # its limit is locked
        while True:
            with suppress(IndexError, duckdb.Error):  # a database that has spilled cannot change its folder
                return _lend(idle.pop(), spill, inside, idle)
            if not idle:
                return _lend(_open_database(inside, plans=plans), spill, inside, idle)


def _open_database(inside: Path | None, *, plans: bool) -> duckdb.DuckDBPyConnection:
    database = open_engine()
    if plans:
        off = database.execute(f"SELECT string_agg(name) FROM duckdb_optimizers() WHERE name NOT IN {_PLAN_RULES}")  # noqa: S608
        database.execute("SET disabled_optimizers = $1", off.fetchone())
    if inside is not None:
        database.execute("SET enable_external_file_cache = false")  # a file damaged since is read again
        database.execute(f"SET allowed_directories = [{text(f'{inside}/')}]; SET enable_external_access = false")
        database.execute("SET lock_configuration = true")
    database.execute("ATTACH ':memory:' AS idle; USE idle")
    return database


def _prepare(connection: duckdb.DuckDBPyConnection, spill: Path | None) -> None:
    scratch = spill or Path(tempfile.gettempdir()) / f"m5data-{uuid.uuid4().hex}"
    connection.execute(f"SET memory_limit = '{_limit_mb()}MB'; SET temp_directory = {text(str(scratch))}")
    connection.execute("SET GLOBAL TimeZone = 'UTC'; SET enable_progress_bar = false")


def _lend(
    database: duckdb.DuckDBPyConnection,
    spill: Path | None,
    inside: Path | None,
    idle: list[duckdb.DuckDBPyConnection],
) -> duckdb.DuckDBPyConnection:
    """Return a connection to a database, which is emptied and idle again once nothing refers to the connection."""
    connection = database.cursor()
    connection.execute("USE memory")
    if inside is None:
        _prepare(connection, spill)
    empty = f"{_EMPTY}; {_GIVE_BACK}" if inside is None else _EMPTY
    weakref.finalize(connection, _take_back, database, empty, idle).atexit = False
    return connection


def _take_back(database: duckdb.DuckDBPyConnection, empty: str, idle: list[duckdb.DuckDBPyConnection]) -> None:
    with suppress(duckdb.Error):
        database.execute(empty)
        if len(idle) < _MAX_IDLE:
            idle.append(database)


@contextmanager
def memory_limit(megabytes: int | None) -> Iterator[None]:
    """Set the memory limit of connections opened inside the block; None: leave it as it is.

    A connection that reaches its limit spills to disk. Without a limit it has ``usual_query_mb``. A stage that writes
    while it reads by SQL has two connections.
    """
    token = _LIMIT.set(_LIMIT.get() if megabytes is None else megabytes)
    try:
        yield
    finally:
        _LIMIT.reset(token)


def widen(connection: duckdb.DuckDBPyConnection, max_mb: int) -> None:
    """Let a stage's only connection have the memory of two, ``max_mb`` at most."""
    connection.execute(f"SET memory_limit = '{min(2 * _limit_mb(), max_mb)}MB'")


def _limit_mb() -> int:
    return _LIMIT.get() or usual_query_mb()


def side_by_side(work: Callable[[_Item], object], items: Sequence[_Item]) -> None:
    """Call ``work`` with each item, in as many threads as there are cores, at most four.

    Threads suffice because DuckDB computes outside the interpreter. Each call opens its own engines, which share the
    memory limit of one, each with half a gigabyte or more, and a gigabyte at most.
    """
    limit = _limit_mb()
    count = processes_for(None, max(min(limit // _MIN_MB, _MAX_THREADS, len(items)), 1))
    share = min(limit // count, _MAX_MB)

    def limited(item: _Item) -> None:
        with memory_limit(share):
            work(item)

    with ThreadPoolExecutor(count) as threads:
        for _ in threads.map(limited, items):
            pass


def quote(name: str) -> str:
    """Return ``name`` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """Return ``value`` as an SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def sources_sql(sources: Iterable[str]) -> str:
    """Return the SQL condition that ``product_id`` is of a source, as ranges, so that files of others are skipped."""
    ranges = (f"product_id >= {text(f'{name}:')} AND product_id < {text(f'{name};')}" for name in sorted(sources))
    return " OR ".join(ranges) or "false"


def bucket_of(value: str, buckets: int) -> int:
    """Return the bucket of a key: the first 32 bits of its MD5, modulo ``buckets``."""
    return int(hashlib.md5(value.encode(), usedforsecurity=False).hexdigest()[:8], 16) % buckets


def bucket_sql(column: str, buckets: int) -> str:
    """Return SQL for ``bucket_of``; MD5, because DuckDB's own ``hash()`` changes between releases."""
    return f"(('0x' || left(md5({quote(column)}), 8))::UINTEGER % {buckets})"
