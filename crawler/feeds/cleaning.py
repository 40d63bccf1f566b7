"""Accepted rows of a feed, cleaned and divided into files by bucket.

A table of a hundred million rows that is sorted and written at once spills to disk completely. One part at a time fits
in memory, and so do the tables that it is joined with.
"""

from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from crawler.pages.money import SIGN, UNIT, currency_sql
from m5data.modalities import FeedColumn, feed_columns
from storage.engine import quote, text
from storage.tables import bucket_sql
from storage.views import file_sql

__all__ = ["MACROS", "Part", "divide", "open_part"]

_UNFOLDED = r"^ |  | $|[\t\n\f\r\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]"
"""White space other than single spaces between words. Few texts have it, and a search costs a third of folding."""

_SEPARATOR = "\x01"
_SIGN = rf"(?:[A-Z]{{3}}|[A-Z]{{0,2}}{SIGN})"

MACROS = (
    rf"""CREATE TEMP MACRO fold(t) AS nullif(CASE WHEN regexp_matches(t, '{_UNFOLDED}')
        THEN trim(regexp_replace(t, '[\s\p{{Z}}]+', ' ', 'g')) ELSE t END, '')""",
    # 1,299.00 -> 1299.00; 12,90 -> 12.90
    r"""CREATE TEMP MACRO plain_number(t) AS CASE
        WHEN regexp_full_match(t, '\d{1,3}(,\d{3})+(\.\d+)?') THEN replace(t, ',', '')
        WHEN regexp_full_match(t, '\d+,\d{1,2}') THEN replace(t, ',', '.')
        ELSE t END""",
    # Casts read more than a price: 1e400, 1_000 and -5.
    r"""CREATE TEMP MACRO plain_decimal(t) AS CASE
        WHEN regexp_full_match(t, '\+?[0-9]*\.?[0-9]+|[0-9]+\.') THEN try_cast(t AS DECIMAL(18, 4)) END""",
    # A currency may stand before or behind the amount: 15.00 USD, ¥15, US$ 15.
    rf"""CREATE TEMP MACRO amount(t) AS plain_decimal(
        plain_number(regexp_replace(fold(t), '^{_SIGN} ?| ?(?:{_SIGN}|{UNIT})$', '', 'g')))""",
    rf"""CREATE TEMP MACRO published_currency(c, t) AS coalesce(fold(c),
        nullif(trim(regexp_extract(t, '{_SIGN}|{UNIT}')), ''))""",
    f"CREATE TEMP MACRO currency_of(c, t) AS {currency_sql('published_currency(c, t)')}",
    r"""CREATE TEMP MACRO stock(t) AS CASE
        lower(regexp_replace(regexp_replace(t, '^https?://schema\.org/', ''), '[ _]', '', 'g'))
        WHEN 'instock' THEN 'InStock' WHEN 'outofstock' THEN 'OutOfStock' END""",
    (
        "CREATE TEMP MACRO texts(l) AS coalesce("
        "list_filter(list_transform(l, lambda t: fold(t)), lambda t: t IS NOT NULL), [])"
    ),
    # A lambda that looks into the whole list would take the square of its length.
    "CREATE TEMP MACRO placed(l) AS list_sort(list_transform(l, lambda t, i: {'text': t, 'place': i}))",
    """CREATE TEMP MACRO each_once(l) AS CASE WHEN len(list_distinct(l)) = len(l) THEN l ELSE list_transform(
        list_sort(list_transform(
            list_filter(list_zip(placed(l), list_prepend(NULL, placed(l)), true),
                lambda pair: pair[1].text IS DISTINCT FROM pair[2].text),
            lambda pair: {'place': pair[1].place, 'text': pair[1].text})),
        lambda one: one.text) END""",
    # One search in all of a product's texts, and then mostly nothing to fold, costs half of a search in each.
    rf"""CREATE TEMP MACRO is_unfolded(l) AS regexp_matches(
        array_to_string(list_transform(l, lambda p: p.property || '{_SEPARATOR}' || p.value), '{_SEPARATOR}'),
        '{_SEPARATOR} | {_SEPARATOR}|{_UNFOLDED}')""",
    """CREATE TEMP MACRO pairs(l) AS list_filter(
        CASE WHEN is_unfolded(l)
        THEN list_transform(l, lambda p: {'property': fold(p.property), 'value': fold(p.value)}) ELSE l END,
        lambda p: p.property <> '' AND p.value <> '')""",
)
"""Statements that create the SQL functions for feed values in a connection."""


