"""CSV and Parquet files of a query's rows, and values as JSON has them: one writer for verbs and pages."""

import base64
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, BinaryIO

import pyarrow as pa

from core.odd_values import is_odd, python_values
from core.spreadsheets import escape_formulas

__all__ = ["plain_json", "write_csv", "write_parquet"]

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def write_csv(rows: pa.RecordBatchReader, target: BinaryIO, *, for_spreadsheet: bool = False) -> None:
    """Write rows as CSV in UTF-8, batch by batch; columns of types that CSV lacks become text.

    pyarrow has no text for times outside Python's years, so a batch with one has texts there.

    Args:
        rows: The rows.
        target: File to write to.
        for_spreadsheet: Whether people open it in a spreadsheet: it begins with a byte order mark, and texts that
            would be read as formulas begin with an apostrophe.
    """
    import pyarrow.csv as format_  # noqa: PLC0415 - only to write

    finish = escape_formulas if for_spreadsheet else _same
    texts = [field.name for field in rows.schema if not _is_written(field, format_.CSVWriter)]
    target.write(_BYTE_ORDER_MARK if for_spreadsheet else b"")
    format_.write_csv(finish(_as_texts(pa.Table.from_batches([], rows.schema), texts)), target)
    for batch in rows:
        table = pa.Table.from_batches([batch])
        odd = [name for name in table.column_names if name not in texts and is_odd(table[name])]
        shown = finish(_as_texts(table, [*texts, *odd]))
        format_.write_csv(shown, target, format_.WriteOptions(include_header=False))


def write_parquet(rows: pa.RecordBatchReader, target: BinaryIO) -> None:
    """Write rows as Parquet, batch by batch; columns of types that Parquet lacks become text."""
    from pyarrow.parquet import ParquetWriter  # noqa: PLC0415 - only to write

    texts = [field.name for field in rows.schema if not _is_written(field, ParquetWriter)]
    schema = _as_texts(pa.Table.from_batches([], rows.schema), texts).schema
    with ParquetWriter(target, schema) as writer:
        for batch in rows:
            writer.write_table(_as_texts(pa.Table.from_batches([batch]), texts))


def _same(rows: pa.Table) -> pa.Table:
    return rows


def _is_written(field: pa.Field, writer_of: Callable[[object, pa.Schema], Any]) -> bool:
    """Return whether a format has the type of a column; CSV has no bytes, though pyarrow writes them as they are."""
    import pyarrow.csv  # noqa: PLC0415 - only to write

    if writer_of is pyarrow.csv.CSVWriter and _is_bytes(field.type):
        return False
    try:
        row = pa.table({field.name: pa.nulls(1, field.type)})
        with writer_of(io.BytesIO(), row.schema) as writer:
            writer.write_table(row)
    except pa.ArrowException:
        return False
    return True


def _is_bytes(kind: pa.DataType) -> bool:
    kinds = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view, pa.types.is_fixed_size_binary)
    return any(is_kind(kind) for is_kind in kinds)


def _as_texts(rows: pa.Table, names: Sequence[str]) -> pa.Table:
    """Return a table with columns as text: values within others as JSON, bytes as base64."""
    for name in names:
        texts = [_as_text(value) for value in python_values(rows[name])]
        rows = rows.set_column(rows.schema.get_field_index(name), name, pa.array(texts, pa.string()))
    return rows


def _as_text(value: object) -> str | None:
    plain = plain_json(value)
    return plain if isinstance(plain, str | None) else json.dumps(plain, ensure_ascii=False, allow_nan=False)


def plain_json(value: object) -> object:  # noqa: PLR0911 - one of each type
    """Return a value as JSON has it (RFC 8259): bytes as base64, all else that it lacks (NaN, dates) as text."""
    match value:
        case float():
            return value if math.isfinite(value) else str(value)
        case None | bool() | int() | str():
            return value
        case Mapping():
            return {str(key): plain_json(one) for key, one in value.items()}
        case pa.MonthDayNano():
            return _interval(value.months, value.days, value.nanoseconds)
        case list() | tuple():
            return [plain_json(one) for one in value]
        case bytes():
            return base64.b64encode(value).decode()
        case _:
            return str(value)


def _interval(months: int, days: int, nanoseconds: int) -> str:
    seconds = Decimal(nanoseconds).scaleb(-9).normalize()
    parts = [(Decimal(months), "month"), (Decimal(days), "day"), (seconds, "second")]
    given = [f"{number:f} {name}{'' if number == 1 else 's'}" for number, name in parts if number]
    return " ".join(given) or "0 seconds"
