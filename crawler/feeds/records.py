"""Records of a file as mappings, whatever its container: lines or an array of JSON, columns of text, Parquet."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from core.errors import FeedError
from core.urls import absolute
from crawler.feeds.delimited import names_in, read_delimited
from crawler.feeds.files import is_parquet, read_head, utf8_file
from crawler.feeds.json_values import is_array, read_members, read_values
from crawler.feeds.rows import FeedItem, FeedRowError, parse_json, parse_row

__all__ = [
    "Fields",
    "Layout",
    "Reader",
    "Record",
    "each_record",
    "is_members",
    "names_of",
    "objects",
    "placed",
    "read_json_records",
    "read_lines",
    "read_records",
    "strings",
]

Fields = Mapping[str, object]
"""Name -> value, as published."""
Reader = Callable[[Path, str], Iterator[FeedItem]]
"""Reads a file; the second argument is the URL that relative URLs stand under, "" where none is known."""

_LONGEST = 16 * 1024 * 1024
"""Longest line in bytes: a thousand times the longest product seen."""
_ROWS = 1_000
"""Rows of Parquet that are Python objects at once."""


class Record(NamedTuple):
    """One record, or the reason why it cannot be read."""

    fields: object
    """A mapping, unless the file is wrong; or a ``FeedRowError``."""
    line: int | None = None
    """A line on which it stands, from 1; None in files without lines."""


def _no_companions(path: Path) -> Sequence[Path]:
    del path
    return ()


class Layout(NamedTuple):
    """The layout of records that a shop's software, a platform or a dataset publishes."""

    name: str
    """As ``--format`` names it."""
    read: Reader
    signs: tuple[frozenset[str], ...]
    """Sets of names in lower case. A file that has all names of one set has this layout."""
    companions: Callable[[Path], Sequence[Path]] = _no_companions
    """Further files that the rows of a file depend on."""


def each_record(convert: Callable[[Fields, str], Iterable[Fields]], *, members: bool = False) -> Reader:
    """Return a reader of files in which every record stands alone.

    Args:
        convert: Returns the fields of ``FeedRow`` of each product of a record; may raise ``FeedRowError``.
        members: Whether the file may also be one object of records; the name of each becomes its ``id``.
    """

    def read(path: Path, base: str) -> Iterator[FeedItem]:
        as_members = members and not is_parquet(path) and is_members(read_head(path))
        for fields, line in _members(path) if as_members else read_records(path):
            try:
                rows = [parse_row(row) for row in convert(_mapping(fields), base)]
            except FeedRowError as error:
                yield FeedItem(error, line)
                continue
            for row in rows:
                yield FeedItem(row, line)

    return read


def _mapping(fields: object) -> Fields:
    if isinstance(fields, FeedRowError):
        raise fields
    if not isinstance(fields, Mapping):
        raise FeedRowError("row: not an object")
    return fields


def _members(path: Path) -> Iterator[Record]:
    for name, value in read_members(path):
        yield Record({"id": name, **value} if isinstance(value, Mapping) else value)


def read_records(path: Path) -> Iterator[Record]:
    """Yield the records of a file: Parquet, JSON in the forms of ``read_json_records``, or columns of text.

    Raises:
        FeedError: The file is none of these, or is damaged.
    """
    if is_parquet(path):
        return _read_parquet(path)
    if read_head(path).lstrip()[:1] in {"{", "["}:
        return read_json_records(path)
    return (Record(row.fields, row.line) for row in read_delimited(path))


def _read_parquet(path: Path) -> Iterator[Record]:
    """Yield rows without their binary columns, which may hold whole images."""
    try:
        file = pq.ParquetFile(path)
        leaves = [file.schema.column(number) for number in range(len(file.schema))]
        plain = [leaf.path for leaf in leaves if leaf.physical_type != "BYTE_ARRAY" or leaf.logical_type.type != "NONE"]
        for batch in file.iter_batches(_ROWS, columns=plain):
            yield from map(Record, batch.to_pylist())
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise FeedError(f"{path}: the file is damaged: {str(error).splitlines()[0]}") from error