_ROWS = 4_000
"""Products from which a bucket is a part of its own; smaller buckets share a part."""
_MOST_ROWS = 400_000
"""Most products of a part: with 16 specifications each, about 6 million rows."""

_CLEAN = """
    SELECT line, product_id, trim(url) AS url, fold(id) AS native_id, fold(title) AS caption,
        texts(category) AS category, fold(brand) AS brand, amount(price) AS price,
        currency_of(currency, price) AS currency, stock(availability) AS availability, hashes.hash AS merchant,
        fold(gtin) AS gtin, fold(mpn) AS mpn, each_once(texts(image_urls)) AS image_urls,
        each_once(texts(video_urls)) AS video_urls, pairs(specs) AS specs{further}
    FROM (SELECT *, getvariable('source') || ':' || fold(id) AS product_id FROM good)
    LEFT JOIN hashes ON hashes.name = fold(merchant)
"""


def _clean_sql() -> str:
    """Return the query of the accepted rows, cleaned, with the columns of further modalities."""
    further = (f", {_cleaned(feed)} AS {quote(feed.name)}" for feed, _ in feed_columns())
    return _CLEAN.replace("{further}", "".join(further))


def _cleaned(feed: FeedColumn) -> str:
    if feed.type == pa.string():
        return f"fold({quote(feed.name)})"
    return f"texts({quote(feed.name)})" if feed.type == pa.list_(pa.string()) else quote(feed.name)


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of a feed that are written together."""

    buckets: tuple[int, ...]
    """Their buckets, each complete."""
    files: tuple[Path, ...]
    columns: Path
    """A file of any part, which tells the columns of a part without rows."""


def divide(connection: duckdb.DuckDBPyConnection, folder: Path, rows: int, buckets: int) -> list[Part]:
    """Write the clean rows to ``folder`` and return the parts, which cover all buckets; without rows there are none.

    Args:
        connection: A connection with the view ``good`` and the table ``hashes``.
        folder: A new folder in scratch space. Captions in it still contain contact details.
        rows: Number of accepted rows.
        buckets: Number of buckets of the workspace.
    """
    parts = min(max(-(-rows // _MOST_ROWS), rows // _ROWS, 1), buckets)
    number = f"{bucket_sql('product_id', buckets)} % {parts} AS part"
    folder.parent.mkdir(parents=True, exist_ok=True)
    numbered = f"SELECT *, {number} FROM ({_clean_sql()})"  # noqa: S608
    connection.execute("SET preserve_insertion_order = false")  # parts are sorted later; in order would use one core
    connection.execute(
        f"COPY ({numbered}) TO {text(str(folder))} (FORMAT parquet, PARTITION_BY (part), COMPRESSION lz4_raw)"
    )
    connection.execute("RESET preserve_insertion_order")
    files = [tuple(sorted((folder / f"part={part}").glob("*.parquet"))) for part in range(parts)]
    written = [path for found in files for path in found]
    return [Part(tuple(range(part, buckets, parts)), found, written[0]) for part, found in enumerate(files) if written]


def open_part(connection: duckdb.DuckDBPyConnection, part: Part) -> None:
    """Create or replace the view ``part_rows`` with the rows of a part."""
    rows = f"FROM {file_sql(*part.files)}" if part.files else f"FROM {file_sql(part.columns)} WHERE false"
    connection.execute(f"CREATE OR REPLACE TEMP VIEW part_rows AS {rows}")
