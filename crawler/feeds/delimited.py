"""CSV and TSV: a line of column names, then one row on each line. Fields may be quoted and hold line breaks."""

import _csv
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from crawler.feeds.rows import BadRow, FeedRow, Line, parse_json, parse_row
from m5data.errors import FeedError

__all__ = ["Record", "read_csv", "read_delimited"]


class Record(NamedTuple):
    """One row as text, or why it is none."""

    number: int
    """Line on which it ends, from 1."""
    fields: dict[str, str] | BadRow
    """Name, as in the first line, -> text; empty fields are left out."""


def read_delimited(path: Path, delimiter: str) -> Iterator[Record]:
    """Yield the rows of a file; empty lines are none.

    Raises:
        FeedError: it has no line of names.
    """
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        names = _read_names(path, reader)
        while (values := _read_values(reader)) is not None:
            if values:
                fields = values if isinstance(values, BadRow) else _name(names, values)
                yield Record(reader.line_num, fields)


def _read_names(path: Path, reader: _csv.Reader) -> list[str]:
    names = _read_values(reader)
    if not names or isinstance(names, BadRow):
        raise FeedError(f"{path}:1: wanted a line of column names, got {names or 'none'}")
    return [name.strip() for name in names]


def _read_values(reader: _csv.Reader) -> list[str] | BadRow | None:
    """Return the next row's fields; None at the end. After an error the reader goes on with the next line."""
    try:
        return next(reader, None)
    except csv.Error as error:
        return BadRow(f"row: {error}")


def _name(names: list[str], values: list[str]) -> dict[str, str] | BadRow:
    if len(values) != len(names):
        return BadRow(f"row: wanted {len(names)} fields, got {len(values)}")
    fields = {name: value for name, value in zip(names, values, strict=True) if value.strip()}
    broken = next((name for name, value in fields.items() if not _is_utf8(value)), None)
    return fields if broken is None else BadRow(f"{broken}: wanted UTF-8")


def _is_utf8(value: str) -> bool:
    """Bytes that are no UTF-8 came in as lone surrogates."""
    return value.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in value)


_ADDRESSES = ("image_urls", "video_urls")


def read_csv(path: Path) -> Iterator[Line]:
    """Yield the rows of a file.

    Lists of addresses are JSON, or stand between ``|``; specifications are JSON, a list or a mapping.
    """
    for record in read_delimited(path, ","):
        yield Line(record.number, _parse(record))


def _parse(record: Record) -> FeedRow | BadRow:
    if isinstance(record.fields, BadRow):
        return record.fields
    values: dict[str, object] = dict(record.fields)
    try:
        for name in _ADDRESSES:
            if name in record.fields:
                values[name] = _read_list(record.fields[name])
        if "specs" in record.fields:
            values["specs"] = _read_json("specs", record.fields["specs"])
        return parse_row(values)
    except BadRow as error:
        return error


def _read_list(text: str) -> object:
    if text.lstrip().startswith("["):
        return _read_json("list", text)
    return [part.strip() for part in text.split("|") if part.strip()]


def _read_json(name: str, text: str) -> object:
    try:
        return parse_json(text)
    except BadRow as error:
        raise BadRow(f"{name}: {error}") from None
