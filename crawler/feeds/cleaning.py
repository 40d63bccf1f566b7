"""Rows of a feed: the reasons to reject some, and the accepted ones, cleaned and divided into files by bucket.

A table of a hundred million rows that is sorted and written at once spills to disk completely. One part at a time fits
in memory, and so do the tables that it is joined with.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, get_args

import duckdb
import pyarrow as pa
from duckdb.func import FunctionNullHandling, PythonUDFType

from core.engine import bucket_sql, quote, text
from core.gtin import canonical_gtin
from core.modalities import FeedColumn, feed_columns
from crawler.feeds.irregular import PLAIN_PRICE, read_irregular
from reader.facts import IN_STOCK, OUT_OF_STOCK, condition_of
from reader.text import paragraphs
from storage.tables.data_files import file_sql

__all__ = [
    "FEED_REASONS",
    "MACROS",
    "FeedReason",
    "Part",
    "add_functions",
    "clean_sql",
    "divide",
    "open_part",
    "rejects_sql",
    "validate_rows",
]


FeedReason = Literal["bad_row", "bad_url", "duplicate_id", "no_id", "taken_down"]
"""Why an item is dropped: it or a field cannot be read or is too long, the URL is not http(s), an earlier item has the
same id, the id is missing, or the item was taken down."""
FEED_REASONS: tuple[FeedReason, ...] = get_args(FeedReason)

_LONGEST_LIST = 10_000
"""Most URLs or specifications of a product; more are an error in the feed."""

_BAD = r"""
    CREATE TEMP TABLE rejected AS SELECT item, line, reason, detail FROM (
        SELECT item, line, CASE
            WHEN error IS NOT NULL THEN 'bad_row'
            WHEN {too_long} IS NOT NULL THEN 'bad_row'
            WHEN fold(id) IS NULL THEN 'no_id'
            WHEN NOT regexp_matches(coalesce(trim(url), ''), '^(?i:https?)://[^/?#\s]+') THEN 'bad_url'
            WHEN {taken_down} THEN 'taken_down'
        END AS reason, CASE reason
            WHEN 'bad_row' THEN coalesce(error, {too_long})
            WHEN 'no_id' THEN 'id: missing'
            WHEN 'bad_url' THEN 'url: not an http or https URL'
            WHEN 'taken_down' THEN 'the product, URL or merchant was taken down'
        END AS detail FROM feed
    ) WHERE reason IS NOT NULL
"""

_REPEATED = """
    INSERT INTO rejected
    WITH readable AS (SELECT item, line, fold(id) AS id FROM feed ANTI JOIN rejected USING (item)),
        repeated AS (SELECT id, min(item) AS first FROM readable GROUP BY id HAVING count(*) > 1)
    SELECT item, line, 'duplicate_id', 'id: already used by item ' || first
    FROM readable JOIN repeated USING (id) WHERE item > first
"""

_GOOD = "CREATE TEMP VIEW good AS SELECT * FROM feed ANTI JOIN rejected USING (item)"
_OF_GOOD = "DELETE FROM left_out WHERE item IN (SELECT item FROM rejected)"


def validate_rows(connection: duckdb.DuckDBPyConnection, now: datetime, taken_down: str = "false") -> None:
    """Create what the relation ``feed`` means.

    The table ``rejected`` (item, line, reason, detail) has the items that are dropped, the view ``good`` the others.
    The tables ``exact`` and ``left_out`` are those of ``read_irregular``, the latter of good items only.

    Args:
        connection: A connection with the relation ``feed``.
        now: Time at which sale prices count or not.
        taken_down: SQL condition for items that were taken down (``crawler.feeds.redaction``).
    """
    read_irregular(connection, now)
    bad = _BAD.replace("{taken_down}", taken_down).replace("{too_long}", _too_long())
    for statement in (bad, _REPEATED, _GOOD, _OF_GOOD):
        connection.execute(statement)


def _too_long() -> str:
    """Return SQL for the reason to reject a row with a list that is too long; NULL for other rows."""
    cases = (
        f"WHEN len({name}) > {_LONGEST_LIST} THEN '{name}: ' || len({name}) || ' entries, at most {_LONGEST_LIST}'"
        for name in ("category", "image_urls", "video_urls", "features", "specs")
    )
    return f"(CASE {' '.join(cases)} END)"


_REJECTS = """
    SELECT {stage} AS stage, {feed} || ':' || item AS item, reason,
        detail || CASE WHEN line <> item THEN ' (line ' || line || ')' ELSE '' END AS detail
    FROM (
        FROM rejected
        UNION ALL SELECT item, line, reason, detail FROM left_out JOIN (SELECT item, line FROM feed) USING (item)
    )
