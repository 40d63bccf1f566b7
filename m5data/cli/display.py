"""Printing for people (tables) and for programs (JSON)."""

import json
from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from m5data.stage import StageReport

__all__ = ["print_json", "print_reports", "print_rows"]

UNBROKEN = 10_000
_CONTROLS = dict.fromkeys({*range(32), *range(127, 160)} - {9, 10}, "\ufffd")


def print_rows(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; numbers are right-aligned, None is shown as a dash."""
    table = Table(title=title or None, title_justify="left", box=SIMPLE_HEAD, show_edge=False)
    for index, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[index], int | float) or row[index] is None for row in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*("-" if value is None else _plain(value) for value in row))
    _console().print(table, markup=False)


def print_reports(reports: Sequence[StageReport], *, as_json: bool = False) -> None:
    """Print what stages did: read, kept, dropped by reason, seconds, rate."""
    if as_json:
        print_json([_report_row(report) for report in reports])
        return
    print_rows(
        "",
        ("stage", "read", "kept", "dropped", "seconds", "per second"),
        [
            (
                report.stage,
                report.read,
                report.kept,
                _dropped(report),
                None if report.unchanged else round(report.seconds, 1),
                None if report.unchanged or not report.seconds else round(report.read / report.seconds, 1),
            )
            for report in reports
        ],
    )


def print_json(value: object) -> None:
    """Print a value as JSON, one document."""
    print(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def _console() -> Console:
    """Fit a terminal's width; elsewhere (a file, a pipe) break no line."""
    console = Console()
    return console if console.is_terminal else Console(width=UNBROKEN)


def _dropped(report: StageReport) -> str:
    if report.unchanged:
        return "unchanged: nothing to do"
    return ", ".join(f"{reason} {count}" for reason, count in report.dropped.items()) or "-"


def _report_row(report: StageReport) -> dict[str, object]:
    return {
        "stage": report.stage,
        "read": report.read,
        "kept": report.kept,
        "dropped": dict(report.dropped),
        "seconds": round(report.seconds, 3),
        "unchanged": report.unchanged,
    }


def _plain(value: object) -> str:
    """Write a value out; control characters, which would steer the terminal, become U+FFFD."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value).translate(_CONTROLS)
