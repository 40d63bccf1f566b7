"""SQL of the views that show a dataset version: every table, the ledger and ``spec_numbers``, with their meaning."""

import re
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from m5data.modalities import modalities
from m5data.table_spec import sql_type
from storage.engine import quote, text
from storage.tables import Column, TableSpec
from storage.tables.delta import DataFile

__all__ = [
    "SPEC_NUMBERS_COLUMNS",
    "SPEC_NUMBERS_MEANING",
    "SPEC_NUMBERS_SQL",
    "aligned_specs_sql",
    "comments_sql",
    "file_sql",
    "ledger_columns",
    "ledger_meaning",
    "ledger_sql",
    "needs_norms",
    "number_word",
    "rows_sql",
    "view_sql",
]

_ASKS_NORMS = re.compile(
    r"property_norm|value_norm|unit|spec_numbers|spec_values|product_text|(?<!\()\*|^\s*from\b", re.IGNORECASE
)
"""Names of the columns, a star outside ``count(*)``, or DuckDB's bare FROM."""


def view_sql(spec: TableSpec, folder: Path, files: Sequence[DataFile]) -> str:
    """Return the statement that creates the view of a table over its files."""
    return f"CREATE VIEW {quote(spec.name)} AS {rows_sql(spec, folder, files)}"


def rows_sql(spec: TableSpec, folder: Path, files: Sequence[DataFile]) -> str:
    """Return a query of all rows in ``files`` with the columns of the schema; without files it is empty.

    The value of a ``split_by`` column is part of the query, not of the files.
    """
    if not files:
        nothing = ", ".join(f"NULL::{sql_type(c.type)} AS {quote(c.name)}" for c in spec.columns)
        return f"SELECT {nothing} WHERE false"
    if spec.split_by is None:
        return _select(spec, [folder / file.path for file in files], None)
    return " UNION ALL ".join(_select(spec, [folder / file.path], str(file.partition)) for file in files)


def aligned_specs_sql(specs: str, norms: str) -> str:
    """Return a query of all specification lines with their normalised values, as columns of ``specs``.

    Args:
        specs: Query of the lines.
        norms: Query of the rows of ``spec_norms``.
    """
    return (
        "SELECT s.product_id, s.position, s.property, s.value, n.property_norm, n.value_norm, n.unit "  # noqa: S608
        f"FROM ({specs}) s LEFT JOIN ({norms}) n ON n.product_id = s.product_id AND n.position = s.position"
    )


def needs_norms(query: str) -> bool:
    """Return whether a query may read normalised values from ``specs``: only then are they joined."""
    return _ASKS_NORMS.search(query) is not None


def file_sql(*paths: Path) -> str:
    """Return the table function that reads Parquet files, without columns from the names of their folders."""
    listed = ", ".join(text(str(path)) for path in paths)
    return f"read_parquet([{listed}], hive_partitioning = false)"


def comments_sql(view: str, meaning: str, columns: Sequence[Column]) -> str:
    """Return the statements that comment a view and its columns in the catalogue."""
    lines = [f"COMMENT ON VIEW {quote(view)} IS {text(meaning)}"]
    lines += [f"COMMENT ON COLUMN {quote(view)}.{quote(c.name)} IS {text(c.meaning)}" for c in columns]
    return ";\n".join(lines)


def _select(spec: TableSpec, paths: Sequence[Path], value: str | None) -> str:
    columns = ", ".join(
        f"{text(value or '')} AS {quote(c.name)}" if c.name == spec.split_by else quote(c.name) for c in spec.columns
    )
    return f"SELECT {columns} FROM {file_sql(*paths)}"  # noqa: S608


SPEC_NUMBERS_MEANING = "One row per specification whose value is one number, with or without a unit after it."

SPEC_NUMBERS_COLUMNS = (
    Column("product_id", pa.string(), "product"),
    Column("position", pa.int32(), "line of the specification table, from 0"),
    Column("property", pa.string(), "shared name where aligned, else as published"),
    Column("value", pa.string(), "value as published, contact details masked"),
    Column("number", pa.float64(), "value_norm, else value, as a number"),
    Column("unit", pa.string(), "unit where aligned, else the text after the number; NULL: none", nullable=True),
)

SPEC_NUMBERS_SQL = r"""
CREATE VIEW spec_numbers AS
SELECT product_id, position, coalesce(property_norm, property) AS property, value,
       try_cast(regexp_extract(coalesce(value_norm, value), '^[-+]?\d+(\.\d+)?') AS DOUBLE) AS number,
       coalesce(unit, nullif(regexp_extract(value, '^[-+]?\d+(?:\.\d+)? ?(.*)$', 1), '')) AS unit
FROM specs WHERE regexp_full_match(coalesce(value_norm, value), '[-+]?\d+(\.\d+)?( ?[^\d\s]{1,8})?')
"""


_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def number_word(number: int) -> str:
    """Return a small number as a word."""
    return _NUMBERS[number] if number < len(_NUMBERS) else str(number)


def ledger_meaning() -> str:
    """Return the meaning of the ledger in one sentence."""
    return f"One row per product: each of {number_word(len(modalities()))} modalities present, or the reason it is not."


def ledger_columns() -> tuple[Column, ...]:
    """Return the columns of the ledger, in order."""
    entries = (modality.ledger for modality in modalities())
    return (
        Column("product_id", pa.string(), "product"),
        *(Column(entry.column, pa.string(), entry.meaning) for entry in entries),
        Column("modalities", pa.int32(), "how many are present"),
    )


def ledger_sql() -> str:
    """Return the statement that creates the view ``ledger``."""
    entries = [modality.ledger for modality in modalities()]
    states = ",\n            ".join(f"{entry.state} AS {entry.column}" for entry in entries)
    joins = "\n        ".join(entry.joins for entry in entries if entry.joins)
    present = " + ".join(f"({entry.column} = 'present')::INTEGER" for entry in entries)
    return f"""
CREATE VIEW ledger AS
WITH
    best AS (  -- the best file of a product and kind, and why it is not usable where it is not
        SELECT product_id, kind,
               bool_or(state = 'ok') AS ok,
               first(sha256 ORDER BY state <> 'ok', position) AS sha256,
               first(coalesce(reason, state) ORDER BY position) AS reason
        FROM media GROUP BY product_id, kind
    ),
    refusal AS (  -- a video is asked for two results; the detail of a reject begins with the one it is about
        SELECT item,
               min(reason) FILTER (detail LIKE 'frames%') AS frames,
               min(reason) FILTER (detail LIKE 'sound%') AS sound
        FROM rejects WHERE stage = 'extract' GROUP BY item
    ),
    modality AS (
        SELECT p.product_id,
            {states}
        FROM products p
        LEFT JOIN best image ON image.product_id = p.product_id AND image.kind = 'image'
        LEFT JOIN best video ON video.product_id = p.product_id AND video.kind = 'video'
        LEFT JOIN refusal ON refusal.item = video.sha256
        {joins}
    )
SELECT *, ({present})::INTEGER AS modalities
FROM modality
"""  # noqa: S608
