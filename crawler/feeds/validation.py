"""Validation of feed rows: the rows that are products, and the reasons against the others."""

from collections.abc import Iterator
from typing import Literal, get_args

import duckdb

from m5data.records import Reject

__all__ = ["FEED_REASONS", "FeedReason", "read_rejects", "validate_rows"]

FeedReason = Literal["bad_price", "bad_row", "bad_url", "duplicate_id", "no_id", "taken_down"]
"""Why a row is dropped: the price is not an amount, the row or a field cannot be read, the URL is not http(s), an
earlier row has the same id, the id is missing, or the item was taken down."""
FEED_REASONS: tuple[FeedReason, ...] = get_args(FeedReason)

_BATCH = 20_000

_BAD = r"""
    CREATE TEMP TABLE rejected AS SELECT line, reason, detail FROM (
        SELECT line, CASE
            WHEN error IS NOT NULL THEN 'bad_row'
            WHEN fold(id) IS NULL THEN 'no_id'
            WHEN NOT regexp_matches(coalesce(trim(url), ''), '^https?://[^/?#\s]+') THEN 'bad_url'
            WHEN fold(price) IS NOT NULL AND coalesce(amount(price), -1) < 0 THEN 'bad_price'
            WHEN {taken_down} THEN 'taken_down'
        END AS reason, CASE reason
            WHEN 'bad_row' THEN error
            WHEN 'no_id' THEN 'id: missing'
            WHEN 'bad_url' THEN 'url: not an http or https URL'
            WHEN 'bad_price' THEN 'price: not an amount'
            WHEN 'taken_down' THEN 'the product, URL or merchant was taken down'
        END AS detail FROM feed
    ) WHERE reason IS NOT NULL
"""

_REPEATED = """
    INSERT INTO rejected
    WITH readable AS (SELECT line, fold(id) AS id FROM feed WHERE line NOT IN (SELECT line FROM rejected)),
        repeated AS (SELECT id, min(line) AS first FROM readable GROUP BY id HAVING count(*) > 1)
    SELECT line, 'duplicate_id', 'id: already used in line ' || first
    FROM readable JOIN repeated USING (id) WHERE line > first
"""

_GOOD = "CREATE TEMP VIEW good AS SELECT * FROM feed WHERE line NOT IN (SELECT line FROM rejected)"


def validate_rows(connection: duckdb.DuckDBPyConnection, taken_down: str = "false") -> None:
    """Create the table ``rejected`` (line, reason, detail) and the view ``good`` from the relation ``feed``.

    Args:
        connection: A connection with the relation ``feed``.
        taken_down: SQL condition for rows that were taken down (``crawler.feeds.redaction``).
    """
    for statement in (_BAD.replace("{taken_down}", taken_down), _REPEATED, _GOOD):
        connection.execute(statement)


def read_rejects(connection: duckdb.DuckDBPyConnection, name: str) -> Iterator[Reject]:
    """Yield the rejected rows in feed order; items are ``name:line``."""
    found = connection.execute("SELECT line, reason, detail FROM rejected ORDER BY line, reason, detail")
    while rows := found.fetchmany(_BATCH):
        for line, reason, detail in rows:
            yield Reject(f"{name}:{line}", reason, detail)