def read_json_records(path: Path) -> Iterator[Record]:
    """Yield the values of JSON Lines, of an array, or of objects that stand one after the other.

    A line that is not JSON costs its item alone; in the other forms nobody knows where the next item begins.

    Raises:
        FeedError: The file is not JSON in one of these forms.
    """
    if _is_spread(read_head(path)):
        return map(Record, read_values(path))
    return read_lines(path, parse_json)


def read_lines(path: Path, parse: Callable[[str], object]) -> Iterator[Record]:
    """Yield a record for each line that is not empty.

    Args:
        path: The file.
        parse: Reads one line without its end; may raise ``FeedRowError``.
    """
    with utf8_file(path) as file:
        number = 0
        while line := file.readline(_LONGEST):
            number += 1
            if len(line) == _LONGEST and not line.endswith(b"\n"):
                while (rest := file.readline(_LONGEST)) and not rest.endswith(b"\n"):
                    pass
                yield Record(FeedRowError(f"row: longer than {_LONGEST} bytes"), number)
            elif line.strip():
                yield Record(_parse_line(line, parse), number)


def _parse_line(line: bytes, parse: Callable[[str], object]) -> object:
    try:
        return parse(line.decode().rstrip("\r\n"))
    except UnicodeDecodeError as error:
        return FeedRowError(f"byte {error.start}: not UTF-8")
    except FeedRowError as error:
        return error


def _is_spread(head: str) -> bool:
    """Return whether the values of a JSON file are not lines."""
    head = head.lstrip()
    if is_array(head) or head.partition("\n")[0].strip() in {"{", "["}:
        return True
    try:
        _, end = json.JSONDecoder().raw_decode(head)
    except (ValueError, RecursionError):
        return False
    return "\n" in head[:end]


_MEMBER = re.compile(r'\{\s*"(?!specs")[^"]*"\s*:\s*\{')
"""Start of an object of items (M5Product); of the fields of a row, only ``specs`` may hold an object."""
_NAME = re.compile(r'"([^"\\]{1,80})"\s*:')


def is_members(head: str) -> bool:
    """Return whether a text begins like one object of items."""
    return _MEMBER.match(head.lstrip()) is not None and not is_array(head)


def names_of(path: Path) -> frozenset[str]:
    """Return the names, in lower case, of columns or of the fields at the beginning of a JSON file."""
    if is_parquet(path):
        return frozenset(_parquet_names(path))
    head = read_head(path).lstrip()
    if head[:1] in {"{", "["}:
        return frozenset(name.lower() for name in _NAME.findall(head))
    return frozenset(name.lower() for name in names_in(head.partition("\n")[0]))


def _parquet_names(path: Path) -> list[str]:
    try:
        return [name.lower() for name in pq.read_schema(path).names]
    except (pa.ArrowException, OSError):
        return []  # whoever reads it says what is damaged


def placed(base: str, reference: str) -> str:
    """Return the URL of a page or file that a row names by path.

    Raises:
        FeedRowError: It is none, mostly since it is not known where the path leads.
    """
    url = absolute(base, reference)
    if url is None:
        why = "" if base else ", and sources.NAME.feed_base, the URL of the shop or of the folder of files, is not set"
        raise FeedRowError(f"url: {reference[:100]} is relative{why}")
    return url


def objects(fields: Fields, name: str) -> list[Fields]:
    """Return the objects of a list.

    Raises:
        FeedRowError: The value is something else.
    """
    value = fields.get(name)
    if value is None or value == "":
        return []
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise FeedRowError(f"{name}: must be a list of objects")
    return value


def strings(value: object) -> list[str]:
    """Return a text, or the texts of a list; other values are left out."""
    values = value if isinstance(value, list) else [value]
    return [one for one in values if isinstance(one, str) and one.strip()]
