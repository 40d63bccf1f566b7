"""Writing query results as a table, CSV, JSON or Parquet."""

import json
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from m5data.errors import UsageError
from storage.files import replacing

__all__ = ["write_rows"]

SHOWN_ROWS = 200


def write_rows(rows: pa.RecordBatchReader, form: str, out: Path | None) -> None:
    """Write rows to ``out``, or to standard output, as they come: they need not fit in memory.

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


def _write(rows: pa.RecordBatchReader, form: str, out: Path | None) -> None:
    """Write to the screen, or to a draft that becomes the file when it is whole."""
    if out is None:
        _encode(rows, form, sys.stdout.buffer)
        return
    with replacing(out, sync=False) as file:
        _encode(rows, form, file)


def _encode(rows: pa.RecordBatchReader, form: str, target: BinaryIO) -> None:
    if form == "csv":
        _encode_csv(rows, target)
    elif form == "parquet":
        import pyarrow.parquet

        with pyarrow.parquet.ParquetWriter(target, rows.schema) as writer:
            for batch in rows:
                writer.write_batch(batch)
    else:
        lines = (json.dumps(row, ensure_ascii=False, default=str) for row in _each(rows))
        target.write(b"[")
        target.writelines(f"{',' if number else ''}\n  {line}".encode() for number, line in enumerate(lines))
        target.write(b"\n]\n")


def _encode_csv(rows: pa.RecordBatchReader, target: BinaryIO) -> None:
    import pyarrow.csv

    schema = _flat(rows.schema.empty_table()).schema
    with pyarrow.csv.CSVWriter(target, schema) as writer:
        for batch in rows:
            writer.write_table(_flat(pa.Table.from_batches([batch])))


def _show(rows: pa.RecordBatchReader) -> None:
    from m5data.cli.display import print_rows

    found = _each(rows)
    print_rows("", rows.schema.names, [tuple(row.values()) for row in islice(found, SHOWN_ROWS)])
    more = sum(1 for _ in found)
    if more:
        sys.stderr.write(f"{SHOWN_ROWS} of {SHOWN_ROWS + more} rows shown; all of them: --format csv --out FILE\n")


def _each(rows: pa.RecordBatchReader) -> Iterator[dict[str, object]]:
    for batch in rows:
        yield from batch.to_pylist()


def _flat(rows: pa.Table) -> pa.Table:
    """Turn nested columns, which CSV does not know, into JSON text."""
    for index, field in enumerate(rows.schema):
        if pa.types.is_nested(field.type):
            texts = [
                None if v is None else json.dumps(v, ensure_ascii=False, default=str) for v in rows[index].to_pylist()
            ]
            rows = rows.set_column(index, field.name, pa.array(texts, pa.string()))
    return rows
