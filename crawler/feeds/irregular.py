"""Values of a feed that SQL alone cannot read: prices as people write them, sale prices, relative URLs.

Most items have none of these: ``15.00``, ``15.00 EUR`` and absolute URLs are read without Python (``cleaning``).
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

import duckdb
import pyarrow as pa

from core.currencies import ISO_CODES, currency_code
from core.money import Money, read_money
from core.numbers import DecimalMark, decimal_mark, find_numbers, fold_number
from core.urls import absolute
from crawler.feeds.files import is_parquet, raw_chunks, utf8_chunks

__all__ = ["PLAIN_PRICE", "LeftOutReason", "has_sale_dates", "read_irregular"]

LeftOutReason = Literal["bad_price", "bad_rating", "bad_sale_dates"]
"""Why a part of an item is left out, while the item is kept: a price is not an amount, or a sale price is above the
price that it replaces; a rating is not a number from 0 to 5; the times of a sale price cannot be read."""

PLAIN_PRICE = r"\d{1,10}(?:\.(?:\d{1,2}|\d{4}))?(?: [A-Z]{3})?"
"""RE2 pattern of prices with one reading. A point before three digits has two (``core.numbers``)."""

_BATCH = 20_000
_VOTERS = 20_000
"""Maximum number of prices that decide which mark a feed puts before decimals."""

_CODES = ", ".join(f"'{code}'" for code in ("", *sorted(ISO_CODES)))
_IRREGULAR = f"""
    CREATE TEMP TABLE irregular AS
    SELECT item, price, currency, sale_price, list_price, sale_price_effective_date AS dates, trim(url) AS url,
        image_urls, video_urls
    FROM feed WHERE error IS NULL AND (
        NOT regexp_full_match(coalesce(fold(price), '1'), '{PLAIN_PRICE}')
        OR coalesce(fold(currency), '') NOT IN ({_CODES})
        OR coalesce(regexp_extract(price, '[A-Z]{{3}}'), '') NOT IN ({_CODES})
        OR fold(sale_price) IS NOT NULL
        OR NOT regexp_full_match(coalesce(fold(list_price), '1'), '{PLAIN_PRICE}')
        OR NOT {{absolute}}
    )
"""  # noqa: S608 - constants
_ABSOLUTE = "(len(list_filter({name}, lambda u: NOT regexp_matches(u, '^https?://'))) IS NOT DISTINCT FROM 0)"

_EXACT = pa.schema(
    [
        pa.field("item", pa.int64()),
        pa.field("amount", pa.decimal128(18, 4)),
        pa.field("former", pa.decimal128(18, 4)),
        pa.field("code", pa.string()),
        pa.field("images", pa.list_(pa.string())),
        pa.field("videos", pa.list_(pa.string())),
    ]
)
_LEFT_OUT = pa.schema([(name, pa.int64() if name == "item" else pa.string()) for name in ("item", "reason", "detail")])


def read_irregular(connection: duckdb.DuckDBPyConnection, now: datetime) -> None:
    """Create the tables ``exact`` (item, amount, former, code, images, videos) and ``left_out`` (item, reason, detail).

    ``exact`` has the values of all items that need Python; other items are absent. ``left_out`` names the parts of
    items that cannot be read.

    Args:
        connection: A connection with the relation ``feed`` and the macros of ``cleaning``.
        now: Time at which sale prices count or not.
    """
    whole = " AND ".join(
        f"({name} IS NULL OR {_ABSOLUTE.replace('{name}', name)})" for name in ("image_urls", "video_urls")
    )
    connection.execute(_IRREGULAR.replace("{absolute}", f"({whole})"))
    for table, schema in (("exact", _EXACT), ("left_out", _LEFT_OUT)):
        connection.register("arriving", schema.empty_table())
        connection.execute(f"CREATE TEMP TABLE {table} AS SELECT * FROM arriving")  # noqa: S608 - constants
    decimal = _decimal_mark(connection)
    for rows in _batches(connection):
        exact = [_read(row, decimal, now) for row in rows]
        _insert(connection, "exact", _EXACT, [one.values for one in exact])
        _insert(connection, "left_out", _LEFT_OUT, [fault for one in exact for fault in one.faults])
    connection.execute("DROP TABLE irregular")
    connection.execute(_BAD_RATINGS)


_BAD_RATINGS = """
    INSERT INTO left_out SELECT item, 'bad_rating', 'rating: not a number from 0 to 5' FROM feed
    WHERE error IS NULL AND fold(rating) IS NOT NULL AND rating_of(rating) IS NULL
