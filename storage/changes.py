"""The sources and products whose rows changed between two dataset versions, found from the files that differ."""

from collections.abc import Collection, Mapping
from itertools import pairwise
from pathlib import Path

import duckdb

from core.errors import CorruptObjectError
from core.table_spec import Partition
from storage.files import Layout
from storage.tables import TABLES
from storage.tables.data_files import DataFile, data_paths, file_sql, rows_sql
from storage.tables.delta import DeltaLog
from storage.versions import ABSENT

__all__ = ["changed_sources", "file_groups", "find_changed_products"]

_MAX_VERSIONS = 50
"""Most versions of a table that are compared; a stage that lags further behind redoes everything."""

_RANGES = """
SELECT file_name, split_part(stats_min_value, ':', 1), split_part(stats_max_value, ':', 1)
FROM parquet_metadata($paths) WHERE path_in_schema = 'product_id'
"""

_DIFFERING = """
INSERT INTO changed_rows
SELECT product_id
FROM (SELECT product_id, count(*) AS rows, sum(hash({columns})) AS content FROM ({gone}) GROUP BY product_id) a
    FULL JOIN (SELECT product_id, count(*) AS rows, sum(hash({columns})) AS content FROM ({came}) GROUP BY product_id) b
    USING (product_id)
WHERE a.rows IS DISTINCT FROM b.rows OR a.content IS DISTINCT FROM b.content
"""


def changed_sources(
    layout: Layout, before: Mapping[str, int], now: Mapping[str, int], engine: duckdb.DuckDBPyConnection
) -> set[str] | None:
    """Return the sources with rows in files that were added or removed between two versions.

    Args:
        layout: Files of the workspace.
        before: Table -> its earlier Delta version, ``ABSENT`` if there was none; only tables with a ``product_id``.
        now: Table -> its later Delta version.
        engine: Any connection.

    Returns:
        The sources; None if they cannot be determined: a file or log entry no longer exists, or a take-down has given
        a table a new version with the same files.
    """
    found: set[str] = set()
    for table, version in before.items():
        steps = _steps(layout, table, version, now.get(table, ABSENT))
        changed = {path for old, new in steps or () for path in data_paths(layout.table(table), old ^ new)}
        if steps is None or not all(path.exists() for path in changed):
            return None
        found |= _sources(engine, changed)
    return found


def file_groups(rows: Mapping[str, int], own_file: int) -> list[list[str]]:
    """Group sources by the files that they are written to: each large source alone, then all others together.

    Args:
        rows: Source -> number of its rows.
        own_file: Rows from which a source has its own files, which other sources leave as they are.
    """
    large = [source for source, count in sorted(rows.items()) if count >= own_file]
    small = sorted(rows.keys() - set(large))
    return [*([source] for source in large), *([small] if small else [])]


def find_changed_products(
    layout: Layout,
    before: Mapping[str, int],
    now: Mapping[str, int],
    columns: Mapping[str, str],
    engine: duckdb.DuckDBPyConnection,
) -> bool:
    """Create the table ``changed``: product_id of products added, removed or changed between two versions.

    Args:
        layout: Files of the workspace.
        before: As for ``changed_sources``.
        now: Likewise.
        columns: Table -> the columns to compare, as SQL; the order of a product's rows does not matter. No row of
            another table may have changed.
        engine: Connection on which the table is created.

    Returns:
        Whether the changes could be determined; otherwise there is no table ``changed``.
    """
    rows: list[tuple[str, str, str]] = []
    for table, version in before.items():
        steps = _steps(layout, table, version, now.get(table, ABSENT))
        if steps is None or (steps and table not in columns):
            return False
        old, new = (steps[0][0], steps[-1][1]) if steps else (set(), set())
        for partition in sorted({file.partition for file in old ^ new}, key=str):
            sides = [_of(partition, old - new), _of(partition, new - old)]
            if not all(path.exists() for path in data_paths(layout.table(table), sides[0])):
                return False
            gone, came = (rows_sql(TABLES[table], layout.table(table), side) for side in sides)
            rows.append((columns[table], gone, came))
    engine.execute("CREATE TEMP TABLE changed_rows (product_id VARCHAR)")
    for counting, gone, came in rows:
        engine.execute(_DIFFERING.format(columns=counting, gone=gone, came=came))
    engine.execute("CREATE TEMP TABLE changed AS SELECT DISTINCT product_id FROM changed_rows")
    return True


def _of(partition: Partition, files: Collection[DataFile]) -> list[DataFile]:
    return [file for file in files if file.partition == partition]


def _steps(layout: Layout, table: str, before: int, now: int) -> list[tuple[set[DataFile], set[DataFile]]] | None:
    """Return the files of a table before and after each version between two; None if they are unknown."""
    if now - before > _MAX_VERSIONS or (now == ABSENT and before != ABSENT):
        return None
    log = DeltaLog(layout.table(table), TABLES[table])
    try:
        sides = [set(log.files(version)) if version != ABSENT else set() for version in range(before, now + 1)]
    except CorruptObjectError:  # vacuum removes log entries between versions that stay
        return None
    steps = list(pairwise(sides))
    return steps if all(old != new for old, new in steps) else None


def _sources(engine: duckdb.DuckDBPyConnection, paths: Collection[Path]) -> set[str]:
    """Return the sources of the rows in files; only files with row groups of several sources are read."""
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
