"""Give DuckDB a feed of any format as one relation."""

from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pyarrow as pa

from crawler.feeds.columns import FEED_SCHEMA, Line, batches
from crawler.feeds.comma_separated import read_csv
from crawler.feeds.detect import FeedFormat
from crawler.feeds.json_lines import read_json_lines
from crawler.feeds.m5product import read_m5product
from crawler.feeds.merchant import read_merchant_tsv, read_merchant_xml
from crawler.feeds.parquet import parquet_query
from crawler.feeds.product1m import read_product1m
from m5data.errors import FeedError

__all__ = ["open_feed"]


def open_feed(connection: duckdb.DuckDBPyConnection, path: Path, feed_format: FeedFormat) -> None:
    """Make the relation ``feed`` (columns of ``FEED_SCHEMA``) from a file.

    Parquet is read where it lies, as often as it is asked for; anything else is read once, row by row,
    into a temporary table.

    Raises:
        FeedError: the file cannot be read as what it should be.
    """
    if feed_format == "parquet":
        connection.execute(f"CREATE TEMP VIEW feed AS {parquet_query(path)}")
        return
    connection.register("arriving", FEED_SCHEMA.empty_table())
    connection.execute("CREATE TEMP TABLE feed AS SELECT * FROM arriving")
    try:
        for batch in batches(_reader(path, feed_format)(path)):
            connection.register("arriving", pa.Table.from_batches([batch]))
            connection.execute("INSERT INTO feed SELECT * FROM arriving")
    except OSError as error:
        raise FeedError(f"{path}: wanted a file to read, got {error.strerror}") from error


def _reader(path: Path, feed_format: FeedFormat) -> Callable[[Path], Iterator[Line]]:
    if feed_format == "merchant":
        with path.open("rb") as file:
            return (
                read_merchant_xml
                if file.read(256).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
                else read_merchant_tsv
            )
    return _READERS[feed_format]


_READERS: dict[FeedFormat, Callable[[Path], Iterator[Line]]] = {
    "jsonl": read_json_lines,
    "csv": read_csv,
    "m5product": read_m5product,
    "product1m": read_product1m,
}
