"""Formats of feeds: detection, and reading any file into one relation."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, get_args

import duckdb
import pyarrow as pa

from core.errors import FeedError
from crawler.feeds.delimited import delimiter_of, read_table
from crawler.feeds.files import is_parquet, read_head, utf8_file
from crawler.feeds.json_values import is_array, read_values
from crawler.feeds.m5product import read_m5product
from crawler.feeds.parquet import insert_checked, parquet_query
from crawler.feeds.rows import (
    ROUNDED_ID,
    FeedItem,
    FeedRow,
    FeedRowError,
    batches,
    feed_schema,
    parse_json,
    parse_row,
)
from crawler.feeds.xml_items import read_xml

__all__ = ["FORMATS", "FeedFormat", "detect", "open_feed", "read_json", "read_product1m"]

_LONGEST = 16 * 1024 * 1024
"""Longest line in bytes: a thousand times the longest product seen."""


def _read_lines(path: Path, parse: Callable[[str], FeedRow]) -> Iterator[FeedItem]:
    """Yield an item for each line that is not empty.

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
                yield FeedItem(FeedRowError(f"row: longer than {_LONGEST} bytes"), number)
            elif line.strip():
                yield FeedItem(_parse_line(line, parse), number)


def _parse_line(line: bytes, parse: Callable[[str], FeedRow]) -> FeedRow | FeedRowError:
    try:
        return parse(line.decode().rstrip("\r\n"))
    except UnicodeDecodeError as error:
        return FeedRowError(f"byte {error.start}: not UTF-8")
    except FeedRowError as error:
        return error


def read_json(path: Path) -> Iterator[FeedItem]:
    """Yield the items of JSON Lines, of an array, or of objects that stand one after the other.

    A line that is not JSON costs its item alone; in the other forms nobody knows where the next item begins.

    Raises:
        FeedError: The file is not JSON in one of these forms.
    """
    if _is_spread(read_head(path)):
        return map(_as_item, read_values(path))
    return _read_lines(path, lambda text: parse_row(parse_json(text)))


def _as_item(value: object) -> FeedItem:
    try:
        return FeedItem(parse_row(value))
    except FeedRowError as error:
        return FeedItem(error)


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


_BETWEEN_FIELDS = "#####"
_BETWEEN_LABELS = "#;#"
_FIELDS = 5


def read_product1m(path: Path) -> Iterator[FeedItem]:
    """Yield the rows of a Product1M file: ``id#####title#####url#####ossurl#####label#;#label``.

    A sixth field, which exports of m5data have, is skipped.

    Both URLs are of the same image. The second is a copy made for the dataset and preferred for the image. The format
    has no URL of the page, so the first takes its place. Empty lines are skipped.
    """
    return _read_lines(path, _parse_product1m)


def _parse_product1m(line: str) -> FeedRow:
    fields = [field.strip() for field in line.split(_BETWEEN_FIELDS)]
    if len(fields) not in {_FIELDS, _FIELDS + 1}:
        raise FeedRowError(f"row: the number of fields is {len(fields)}, not {_FIELDS}")
    native_id, title, url, copy, labels = fields[:_FIELDS]
    return parse_row(
        {
            "id": native_id,
            "url": url or copy,
            "title": title,
            "category": [label.strip() for label in labels.split(_BETWEEN_LABELS) if label.strip()],
            "image_urls": [copy or url] if copy or url else [],
        }
    )


FeedFormat = Literal["jsonl", "csv", "parquet", "m5product", "product1m", "merchant"]
FORMATS: tuple[FeedFormat, ...] = get_args(FeedFormat)

_MEMBER = re.compile(r'\{\s*"(?!specs")[^"]*"\s*:\s*\{')
"""Start of an object of items (M5Product); of the fields of a row, only ``specs`` may hold an object."""


