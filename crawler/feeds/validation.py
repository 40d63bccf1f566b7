"""Validation of feed rows: the rows that are products, and the reasons against the others."""

from typing import Literal, get_args

import duckdb

from storage.engine import text

__all__ = ["FEED_REASONS", "FeedReason", "rejects_sql", "validate_rows"]

FeedReason = Literal["bad_price", "bad_row", "bad_url", "duplicate_id", "no_id", "taken_down"]
"""Why a row is dropped: the price is not an amount, the row or a field cannot be read or is too long, the URL is not
http(s), an earlier row has the same id, the id is missing, or the item was taken down."""
FEED_REASONS: tuple[FeedReason, ...] = get_args(FeedReason)

_LONGEST_LIST = 10_000
"""URLs or specifications of a product: more are a mistake of the feed."""

_BAD = r"""
    CREATE TEMP TABLE rejected AS SELECT line, reason, detail FROM (
        SELECT line, CASE
            WHEN error IS NOT NULL THEN 'bad_row'
            WHEN {too_long} IS NOT NULL THEN 'bad_row'
            WHEN fold(id) IS NULL THEN 'no_id'
            WHEN NOT regexp_matches(coalesce(trim(url), ''), '^https?://[^/?#\s]+') THEN 'bad_url'
            WHEN fold(price) IS NOT NULL AND coalesce(amount(price), -1) < 0 THEN 'bad_price'
            WHEN {taken_down} THEN 'taken_down'
        END AS reason, CASE reason
            WHEN 'bad_row' THEN coalesce(error, {too_long})
            WHEN 'no_id' THEN 'id: missing'
            WHEN 'bad_url' THEN 'url: not an http or https URL'
            WHEN 'bad_price' THEN 'price: not an amount'
            WHEN 'taken_down' THEN 'the product, URL or merchant was taken down'
        END AS detail FROM feed
    ) WHERE reason IS NOT NULL
"""

_REPEATED = """
    INSERT INTO rejected
    WITH readable AS (SELECT line, fold(id) AS id FROM feed ANTI JOIN rejected USING (line)),
        repeated AS (SELECT id, min(line) AS first FROM readable GROUP BY id HAVING count(*) > 1)
    SELECT line, 'duplicate_id', 'id: already used in line ' || first
    FROM readable JOIN repeated USING (id) WHERE line > first
"""

_GOOD = "CREATE TEMP VIEW good AS SELECT * FROM feed ANTI JOIN rejected USING (line)"


def validate_rows(connection: duckdb.DuckDBPyConnection, taken_down: str = "false") -> None:
    """Create the table ``rejected`` (line, reason, detail) and the view ``good`` from the relation ``feed``.

    Args:
        connection: A connection with the relation ``feed``.
        taken_down: SQL condition for rows that were taken down (``crawler.feeds.redaction``).
    """
    bad = _BAD.replace("{taken_down}", taken_down).replace("{too_long}", _too_long())
    for statement in (bad, _REPEATED, _GOOD):
        connection.execute(statement)


def _too_long() -> str:
    """Return SQL of the reason against a row with a list that is too long; NULL for others."""
    cases = (
        f"WHEN len({name}) > {_LONGEST_LIST} THEN '{name}: ' || len({name}) || ' entries, at most {_LONGEST_LIST}'"
        for name in ("category", "image_urls", "video_urls", "specs")
    )
    return f"(CASE {' '.join(cases)} END)"


def rejects_sql(stage: str, feed: str) -> str:
    """Return a query of the rejected rows as rows of the table ``rejects``; items are ``feed:line``.

    Args:
        stage: Name of the stage.
        feed: Name of the feed.
    """
    return f"SELECT {text(stage)} AS stage, {text(feed)} || ':' || line AS item, reason, detail FROM rejected"  # noqa: S608