"""


def rejects_sql(stage: str, feed: str) -> str:
    """Return a query of the dropped items, and of parts that were left out, as rows of the table ``rejects``.

    Items are ``feed:number``; the detail names the line where it is another.

    Args:
        stage: Name of the stage.
        feed: Name of the feed.
    """
    return _REJECTS.replace("{stage}", text(stage)).replace("{feed}", text(feed))


_UNFOLDED = r"^ |  | $|[\t\n\f\r\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]"
"""White space other than single spaces between words. Few texts have it, and searching costs a third of folding."""

_SEPARATOR = "\x01"


def _listed(words: Iterable[str]) -> str:
    return ", ".join(map(text, sorted(words)))


MACROS = (
    rf"""CREATE TEMP MACRO fold(t) AS nullif(CASE WHEN regexp_matches(t, '{_UNFOLDED}')
        THEN trim(regexp_replace(t, '[\s\p{{Z}}]+', ' ', 'g')) ELSE t END, '')""",
    f"""CREATE TEMP MACRO plain_amount(t) AS CASE WHEN regexp_full_match(fold(t), '{PLAIN_PRICE}')
        THEN nullif(try_cast(regexp_extract(t, '[0-9.]+') AS DECIMAL(18, 4)), 0) END""",
    "CREATE TEMP MACRO plain_code(c, t) AS coalesce(nullif(regexp_extract(t, '[A-Z]{3}'), ''), fold(c))",
    # as pages are read: https://schema.org/InStock, schema:InStock, in_stock, in stock
    r"""CREATE TEMP MACRO stock_word(t) AS
        lower(regexp_replace(regexp_extract(rtrim(fold(t), '/#: '), '[^/#:]*$'), '[^a-zA-Z]', '', 'g'))""",
    f"""CREATE TEMP MACRO stock(t) AS CASE WHEN stock_word(t) IN ({_listed(IN_STOCK)}) THEN 'InStock'
        WHEN stock_word(t) IN ({_listed(OUT_OF_STOCK)}) THEN 'OutOfStock' END""",
    r"""CREATE TEMP MACRO rating_of(t) AS CASE
        WHEN try_cast(replace(fold(t), ',', '.') AS DOUBLE) BETWEEN 0 AND 5
        THEN round(try_cast(replace(fold(t), ',', '.') AS DOUBLE), 2) END""",
    r"""CREATE TEMP MACRO lines(t) AS CASE WHEN regexp_matches(t, '[<&\n\r]') THEN nullif(paragraphs(t), '')
        ELSE fold(t) END""",
    (
        "CREATE TEMP MACRO texts(l) AS coalesce("
        "list_filter(list_transform(l, lambda t: fold(t)), lambda t: t IS NOT NULL), [])"
    ),
    # A lambda that searches the whole list would take quadratic time.
    "CREATE TEMP MACRO placed(l) AS list_sort(list_transform(l, lambda t, i: {'text': t, 'place': i}))",
    """CREATE TEMP MACRO each_once(l) AS CASE WHEN len(list_distinct(l)) = len(l) THEN l ELSE list_transform(
        list_sort(list_transform(
            list_filter(list_zip(placed(l), list_prepend(NULL, placed(l)), true),
                lambda pair: pair[1].text IS DISTINCT FROM pair[2].text),
            lambda pair: {'place': pair[1].place, 'text': pair[1].text})),
        lambda one: one.text) END""",
    # One search in all of a product's texts, mostly with nothing to fold, costs half as much as a search in each.
    rf"""CREATE TEMP MACRO is_unfolded(l) AS regexp_matches(
        array_to_string(list_transform(l, lambda p: p.property || '{_SEPARATOR}' || p.value), '{_SEPARATOR}'),
        '{_SEPARATOR} | {_SEPARATOR}|{_UNFOLDED}')""",
    """CREATE TEMP MACRO pairs(l) AS list_filter(
        CASE WHEN is_unfolded(l)
        THEN list_transform(l, lambda p: {'property': fold(p.property), 'value': fold(p.value)}) ELSE l END,
        lambda p: p.property <> '' AND p.value <> '')""",
)
"""Statements that create the SQL functions for feed values in a connection."""


def add_functions(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the SQL functions for feed values; close the connection afterwards, which they keep alive."""
    for name, function in _TEXT_FUNCTIONS.items():
        connection.create_function(
            name,
            _over_column(function),
            ["VARCHAR"],
            "VARCHAR",
            type=PythonUDFType.ARROW,
            null_handling=FunctionNullHandling.SPECIAL,  # a text may be absent, and so may what is read of it
        )
    for macro in MACROS:
        connection.execute(macro)


