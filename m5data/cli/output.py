"""Output of verbs: tables for people; JSON, CSV and Parquet for programs."""

import io
import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from core.errors import UsageError
from core.files import replacing
from core.odd_values import python_values
from core.row_formats import plain_json, write_csv, write_parquet
from core.stage import StageReport

__all__ = [
    "as_box",
    "print_json",
    "print_notes",
    "print_reports",
    "print_rows",
    "visible",
    "write_rows",
    "writing_to",
]

SHOWN_ROWS = 200
_LONGEST_WORD = 30
"""Cells that a column keeps for one word; a longer one (a URL, a hash) may be broken."""
UNBROKEN = 10_000
_MARKS = (0x61C, *range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2060, 0x206A), 0xFEFF)
"""Code points that show nothing, or change the order or direction of what is shown."""
_HIDDEN = {mark: f"\\u{mark:04x}" for mark in _MARKS}
_CONTROLS = {**dict.fromkeys({*range(32), *range(127, 160)} - {9, 10}, "\ufffd"), **_HIDDEN}
_IN_JSON = {**{mark: f"\\u{mark:04x}" for mark in range(127, 160)}, **_HIDDEN}
"""Replacements in JSON, which mean the same there."""


def print_rows(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; numbers are right-aligned, None is shown as a dash.

    A line is broken between words. A table whose words do not fit side by side is printed as a list, a value per line.
    """
    texts = [[Text("-" if value is None else _plain(value)) for value in row] for row in rows]  # a text has no markup
    heads = [Text(visible(column)) for column in columns]
    widths = [max(map(_longest_word, column)) for column in zip(heads, *texts, strict=True)]
    console = _console()
    if sum(widths) + len(widths) > console.width:
        drawn: Table = _as_list(heads, texts)
    else:
        drawn = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
        for index, (head, width) in enumerate(zip(heads, widths, strict=True)):
            numeric = bool(rows) and all(isinstance(row[index], int | float) or row[index] is None for row in rows)
            drawn.add_column(head, justify="right" if numeric else "left", overflow="fold", min_width=width)
        for line in texts:
            drawn.add_row(*line)
    with console.capture() as captured:
        if title:
            console.print(Text(visible(title)))
        console.print(drawn)
    # padding to the full width would be kept in files, and wrapped by narrower terminals
    sys.stdout.writelines(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def _as_list(heads: Sequence[Text], rows: Sequence[Sequence[Text]]) -> Table:
    """Return a table with a line for each value, and an empty line after each row."""
    drawn = Table(box=None, show_header=False, padding=(0, 1, 0, 0))
    drawn.add_column(overflow="fold", style="bold")
    drawn.add_column(overflow="fold")
    for row in rows:
        for head, value in zip(heads, row, strict=True):
            drawn.add_row(head, value)
        drawn.add_row()
    return drawn


def _longest_word(text: Text) -> int:
    """Return the cells that the longest word of a text takes, up to those that are kept for one."""
    return min(max((cell_len(word) for word in text.plain.split()), default=0), _LONGEST_WORD)


def print_reports(reports: Sequence[StageReport], *, as_json: bool = False) -> None:
    """Print what stages did: read, kept, seconds, dropped and left out by reason; then their notes."""
    if as_json:
        print_json([_report_row(report) for report in reports])
        return
    print_rows(
        "",
        ("stage", "read", "kept", "seconds", "dropped"),
        [
            (
                report.stage,
                report.read,
                report.kept,
                None if report.unchanged else round(report.seconds, 1),
                _dropped(report),
            )
            for report in reports
        ],
    )
    print_notes(note for report in reports for note in report.notes)


def print_notes(notes: Iterable[str]) -> None:
    """Print notes of stages, one line each; control characters become U+FFFD."""
    for note in notes:
        print(_plain(note))


def print_json(value: object) -> None:
    """Print a value as JSON, one document."""
    print(json.dumps(plain_json(value), ensure_ascii=False, indent=2, allow_nan=False).translate(_IN_JSON))


def visible(text: str) -> str:
    """Return a text in which control characters are U+FFFD, and marks of direction are written as escapes."""
    return text.translate(_CONTROLS)


def _console() -> Console:
    """Fit the width of a terminal, or that of COLUMNS; elsewhere (a file, a pipe) break no line."""
    console = Console()
    return console if console.is_terminal or os.environ.get("COLUMNS", "").isdecimal() else Console(width=UNBROKEN)


def _dropped(report: StageReport) -> str:
    if report.unchanged:
        return "unchanged: nothing to do"
    parts = [f"{reason} {count}" for reason, count in report.dropped.items()]
    parts += [f"{reason} {count} (left out of kept items)" for reason, count in report.left_out.items()]
    return ", ".join(parts) or "-"


def _report_row(report: StageReport) -> dict[str, object]:
    return {
        "stage": report.stage,
        "read": report.read,
        "kept": report.kept,
        "dropped": dict(report.dropped),
        "left_out": dict(report.left_out),
        "seconds": round(report.seconds, 3),
        "notes": list(report.notes),
        "unchanged": report.unchanged,
    }


def _plain(value: object) -> str:
    """Write a value out, so that it cannot steer the terminal."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return visible(str(value))


@contextmanager
def writing_to(out: Path | None) -> Iterator[None]:
    """Turn an error of writing the file that ``--out`` names into one that says so.

    Raises:
        UsageError: It cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise UsageError(f"--out {out}: this file cannot be written ({error.strerror}); name another") from None


def write_rows(rows: pa.RecordBatchReader, form: str, out: Path | None) -> None:
    """Write rows to ``out``, or to standard output, batch by batch: they need not fit in memory.

    Raises:
        UsageError: A binary format for the screen, or a table for a file; or the file cannot be written.
    """
    if form == "table" and out is None:
        _show(rows)
    elif form == "parquet" and out is None:
        raise UsageError("--format parquet: Parquet cannot be printed; add --out FILE")
    elif form == "table":
        raise UsageError(f"--out {out}: a table is for the screen; add --format csv, json or parquet")
    else:
        with writing_to(out):
            _write(rows, form, out)


def _write(rows: pa.RecordBatchReader, form: str, out: Path | None) -> None:
    """Write to the screen, or to a draft that becomes the file when it is whole."""
    if out is None:
        _encode(rows, form, sys.stdout.buffer)
        return
    with replacing(out, sync=False) as file:
        _encode(rows, form, file)


def _encode(rows: pa.RecordBatchReader, form: str, target: BinaryIO) -> None:
    if form == "csv":
        write_csv(rows, target)
    elif form == "parquet":
        write_parquet(rows, target)
    else:
        lines = (_one_line(row) for row in _each(rows))
        target.write(b"[")
        target.writelines(f"{',' if number else ''}\n  {line}".encode() for number, line in enumerate(lines))
        target.write(b"\n]\n")


def _one_line(row: Mapping[str, object]) -> str:
    return json.dumps(plain_json(row), ensure_ascii=False, allow_nan=False).translate(_IN_JSON)


def _show(rows: pa.RecordBatchReader) -> None:
    box, note = as_box(rows)
    sys.stdout.write(box)
    if note:
        sys.stderr.write(f"{note}; for all of them use --format csv --out FILE\n")


def as_box(rows: pa.RecordBatchReader) -> tuple[str, str]:
    """Return the first rows as DuckDB draws them, and how many were left out, if any.

    Columns that do not fit a terminal are elided; control characters are written as escapes.
    """
    import duckdb

    batches, count = [], 0
    for batch in rows:
        if count < SHOWN_ROWS:  # an empty slice would keep its batch in memory
            batches.append(batch.slice(0, SHOWN_ROWS - count))
        count += len(batch)
    shown = pa.Table.from_batches(batches, rows.schema)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else UNBROKEN
    with duckdb.connect() as connection, redirect_stdout(io.StringIO()) as drawn:
        connection.from_arrow(shown).show(max_rows=SHOWN_ROWS, max_width=width)
    note = f"{SHOWN_ROWS} of {count:,} rows shown" if count > SHOWN_ROWS else ""
    return visible(drawn.getvalue().rstrip("\n")) + "\n", note


def _each(rows: pa.RecordBatchReader) -> Iterator[dict[str, object]]:
    names = rows.schema.names
    for batch in rows:
        rows_of = zip(*map(python_values, batch.columns), strict=True)
        yield from (dict(zip(names, row, strict=True)) for row in rows_of)
