"""CSV, TSV and the like: a line of column names, then one row per line. Quoted fields may contain line breaks."""

import _csv
import csv
import io
import re
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, Self, TextIO

import pyarrow as pa

from core.errors import FeedError
from core.modalities import feed_columns
from crawler.feeds.attributes import read_attributes, split_details, split_urls
from crawler.feeds.files import utf8_file
from crawler.feeds.rows import FeedItem, FeedRow, FeedRowError, parse_json, parse_row

__all__ = ["DelimitedRow", "delimiter_of", "names_in", "read_delimited", "read_table"]

_DELIMITERS = ",\t;|"
_SPACES = re.compile(r"[ -]+")
_DECLARED = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
"""A line before the column names by which spreadsheets state the delimiter."""
_QUOTED = re.compile(r'"[^"]*"')


_LONGEST = 16 * 1024 * 1024
"""Longest line in characters; a longer one is read in pieces, which are not valid rows."""


class DelimitedRow(NamedTuple):
    """One row as text, or the reason why it cannot be read."""

    line: int
    """Line on which it ends, from 1."""
    fields: dict[str, str] | FeedRowError
    """Column -> text; empty fields are left out."""
    is_google: bool
    """Whether the columns are Google's attributes; their names are in lower case with underscores."""


def delimiter_of(first: str) -> str | None:
    """Return the character that separates most names in a line of column names; None if there is none."""
    plain = _QUOTED.sub("", first)
    best = max(_DELIMITERS, key=plain.count)
    return best if best in plain else None


def names_in(first: str) -> list[str]:
    """Return the names in a line of column names; none if it cannot be read."""
    try:
        names = next(csv.reader([first.strip()], delimiter=delimiter_of(first) or ",", strict=True), [])
    except csv.Error:
        return []
    return [name.strip() for name in names]


def read_delimited(path: Path) -> Iterator[DelimitedRow]:
    """Yield the rows of a file. Empty lines are skipped.

    Raises:
        FeedError: The file has no line of column names.
    """
    lines = _read_lines(path)
    if found := _DECLARED.fullmatch(lines.peek()):
        next(lines)
    delimiter = found[1] if found else delimiter_of(lines.peek()) or ","
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    names = _read_names(path, lines, reader)
    is_google = "link" in names
    while (values := _read_values(lines, reader)) is not None:
        if values:
            fields = values if isinstance(values, FeedRowError) else _name(names, values)
            yield DelimitedRow(lines.number, fields, is_google)


def _read_lines(path: Path) -> "_Lines":
    text = io.TextIOWrapper(utf8_file(path), encoding="utf-8", errors="surrogateescape", newline="")
    return _Lines(text)


class _Lines:
    """Lines of a file; those after a line with an open quote can be read again as separate rows."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._waiting: deque[str] = deque()
        self._row: list[str] = []
        self._free = 1 << 20  # characters that may be read again: as many as were read, and a few more
        self.number = 0
        """Lines read."""

    def peek(self) -> str:
        """Return the next line without reading it."""
        if not self._waiting and (line := self._file.readline(_LONGEST)):
            self._free += len(line)
            self._waiting.append(line)
        return self._waiting[0] if self._waiting else ""

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        if self._waiting:
            line = self._waiting.popleft()
        else:
            line = self._file.readline(_LONGEST)
            self._free += len(line)
        if not line:
            raise StopIteration
        self.number += 1
        self._row.append(line)
        return line

    def begin_row(self) -> None:
        """Record that the next line begins a row."""
        self._row.clear()

    def reread(self) -> None:
        """Go back to the second line of the row, unless most of the file has been read twice already."""
        behind = self._row[1:]
        size = sum(map(len, behind))
        if size <= self._free:
            self._waiting.extendleft(reversed(behind))
            self._free -= size
            self.number -= len(behind)


def _read_names(path: Path, lines: _Lines, reader: _csv.Reader) -> list[str]:
    names = _read_values(lines, reader)
    if not names or isinstance(names, FeedRowError):
        raise FeedError(f"{path}:1: the first line must hold the column names{f' ({names})' if names else ''}")
    names = [name.strip() for name in names]
    google = [_SPACES.sub("_", name.lower()).removeprefix("g:") for name in names]
    names = google if "link" in google else names
    twice = next((name for name, times in Counter(names).items() if name and times > 1), None)
    if twice is not None:
        raise FeedError(f"{path}:1: the column {twice} appears twice. Remove or rename one.")
    return names


def _read_values(lines: _Lines, reader: _csv.Reader) -> list[str] | FeedRowError | None:
    """Return the fields of the next row; None at the end. After an error, the next line begins a row."""
    lines.begin_row()
    try:
        return next(reader, None)
    except csv.Error as error:
        lines.reread()
        return FeedRowError(f"row: {error}")


def _name(names: list[str], values: list[str]) -> dict[str, str] | FeedRowError:
    if len(values) != len(names):
        return FeedRowError(f"row: the number of fields is {len(values)}, not {len(names)}")
    fields = {name: value for name, value in zip(names, values, strict=True) if value.strip()}
    broken = next((name for name, value in fields.items() if not _is_utf8(value)), None)
    return fields if broken is None else FeedRowError(f"{broken}: not UTF-8")


def _is_utf8(value: str) -> bool:
    """Return whether a text was valid UTF-8; other bytes are read as lone surrogates."""
    return value.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in value)


_URL_LISTS = ("image_urls", "video_urls")


def read_table(path: Path) -> Iterator[FeedItem]:
    """Yield the rows of a file whose first line has the names of ``FeedRow`` or of Google's attributes.

    Lists of URLs are JSON, or separated by ``|`` or commas. Specifications are JSON, a list or a mapping; lists and
    objects of further modalities are JSON. ``product_detail`` is a list of ``section:name:value``.
    """
    for record in read_delimited(path):
        yield FeedItem(_parse(record), record.line)


def _parse(record: DelimitedRow) -> FeedRow | FeedRowError:
    if isinstance(record.fields, FeedRowError):
        return record.fields
    try:
        return _parse_attributes(record.fields) if record.is_google else _parse_fields(record.fields)
    except FeedRowError as error:
        return error


def _parse_attributes(fields: Mapping[str, str]) -> FeedRow:
    values = {name: [text] for name, text in fields.items()}
    return read_attributes(values, split_details(fields.get("product_detail", "")))


def _parse_fields(fields: Mapping[str, str]) -> FeedRow:
    values: dict[str, object] = dict(fields)
    for name in _URL_LISTS:
        if name in fields:
            values[name] = _read_list(name, fields[name])
    if fields.get("features", "").lstrip().startswith("["):
        values["features"] = _read_json("features", fields["features"])
    if "specs" in fields:
        values["specs"] = _read_json("specs", fields["specs"])
    for feed, _ in feed_columns():
        if feed.name in fields and pa.types.is_nested(feed.type):
            values[feed.name] = _read_json(feed.name, fields[feed.name])
    return parse_row(values)


def _read_list(name: str, text: str) -> object:
    return _read_json(name, text) if text.lstrip().startswith("[") else split_urls(text)


def _read_json(name: str, text: str) -> object:
    try:
        return parse_json(text)
    except FeedRowError as error:
        raise FeedRowError(f"{name}: {error}") from None
