"""Formats of feeds: detection, and reading any file into one relation."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from core.errors import FeedError
from crawler.feeds.delimited import delimiter_of, read_table
from crawler.feeds.files import is_parquet, read_head
from crawler.feeds.layouts import layouts
from crawler.feeds.m5product import read_m5product
from crawler.feeds.parquet import insert_checked, parquet_query
from crawler.feeds.records import Reader, Record, is_members, names_of, read_json_records, read_lines
from crawler.feeds.rows import ROUNDED_ID, FeedItem, FeedRow, FeedRowError, batches, feed_schema, parse_row
from crawler.feeds.xml_items import read_xml

__all__ = ["FeedFormat", "companions", "detect", "formats", "open_feed", "read_json", "read_product1m"]


def read_json(path: Path) -> Iterator[FeedItem]:
    """Yield the items of JSON Lines, of an array, or of objects that stand one after the other.

    A line that is not JSON costs its item alone; in the other forms nobody knows where the next item begins.

    Raises:
        FeedError: The file is not JSON in one of these forms.
    """
    return _parsed(read_json_records(path), parse_row)


def _parsed(records: Iterable[Record], parse: Callable[[Any], FeedRow]) -> Iterator[FeedItem]:
    for fields, line in records:
        try:
            yield FeedItem(fields if isinstance(fields, FeedRowError) else parse(fields), line)
        except FeedRowError as error:
            yield FeedItem(error, line)


_BETWEEN_FIELDS = "#####"
_BETWEEN_LABELS = "#;#"
_FIELDS = 5


def read_product1m(path: Path) -> Iterator[FeedItem]:
    """Yield the rows of a Product1M file: ``id#####title#####url#####ossurl#####label#;#label``.

    A sixth field, which exports of m5data have, is skipped.

    Both URLs are of the same image. The second is a copy made for the dataset and preferred for the image. The format
    has no URL of the page, so the first takes its place. Empty lines are skipped.
    """
    return _parsed(read_lines(path, str), _parse_product1m)


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


FeedFormat = str
"""Name of a format."""


def detect(path: Path) -> FeedFormat:
    """Return the format of a file.

    Raises:
        FeedError: The file cannot be read, is empty, or has an unknown format.
    """
    if layout := _layout_of(path):
        return layout
    if is_parquet(path):
        return "parquet"
    text = read_head(path).lstrip()
    if not text:
        raise FeedError(f"{path}: the file is empty")
    if text[0] in "{[":
        return "m5product" if is_members(text) else "jsonl"
    if found := _format_of_lines(text, path.suffix):
        return found
    raise FeedError(f"{path}: the format of the feed is unclear. Name it with --format ({', '.join(formats())}).")


def _format_of_lines(text: str, suffix: str) -> FeedFormat | None:
    first = text.splitlines()[0]
    delimiter = delimiter_of(first)
    if text.startswith("<"):
        return "merchant"
    if first.count(_BETWEEN_FIELDS) >= _FIELDS - 1:
        return "product1m"
    if delimiter == "\t":
        return "merchant"
    return "csv" if delimiter is not None or suffix.lower() == ".csv" else None


def _layout_of(path: Path) -> str | None:
    names = names_of(path)
    return next((one.name for one in layouts().values() if any(signs <= names for signs in one.signs)), None)


def open_feed(
    connection: duckdb.DuckDBPyConnection, path: Path, feed_format: FeedFormat, *, base: str = "", checked: bool = False
) -> None:
    """Create the relation ``feed`` with the columns of ``feed_schema()`` from a file.

    Parquet is read in place by each query. Other formats are read once, item by item, into a temporary table.

    Args:
        connection: A connection without a relation ``feed``.
        path: The file.
        feed_format: Its format.
        base: URL that pages and files stand under that the file names by path; empty: unknown.
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
        for batch in batches(_reader(path, feed_format)(path, base)):
            connection.register("arriving", pa.Table.from_batches([batch]))
            connection.execute("INSERT INTO feed SELECT * FROM arriving")
    except OSError as error:
        raise FeedError(f"{path}: cannot read the file: {error.strerror}") from error
    _restore_ids(connection)


def companions(path: Path, feed_format: FeedFormat) -> Sequence[Path]:
    """Return further files that the rows of a file depend on."""
    layout = layouts().get(feed_format)
    return layout.companions(path) if layout else ()


def formats() -> tuple[FeedFormat, ...]:
    """Return the names of all formats."""
    return ("jsonl", "csv", "parquet", "m5product", "product1m", "merchant", *layouts())


def _reader(path: Path, feed_format: FeedFormat) -> Reader:
    if layout := layouts().get(feed_format):
        return layout.read
    is_xml = feed_format == "merchant" and read_head(path).lstrip().startswith("<")
    read = read_xml if is_xml else _READERS[feed_format]
    return lambda path, _: read(path)


_READERS: Mapping[FeedFormat, Callable[[Path], Iterator[FeedItem]]] = {
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
