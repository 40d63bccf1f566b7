"""The result of a person's query as texts, and a simple chart of it; also the work of a process for queries."""

import io
import json
import math
import os
import random
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from functools import cache
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from core.engine import memory_limit
from core.errors import M5DataError, QueryError
from core.odd_values import python_values
from core.processes.message import Message
from core.row_formats import write_csv, write_parquet
from storage import Snapshot, Store
from webapp.catalogue.product_card import plain

if TYPE_CHECKING:  # exists for type checkers alone
    from _typeshed import ReadableBuffer

__all__ = ["MAX_FILE_BYTES", "MAX_ROWS", "QueryResult", "answer", "run_query"]

MAX_FILE_BYTES = 32 << 20
"""Maximum size of a file of a result."""
_TOO_LARGE = f"sql: the file would exceed {MAX_FILE_BYTES >> 20} MB. Select less, or run m5data sql with --out FILE."

MAX_ROWS = 500
"""Maximum number of rows shown."""
_MAX_COLUMNS = 200
_LONGEST_VALUE = 400
_LONGEST_NAME = 100
_BARS = 60
_CORES = 2
_ENGINE_MB = 500
"""Memory of DuckDB itself in a process for queries; single values are outside it, within the process's limit."""


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The first rows of a result, as text."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]
    more: bool
    """Whether there are rows beyond ``MAX_ROWS``, or columns beyond 200."""
    bars: tuple[tuple[str, str, int], ...]
    """Label, number, and length in twentieths of the longest; empty if the result cannot be charted."""


def run_query(snapshot: Snapshot, query: str, seconds: float | None = None) -> QueryResult:
    """Return the first rows of one SELECT, and a bar chart if each row is a text and a number.

    Args:
        snapshot: The dataset version.
        query: SQL.
        seconds: How long it may take; None: no limit.

    Raises:
        QueryError: The query is invalid, not a SELECT, or takes too long.
    """
    rows: list[tuple[object, ...]] = []
    reader = snapshot.batches(query, seconds=seconds)
    try:
        for batch in reader:
            first = batch.slice(0, MAX_ROWS + 1 - len(rows)).columns[:_MAX_COLUMNS]
            rows += zip(*map(python_values, first), strict=True)
            if len(rows) > MAX_ROWS:
                break
    finally:
        reader.close()
    names = tuple(plain(name, _LONGEST_NAME) for name in reader.schema.names[:_MAX_COLUMNS])
    shown = tuple(tuple(_text(value) for value in row) for row in rows[:MAX_ROWS])
    more = len(rows) > MAX_ROWS or len(reader.schema.names) > _MAX_COLUMNS
    return QueryResult(names, shown, more, _chart(rows))


def answer(kind: str, data: bytes) -> Message:
    """Run a query in a process for queries: a handler of ``core.processes``.

    Args:
        kind: ``page``: the first rows as ``QueryResult``, in JSON; ``csv`` or ``parquet``: a file of all rows.
        data: JSON: root, version, query, seconds, and scratch, a folder for data beyond the memory limit.
    """
    asked = json.loads(data)
    tempfile.tempdir = asked["scratch"]
    _be_modest()
    try:
        with memory_limit(_ENGINE_MB):
            snapshot = _snapshot(asked["root"], asked["version"])
            if kind == "page":
                body = json.dumps(asdict(run_query(snapshot, asked["query"], asked["seconds"]))).encode()
            else:
                body = _file(snapshot.batches(asked["query"], seconds=asked["seconds"]), kind)
    except M5DataError as error:
        return Message({"error": plain(str(error), _LONGEST_VALUE)})
    return Message({}, (body,))


def _file(rows: pa.RecordBatchReader, form: str) -> bytes:
    """Return a file of all rows.

    Raises:
        QueryError: It would be larger than ``MAX_FILE_BYTES``.
    """
    file = _BoundedFile()
    try:
        if form == "csv":
            write_csv(rows, file, for_spreadsheet=True)
        else:
            write_parquet(rows, file)
    finally:
        rows.close()
    return file.getvalue()


class _BoundedFile(io.BytesIO):
    """A file in memory that refuses to grow beyond ``MAX_FILE_BYTES``."""

    def write(self, data: "ReadableBuffer", /) -> int:
        written = super().write(data)
        if self.tell() > MAX_FILE_BYTES:
            raise QueryError(_TOO_LARGE)
        return written


@cache
def _be_modest() -> None:
    """Leave the processor to the pages, and start few threads, each of which takes address space."""
    os.nice(10)
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, random.sample(cores, min(_CORES, len(cores))))
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)


@cache
def _store(root: str) -> Store:
    return Store.open(Path(root))


def _snapshot(root: str, version: int) -> Snapshot:
    return _store(root).snapshot(version)


def _text(value: object) -> str | None:
    if isinstance(value, Decimal):
        value = _amount(value)
    return None if value is None else plain(str(value), _LONGEST_VALUE)


def _amount(value: Decimal) -> str:
    """Return a decimal number without zeros beyond the second decimal place, as other pages show prices."""
    whole, point, decimals = f"{value:f}".partition(".")
    return whole + point + decimals[:2] + decimals[2:].rstrip("0")


def _chart(rows: Sequence[tuple[object, ...]]) -> tuple[tuple[str, str, int], ...]:
    if not 1 < len(rows) <= _BARS or any(len(row) != 2 or not _is_number(row[1]) for row in rows):
        return ()
    numbers = [float(str(row[1])) for row in rows]
    longest = max(numbers)
    if not all(map(math.isfinite, numbers)) or min(numbers) < 0 or longest <= 0:
        return ()
    return tuple(
        (_text(row[0]) or "NULL", f"{number:,.6g}", round(20 * (number / longest)))
        for row, number in zip(rows, numbers, strict=True)
    )


def _is_number(value: object) -> bool:
    return (isinstance(value, Real) or type(value).__name__ == "Decimal") and not isinstance(value, bool)
