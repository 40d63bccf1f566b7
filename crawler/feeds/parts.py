"""Clean a feed's good rows, and divide them into files whose rows belong to the same buckets.

A table of a hundred million rows that is sorted and written at once spills all of itself to disk; a part at
a time fits in memory, and so does what it is joined with.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from storage.engine import text
from storage.tables import bucket_sql

__all__ = ["Part", "divide", "open_part"]

_ROWS = 4_000
"""Products from which a bucket is a part of its own; smaller ones are taken together."""
_MOST_ROWS = 400_000
"""Products of a part at most: with 16 specifications each, some 6 million lines."""

_CLEAN = """
    SELECT line, product_id, trim(url) AS url, fold(id) AS native_id, fold(title) AS caption,
        texts(category) AS category, fold(brand) AS brand, amount(price) AS price,
        currency_of(currency, price) AS currency, stock(availability) AS availability, hashes.hash AS merchant,
        fold(gtin) AS gtin, fold(mpn) AS mpn, each_once(texts(image_urls)) AS image_urls,
        each_once(texts(video_urls)) AS video_urls, pairs(specs) AS specs
    FROM (SELECT *, getvariable('source') || ':' || fold(id) AS product_id FROM good)
    LEFT JOIN hashes ON hashes.name = fold(merchant)
"""


@dataclass(frozen=True, slots=True)
class Part:
    """Some of a feed's rows."""

    buckets: tuple[int, ...]
    """Buckets that they belong to, all rows of each."""
    files: tuple[Path, ...]


def divide(connection: duckdb.DuckDBPyConnection, folder: Path, rows: int, buckets: int) -> Iterator[Part]:
    """Write the clean rows below ``folder``, and yield the parts, which together have every bucket.

    Args:
        connection: With the view ``good`` and the table ``hashes``.
        folder: Not there yet; holds captions before their contact details are masked, so the caller's scratch.
        rows: How many good rows there are.
        buckets: Of the workspace.
    """
    parts = min(max(-(-rows // _MOST_ROWS), rows // _ROWS, 1), buckets)
    number = f"{bucket_sql('product_id', buckets)} % {parts} AS part"
    folder.parent.mkdir(parents=True, exist_ok=True)
    numbered = f"SELECT *, {number} FROM ({_CLEAN})"  # noqa: S608
    connection.execute("SET preserve_insertion_order = false")  # a part is sorted later; in order, one core does it all
    connection.execute(
        f"COPY ({numbered}) TO {text(str(folder))} (FORMAT parquet, PARTITION_BY (part), COMPRESSION lz4_raw)"
    )
    connection.execute("RESET preserve_insertion_order")
    for part in range(parts):
        files = tuple(sorted((folder / f"part={part}").glob("*.parquet")))
        yield Part(tuple(range(part, buckets, parts)), files)


def open_part(connection: duckdb.DuckDBPyConnection, part: Part) -> None:
    """Make the view ``named`` of a part's rows, in place of another part's."""
    files = ", ".join(text(str(path)) for path in part.files)
    rows = f"FROM read_parquet([{files}], hive_partitioning = false)" if files else f"FROM ({_CLEAN}) WHERE false"
    connection.execute(f"CREATE OR REPLACE TEMP VIEW named AS {rows}")