"""

_SALE_DATES = re.compile(rb"sale[_ -]price[_ -](?:effective|start|end)[_ -]date|date sale price", re.IGNORECASE)


_MARKS = (b"ffective", b"ate sale price", b"ale_price_start", b"ale_price_end")
"""Parts of the names, one of which each has; searching for them takes a tenth of the time."""


def has_sale_dates(path: Path) -> bool:
    """Return whether the prices of a feed may depend on the day: whether it has times of sale prices."""
    before = b""
    for piece in raw_chunks(path) if is_parquet(path) else utf8_chunks(path):
        joined = before + piece
        if any(mark in joined for mark in _MARKS) and _SALE_DATES.search(joined):
            return True
        before = piece[-40:]
    return False


class _Row(NamedTuple):
    item: int
    price: str | None
    currency: str | None
    sale: str | None
    former: str | None
    dates: str | None
    url: str | None
    images: Sequence[str | None] | None
    videos: Sequence[str | None] | None


class _Exact(NamedTuple):
    values: tuple[object, ...]
    faults: list[tuple[int, LeftOutReason, str]]


class _Price(NamedTuple):
    """The price that a buyer pays now."""

    amount: Decimal | None
    former: Decimal | None
    """The price that it replaces."""
    code: str | None
    faults: tuple[tuple[LeftOutReason, str], ...]


def _batches(connection: duckdb.DuckDBPyConnection) -> Iterator[list[_Row]]:
    [(count,)] = connection.execute("SELECT count(*) FROM irregular").fetchall()
    for start in range(0, count, _BATCH):
        query = f"FROM irregular WHERE rowid >= {start} AND rowid < {start + _BATCH}"
        yield [_Row(*row) for row in connection.execute(query).fetchall()]


def _insert(
    connection: duckdb.DuckDBPyConnection, table: str, schema: pa.Schema, rows: Sequence[tuple[object, ...]]
) -> None:
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    connection.register("arriving", pa.Table.from_arrays(arrays, schema=schema))
    connection.execute(f"INSERT INTO {table} SELECT * FROM arriving")  # noqa: S608 - a constant


def _decimal_mark(connection: duckdb.DuckDBPyConnection) -> DecimalMark | None:
    """Return the mark that nearly all prices of the feed put before decimals; None if they differ or have none.

    Prices that came as numbers have four decimals and say nothing.
    """
    query = f"""
        SELECT price FROM feed WHERE regexp_matches(price, '[.,]') AND NOT regexp_matches(price, '[.][0-9]{{4}}$')
        LIMIT {_VOTERS}
    """  # noqa: S608 - constants
    return decimal_mark(price for (price,) in connection.execute(query).fetchall())


def _read(row: _Row, decimal: DecimalMark | None, now: datetime) -> _Exact:
    price = _price(row.price, row.currency, row.sale, row.former, row.dates, decimal, now)
    images, videos = (_resolved(urls, row.url) for urls in (row.images, row.videos))
    faults = [(row.item, reason, detail) for reason, detail in price.faults]
    return _Exact((row.item, price.amount, price.former, price.code, images, videos), faults)


def _resolved(urls: Sequence[str | None] | None, base: str | None) -> list[str]:
    """Return URLs, relative ones resolved against that of the product's page."""
    published = [url.strip() for url in urls or () if url and url.strip()]
    return [url if _HTTP.match(url) else absolute(base or "", url) or url for url in published]


_HTTP = re.compile(r"https?://")


@lru_cache(maxsize=100_000)
def _price(
    price: str | None,
    currency: str | None,
    sale: str | None,
    former: str | None,
    dates: str | None,
    decimal: DecimalMark | None,
    now: datetime,
) -> _Price:
    """Return the sale price in its time, unless it is above the price; else the price."""
    code = currency_code(currency)
    faults: list[tuple[LeftOutReason, str]] = []
    regular, lower, listed = (_money(text, code, decimal) for text in (price, sale, former))
    for name, text, found in (("price", price, regular), ("sale_price", sale, lower), ("list_price", former, listed)):
        if found is None and not _is_absent(text):
            faults.append(("bad_price", f"{name}: not an amount"))
    if lower is not None and dates and dates.strip():
        during = _during(dates)
        if during is None:
            faults.append(("bad_sale_dates", "sale_price_effective_date: not two times of ISO 8601 with / between"))
        if during is None or not during[0] <= now <= during[1]:
            lower = None
    if lower is not None and regular is not None and lower.amount > regular.amount:
        faults.append(("bad_price", "sale_price: above the price"))
        lower = None
    paid = lower or regular
    if paid is None:
        return _Price(None, None, code, tuple(faults))
    higher = (one.amount for one in (listed, regular) if one is not None and one.amount > paid.amount)
    return _Price(paid.amount, next(higher, None), paid.currency or code, tuple(faults))


_CODED = re.compile(r"\d_\d|\b0x|\d[eE][+-]?\d|\d[eE]$")
"""Numbers of programs (``1e2``, ``1_000``, ``0x10``), of which nobody knows what price they meant."""
_NONE = re.compile(r"(?:n\.?/?a\.?|none|null|nan|nil|-+|–|—|\?)?", re.IGNORECASE)


def _money(text: str | None, code: str | None, decimal: DecimalMark | None) -> Money | None:
    return read_money(text, code, decimal) if text and not _CODED.search(text) else None


def _is_absent(text: str | None) -> bool:
    """Return whether a text states that there is no price: nothing, ``n/a``, or zero."""
    folded = fold_number(text or "").strip()
    numbers = [one.number.value for one in find_numbers(folded)]
    return _NONE.fullmatch(folded) is not None or (bool(numbers) and not any(numbers))


def _during(dates: str) -> tuple[datetime, datetime] | None:
    """Return begin and end of ``begin/end``, of which one may be missing; None if a part cannot be read."""
    begin, _, end = (part.strip() for part in dates.partition("/"))
    try:
        first = _moment(begin, time.min) if begin else datetime.min.replace(tzinfo=UTC)
        last = _moment(end, time.max) if end else datetime.max.replace(tzinfo=UTC)
    except ValueError:
        return None
    return (first, last) if first <= last else None


def _moment(text: str, of_day: time) -> datetime:
    """Return a time of ISO 8601; a date alone stands for its begin or end, a time without zone is in UTC."""
    if re.fullmatch(r"\d{4}-?\d\d-?\d\d", text):
        return datetime.combine(date.fromisoformat(text), of_day, UTC)
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
