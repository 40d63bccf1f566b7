"""Every row that any version of a table ever had and that still lies on the disk, as one view a table."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

import duckdb

from storage.engine import open_engine
from storage.files import Layout
from storage.tables import TABLES, TableSpec
from storage.tables.delta import DataFile
from storage.views import view_sql

__all__ = ["data_files", "history"]


@contextmanager
def history(root: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open DuckDB with a view a table over all its files: rows repeat where several versions hold them."""
    layout = Layout(root)
    with open_engine() as engine:
        for spec in TABLES.values():
            engine.execute(view_sql(spec, layout.table(spec.name), data_files(layout, spec)))
        yield engine


def data_files(layout: Layout, spec: TableSpec) -> list[DataFile]:
    """Return every data file in a table's folder, whichever version holds it; ``rows`` is not known (-1)."""
    folder = layout.table(spec.name)
    paths = sorted(path for path in folder.rglob("*.parquet") if "_delta_log" not in path.parts)
    return [_file(path, folder, spec) for path in paths]


def _file(path: Path, folder: Path, spec: TableSpec) -> DataFile:
    relative = path.relative_to(folder)
    value = unquote(relative.parts[0].partition("=")[2])
    partition = None if spec.partition_column is None else int(value) if spec.bucket_of else value
    return DataFile(str(relative), partition, path.stat().st_size, -1)
