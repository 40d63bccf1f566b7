"""SQL that makes one dataset version readable: a view a table, each column with its meaning."""

import re
from collections.abc import Sequence
from pathlib import Path

from storage.delta import DataFile
from storage.engine import quote, sql_type, text
from storage.schemas import Column, TableSpec

__all__ = ["aligned_specs_sql", "comments_sql", "file_sql", "needs_norms", "rows_sql", "view_sql"]

_ASKS_NORMS = re.compile(r"property_norm|value_norm|unit|spec_numbers|(?<!\()\*|^\s*from\b", re.IGNORECASE)
"""Their names, a star that is not ``count(*)``'s, or DuckDB's bare FROM."""


def view_sql(spec: TableSpec, folder: Path, files: Sequence[DataFile]) -> str:
    """Return the statement that creates the view of a table over its files."""
    return f"CREATE VIEW {quote(spec.name)} AS {rows_sql(spec, folder, files)}"


def rows_sql(spec: TableSpec, folder: Path, files: Sequence[DataFile]) -> str:
    """Return a query of all rows in ``files``, columns as the schema has them; empty where there is no file.

    The value of a ``split_by`` column stands in the query, not in the files.
    """
    if not files:
        nothing = ", ".join(f"NULL::{sql_type(c.type)} AS {quote(c.name)}" for c in spec.columns)
        return f"SELECT {nothing} WHERE false"
    if spec.split_by is None:
        return _select(spec, [folder / file.path for file in files], None)
    return " UNION ALL ".join(_select(spec, [folder / file.path], str(file.partition)) for file in files)


def aligned_specs_sql(specs: str, norms: str) -> str:
    """Return a query of all specification lines with what they say in shared words, as columns of ``specs``.

    Args:
        specs: Query of the lines.
        norms: Query of the rows of ``spec_norms``.
    """
    return (
        "SELECT s.product_id, s.position, s.property, s.value, n.property_norm, n.value_norm, n.unit "  # noqa: S608
        f"FROM ({specs}) s LEFT JOIN ({norms}) n ON n.product_id = s.product_id AND n.position = s.position"
    )


def needs_norms(query: str) -> bool:
    """Return whether a query may ask ``specs`` for shared words: only then are they joined to all lines."""
    return _ASKS_NORMS.search(query) is not None


def file_sql(*paths: Path) -> str:
    """Return the table function that reads Parquet files, and nothing into the names of their folders."""
    listed = ", ".join(text(str(path)) for path in paths)
    return f"read_parquet([{listed}], hive_partitioning = false)"


def comments_sql(view: str, meaning: str, columns: Sequence[Column]) -> str:
    """Return the statements that put the meaning of a view and of its columns into the catalogue."""
    lines = [f"COMMENT ON VIEW {quote(view)} IS {text(meaning)}"]
    lines += [f"COMMENT ON COLUMN {quote(view)}.{quote(c.name)} IS {text(c.meaning)}" for c in columns]
    return ";\n".join(lines)


def _select(spec: TableSpec, paths: Sequence[Path], value: str | None) -> str:
    columns = ", ".join(
        f"{text(value or '')} AS {quote(c.name)}" if c.name == spec.split_by else quote(c.name) for c in spec.columns
    )
    return f"SELECT {columns} FROM {file_sql(*paths)}"  # noqa: S608