_TEXT_FUNCTIONS: Mapping[str, Callable[[str], str | None]] = {
    "canonical_gtin": canonical_gtin,
    "paragraphs": paragraphs,
    "condition_of": lambda text: condition_of([text]),
}
"""Functions of a text that are no SQL; they return NULL for NULL."""


def _over_column(function: Callable[[str], str | None]) -> Callable[[pa.ChunkedArray], pa.Array]:
    return lambda texts: pa.array([None if one is None else function(one) for one in texts.to_pylist()], pa.string())


_ROWS = 4_000
"""Number of products from which a bucket gets its own part; smaller buckets share a part."""
_MAX_ROWS = 400_000
"""Most products of a part: with 16 specifications each, about 6 million rows."""

_CLEAN = """
    SELECT {rows}.item, {rows}.error, trim(url) AS url, fold(id) AS native_id, fold(title) AS caption,
        texts(category) AS category, fold(brand) AS brand,
        CASE WHEN exact.item IS NULL THEN plain_amount(price) ELSE amount END AS price,
        CASE WHEN exact.item IS NULL THEN plain_code(currency, price) ELSE code END AS currency,
        stock(availability) AS availability, fold(merchant) AS merchant_name, fold(gtin) AS gtin, fold(mpn) AS mpn,
        lines(description) AS description, texts(features) AS features,
        CASE WHEN exact.item IS NULL THEN plain_amount(list_price) ELSE former END AS list_price,
        rating_of(rating) AS rating, try_cast(fold(rating_count) AS INTEGER) AS rating_count,
        condition_of(condition) AS condition, fold(item_group) AS item_group,
        each_once(texts(coalesce(images, image_urls))) AS image_urls,
        each_once(texts(coalesce(videos, video_urls))) AS video_urls, pairs(specs) AS specs{further}
    FROM {rows} LEFT JOIN exact ON exact.item = {rows}.item
"""


def clean_sql(rows: str) -> str:
    """Return the query of cleaned items: the columns of products, lists and those of further modalities.

    Args:
        rows: ``feed`` or ``good``; ``read_irregular`` has read the feed.
    """
    further = (f", {_cleaned(feed)} AS {quote(feed.name)}" for feed, _ in feed_columns())
    return _CLEAN.replace("{rows}", rows).replace("{further}", "".join(further))


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
    """A file of any part, which defines the columns of a part without rows."""


_NAMED = """
    SELECT * EXCLUDE (item, error, merchant_name), getvariable('source') || ':' || native_id AS product_id,
        hash AS merchant
    FROM ({rows}) LEFT JOIN hashes ON hashes.name = merchant_name
"""


def divide(connection: duckdb.DuckDBPyConnection, folder: Path, rows: int, buckets: int) -> list[Part]:
    """Write the clean rows to ``folder`` and return the parts, which cover all buckets; without rows there are none.

    Args:
        connection: A connection with the view ``good`` and the table ``hashes``.
        folder: A new folder in scratch space. Captions in it still contain contact details.
        rows: Number of accepted rows.
        buckets: Number of buckets of the workspace.
    """
    parts = min(max(-(-rows // _MAX_ROWS), rows // _ROWS, 1), buckets)
    number = f"{bucket_sql('product_id', buckets)} % {parts} AS part"
    folder.parent.mkdir(parents=True, exist_ok=True)
    cleaned = _NAMED.replace("{rows}", clean_sql("good"))
    numbered = f"SELECT *, {number} FROM ({cleaned})"  # noqa: S608
    connection.execute("SET preserve_insertion_order = false")  # parts are sorted later; order would limit to one core
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
