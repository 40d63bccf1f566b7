"""The sources whose rows changed between two dataset versions, found from the files that differ."""

from collections.abc import Collection, Mapping
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import duckdb

from m5data.errors import CorruptObjectError
from storage.engine import reuse_engine
from storage.files import Layout
from storage.tables import TABLES
from storage.tables.delta import DeltaLog
from storage.versions import ABSENT
from storage.views import file_sql

__all__ = ["changed_sources", "file_groups"]

_MOST_VERSIONS = 50
"""Versions of a table that are looked through; who lags further behind does everything anew."""

_RANGES = """
SELECT file_name, split_part(stats_min_value, ':', 1), split_part(stats_max_value, ':', 1)
FROM parquet_metadata($paths) WHERE path_in_schema = 'product_id'
"""


def changed_sources(layout: Layout, before: Mapping[str, int], now: Mapping[str, int]) -> set[str] | None:
    """Return the sources with rows in files that came or went between two versions.

    Args:
        layout: Files of the workspace.
        before: Table -> its earlier Delta version, ``ABSENT`` where there was none; tables with a ``product_id`` alone.
        now: Table -> its later one.

    Returns:
        The sources; None where they are not known: a file or log entry is no longer there, or a take-down has given
        a table a new version with the same files.
    """
    found: set[str] = set()
    with closing(reuse_engine()) as engine:
        for table, version in before.items():
            changed = _changed_files(layout, table, version, now.get(table, ABSENT))
            if changed is None or not all(path.exists() for path in changed):
                return None
            found |= _sources(engine, changed)
    return found


def file_groups(rows: Mapping[str, int], own_file: int) -> list[list[str]]:
    """Return the sources whose rows are written to files of their own, each alone, and then all others together.

    Args:
        rows: Source -> rows of its own.
        own_file: Rows from which a source has files that other sources leave as they are.
    """
    large = [source for source, count in sorted(rows.items()) if count >= own_file]
    small = sorted(rows.keys() - set(large))
    return [*([source] for source in large), *([small] if small else [])]


def _changed_files(layout: Layout, table: str, before: int, now: int) -> set[Path] | None:
    if now - before > _MOST_VERSIONS or (now == ABSENT and before != ABSENT):
        return None
    log = DeltaLog(layout.table(table), TABLES[table])
    try:
        sides = [set(log.files(version)) if version != ABSENT else set() for version in range(before, now + 1)]
    except CorruptObjectError:  # vacuum removes log entries between versions that stay
        return None
    steps = [old ^ new for old, new in pairwise(sides)]
    if not all(steps):
        return None
    return {layout.table(table) / file.path for step in steps for file in step}


def _sources(engine: duckdb.DuckDBPyConnection, paths: Collection[Path]) -> set[str]:
    """Return the sources of the rows in files; those whose row groups span several are read."""
    if not paths:
        return set()
    ranges = engine.execute(_RANGES, {"paths": [str(path) for path in paths]}).fetchall()
    found = {low for _, low, high in ranges if low == high and low}
    mixed = sorted({path for path, low, high in ranges if low != high or not low})
    if mixed:
        rows = file_sql(*(Path(path) for path in mixed))
        found |= {
            source
            for (source,) in engine.execute(f"SELECT DISTINCT split_part(product_id, ':', 1) FROM {rows}").fetchall()  # noqa: S608
        }
    return found
