"""Validation of feed rows: the rows that are products, and the reasons against the others."""

from collections.abc import Iterator
from typing import Literal, get_args

import duckdb

from m5data.records import Reject

__all__ = ["FEED_REASONS", "FeedReason", "judge_rows", "read_rejects"]

FeedReason = Literal["bad_price", "bad_row", "bad_url", "duplicate_id", "no_id", "taken_down"]
"""Why a row is dropped: price no amount; row or field unreadable; url not http(s); id of an earlier row; no id;
the item was taken down."""
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
            WHEN 'no_id' THEN 'id: wanted text, got none'
            WHEN 'bad_url' THEN 'url: wanted http or https, got something else'
            WHEN 'bad_price' THEN 'price: wanted an amount, got something else'
            WHEN 'taken_down' THEN 'its product, address or merchant was taken down'
        END AS detail FROM feed
    ) WHERE reason IS NOT NULL
"""

_REPEATED = """
    INSERT INTO rejected
    WITH readable AS (SELECT line, fold(id) AS id FROM feed WHERE line NOT IN (SELECT line FROM rejected)),
        repeated AS (SELECT id, min(line) AS first FROM readable GROUP BY id HAVING count(*) > 1)
    SELECT line, 'duplicate_id', 'id: wanted one row an id, got it in ' || first || ' already'
    FROM readable JOIN repeated USING (id) WHERE line > first
"""

_GOOD = "CREATE TEMP VIEW good AS SELECT * FROM feed WHERE line NOT IN (SELECT line FROM rejected)"


def judge_rows(connection: duckdb.DuckDBPyConnection, taken_down: str = "false") -> None:
    """Make the table ``rejected`` (line, reason, detail) and the view ``good`` from the relation ``feed``.

    Args:
        connection: Where they are made.
        taken_down: SQL condition of rows that were taken down (``crawler.feeds.redaction``).
    """
    for statement in (_BAD.replace("{taken_down}", taken_down), _REPEATED, _GOOD):
        connection.execute(statement)


def read_rejects(connection: duckdb.DuckDBPyConnection, name: str) -> Iterator[Reject]:
    """Yield what was rejected, in the order of the feed; items are ``name:line``."""
    found = connection.execute("SELECT line, reason, detail FROM rejected ORDER BY line, reason, detail")
    while rows := found.fetchmany(_BATCH):
        for line, reason, detail in rows:
            yield Reject(f"{name}:{line}", reason, detail)
