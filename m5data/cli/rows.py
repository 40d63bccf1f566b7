"""Writing query results as a table, CSV, JSON or Parquet."""

import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from m5data.cli.display import print_rows
from m5data.errors import UsageError

__all__ = ["write_rows"]

SHOWN_ROWS = 200


def write_rows(rows: pa.Table, form: str, out: Path | None) -> None:
    """Write ``rows`` to ``out``, or to standard output.

    Raises:
        UsageError: A binary format, or a table for people, was asked for where it cannot go.
    """
    if form == "table" and out is None:
        _show(rows)
    elif form == "parquet" and out is None:
        raise UsageError("--format parquet: wanted a file, got the screen; add --out FILE")
    elif form == "table":
        raise UsageError(f"--out {out}: wanted csv, json or parquet, got a table for the screen; add --format csv")
    else:
        try:
            _write(rows, form, out)
        except OSError as error:
            raise UsageError(
                f"--out {out}: wanted a file that can be written: {error.strerror}; name another"
            ) from None


def _write(rows: pa.Table, form: str, out: Path | None) -> None:
    target = sys.stdout.buffer if out is None else out
    if form == "csv":
        pyarrow.csv.write_csv(_flat(rows), target)
    elif form == "parquet":
        pyarrow.parquet.write_table(rows, target)
    else:
        text = json.dumps(rows.to_pylist(), ensure_ascii=False, indent=2, default=str) + "\n"
        if out is None:
            sys.stdout.write(text)
        else:
            out.write_text(text, encoding="utf-8")


def _show(rows: pa.Table) -> None:
    print_rows("", rows.column_names, [tuple(row.values()) for row in rows.slice(0, SHOWN_ROWS).to_pylist()])
    if rows.num_rows > SHOWN_ROWS:
        sys.stderr.write(f"{SHOWN_ROWS} of {rows.num_rows} rows shown; all of them: --format csv --out FILE\n")


def _flat(rows: pa.Table) -> pa.Table:
    """Turn nested columns, which CSV does not know, into JSON text."""
    for index, field in enumerate(rows.schema):
        if pa.types.is_nested(field.type):
            texts = [
                None if v is None else json.dumps(v, ensure_ascii=False, default=str) for v in rows[index].to_pylist()
            ]
            rows = rows.set_column(index, field.name, pa.array(texts, pa.string()))
    return rows
