"""HTML by which notebooks show a workspace and the rows of a query; every text is escaped and cut."""

from collections.abc import Iterable, Sequence
from html import escape

import pyarrow as pa

from core.odd_values import python_values
from core.row_formats import plain_json
from storage import Snapshot
from storage.tables import TABLES

__all__ = ["rows_html", "snapshot_html"]

_ROWS = 20
_COLUMNS = 30
_LONGEST = 80
"""Characters of a value."""


def rows_html(rows: pa.Table) -> str:
    """Return a table of the first 20 rows and 30 columns, and the size of the whole."""
    shown = rows.slice(0, _ROWS).select(range(min(_COLUMNS, rows.num_columns)))
    values = zip(*map(python_values, shown.columns), strict=True)
    numbers = [pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in shown.schema.types]
    size = f"{rows.num_rows:,} rows × {rows.num_columns:,} columns"
    return f"{_table(shown.column_names, values, numbers)}<small>{size}</small>"


def snapshot_html(name: str, snapshot: Snapshot) -> str:
    """Return a workspace's name, the version that is read, and its tables with their rows and meanings."""
    made = f" · {snapshot.created:%Y-%m-%d %H:%M} UTC" if snapshot.created else ""
    head = f"<b>{escape(name)}</b> <small>version {snapshot.number}{made}</small>"
    counts = {table: sum(file.rows for file in snapshot.files(table)) for table in TABLES}
    lines = [(table, rows, TABLES[table].meaning.split(". ")[0]) for table, rows in counts.items() if rows]
    if not lines:
        return f"{head}<p>No data yet: run <code>m5data crawl</code> or <code>m5data ingest</code>.</p>"
    return head + _table(("table", "rows", "meaning"), lines, (False, True, False))


def _table(names: Iterable[str], rows: Iterable[Sequence[object]], numbers: Sequence[bool]) -> str:
    head = "".join(f"<th>{_cell(name)}</th>" for name in names)
    starts = [f"<td style='text-align:{'right' if number else 'left'}'>" for number in numbers]
    lines = "".join(
        f"<tr>{''.join(f'{start}{_cell(value)}</td>' for start, value in zip(starts, row, strict=True))}</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"


def _cell(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    text = "–" if value is None else str(plain_json(value))
    return escape(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")