def detect(path: Path) -> FeedFormat:
    """Return the format of a file.

    Raises:
        FeedError: The file cannot be read, is empty, or has an unknown format.
    """
    if is_parquet(path):
        return "parquet"
    text = read_head(path).lstrip()
    if not text:
        raise FeedError(f"{path}: the file is empty")
    first = text.splitlines()[0]
    if text.startswith("<"):
        return "merchant"
    if text[0] in "{[":
        return "m5product" if _MEMBER.match(text) and not is_array(text) else "jsonl"
    if first.count(_BETWEEN_FIELDS) >= _FIELDS - 1:
        return "product1m"
    delimiter = delimiter_of(first)
    if delimiter == "\t":
        return "merchant"
    if delimiter is not None or path.suffix.lower() == ".csv":
        return "csv"
    known = ", ".join(FORMATS)
    raise FeedError(f"{path}: the format of the feed is unclear. Name it with --format ({known}).")


def open_feed(
    connection: duckdb.DuckDBPyConnection, path: Path, feed_format: FeedFormat, *, checked: bool = False
) -> None:
    """Create the relation ``feed`` with the columns of ``feed_schema()`` from a file.

    Parquet is read in place by each query. Other formats are read once, item by item, into a temporary table.

    Args:
        connection: A connection without a relation ``feed``.
        path: The file.
        feed_format: Its format.
        checked: Also read Parquet once, and check that its texts are UTF-8.

    Raises:
        FeedError: The file cannot be read in this format.
    """
    if feed_format == "parquet" and not checked:
        connection.execute(f"CREATE TEMP VIEW feed AS {parquet_query(path)}")
        return
    connection.register("arriving", feed_schema().empty_table())
    connection.execute("CREATE TEMP TABLE feed AS SELECT * FROM arriving")
    if feed_format == "parquet":
        insert_checked(connection, path)
        return
    try:
        for batch in batches(_reader(path, feed_format)(path)):
            connection.register("arriving", pa.Table.from_batches([batch]))
            connection.execute("INSERT INTO feed SELECT * FROM arriving")
    except OSError as error:
        raise FeedError(f"{path}: cannot read the file: {error.strerror}") from error
    _restore_ids(connection)


def _reader(path: Path, feed_format: FeedFormat) -> Callable[[Path], Iterator[FeedItem]]:
    if feed_format == "merchant" and read_head(path).lstrip().startswith("<"):
        return read_xml
    return _READERS[feed_format]


_READERS: dict[FeedFormat, Callable[[Path], Iterator[FeedItem]]] = {
    "jsonl": read_json,
    "csv": read_table,
    "m5product": read_m5product,
    "product1m": read_product1m,
    "merchant": read_table,
}

_FLOAT = r"\d+\.0+"
_ROUNDED = r"\d(?:[.,]\d+)?[eE]\+\d+"
_REFUSE = f"""
    UPDATE feed SET error = 'id: {ROUNDED_ID}', id = NULL WHERE regexp_full_match(trim(id), '{_ROUNDED}')
"""  # noqa: S608 - constants
_ALL_FLOATS = f"""
    SELECT count(*) > 0 AND coalesce(bool_and(regexp_full_match(trim(id), '{_FLOAT}')), false)
    FROM feed WHERE trim(id) <> ''
"""  # noqa: S608 - constants
_RESTORE = f"""
    UPDATE feed SET
        error = CASE WHEN try_cast(id AS DOUBLE) < 9007199254740992 THEN error ELSE 'id: {ROUNDED_ID}' END,
        id = CASE WHEN try_cast(id AS DOUBLE) < 9007199254740992 THEN try_cast(try_cast(id AS DOUBLE) AS BIGINT) END
    WHERE trim(id) <> ''
"""  # noqa: S608 - constants


def _restore_ids(connection: duckdb.DuckDBPyConnection) -> None:
    """Restore ids of which a data frame made floats, if all ids of the file are: ``101.0`` was 101.

    Ids that a spreadsheet shortened, such as ``4.00638E+12``, are refused: their last digits are lost.
    """
    connection.execute(_REFUSE)
    if connection.execute(_ALL_FLOATS).fetchall() == [(True,)]:
        connection.execute(_RESTORE)
