"""The stage ``dedup``: groups of duplicate products."""

from contextlib import closing

import duckdb

from extract.duplicates import (
    exact_joins,
    group_exact,
    group_near,
    name_groups,
    near_image_pairs,
    near_text_pairs,
    near_video_pairs,
    prepare,
    prepare_near,
)
from extract.settings import DedupSettings
from m5data.errors import MissingInputError
from m5data.stage import Clock, Progress, SilentProgress, StageReport, utc_now
from storage import Stage, Store

__all__ = ["run"]

_READS = ("products", "specs", "media", "images", "frames")

# Each product is joined with the first one that has its key. Of two rules the stronger is kept: their names sort so.
_EXACT_PAIRS = """
CREATE TEMP TABLE exact_pairs AS
    SELECT first_id AS product_id, product_id AS other_id, min(rule) AS rule, 0.0::DOUBLE AS distance, TRUE AS joined
    FROM (SELECT product_id, rule, min(product_id) OVER (PARTITION BY rule, key) AS first_id FROM exact_joins)
    WHERE product_id <> first_id GROUP BY ALL
"""

_JUDGED = """
CREATE TEMP TABLE judged AS
    SELECT near_pairs.*, a.group_id = b.group_id AS joined
    FROM near_pairs JOIN near_groups a USING (product_id) JOIN near_groups b ON b.product_id = other_id
"""

_GROUPED = """
CREATE TEMP TABLE grouped AS
    SELECT p.product_id, e.rule, coalesce(e.kept, TRUE) AS kept, n.group_id AS root
    FROM products p LEFT JOIN exact e USING (product_id)
        JOIN near_groups n ON n.product_id = coalesce(e.group_id, p.product_id)
"""

_DUPLICATES = """
WITH near_rules AS (
    SELECT product_id, min(list_position(getvariable('near_rules'), rule)) AS place
    FROM (
        SELECT product_id, rule FROM judged WHERE joined
        UNION ALL SELECT other_id, rule FROM judged WHERE joined
    )
    GROUP BY product_id
), sizes AS (
    SELECT root, count(*)::INTEGER AS size FROM grouped GROUP BY root
)
SELECT product_id, coalesce(group_id, root) AS group_id,
    coalesce(rule, getvariable('near_rules')[place], 'alone') AS rule, kept, size
FROM grouped JOIN sizes USING (root) LEFT JOIN near_rules USING (product_id) LEFT JOIN group_names USING (root)
"""

_PAIRS = """
SELECT product_id, other_id, rule, distance, joined FROM exact_pairs
UNION ALL SELECT product_id, other_id, rule, distance, joined FROM judged
"""

_REJECTS = """
SELECT 'dedup' AS stage, product_id AS item, 'exact_duplicate' AS reason,
    'same as ' || group_id || ' by ' || rule AS detail
FROM exact WHERE NOT kept
"""


def run(
    store: Store,
    settings: DedupSettings,
    *,
    clock: Clock = utc_now,
    progress: Progress = SilentProgress(),
) -> StageReport:
    """Group exact and near duplicates, and keep one product of each exact group: the smallest id.

    Reads ``products``, ``specs``, ``media``, ``images`` and ``frames``; writes ``duplicates``, one row for
    each product, and ``duplicate_pairs``, the pairs that groups are made of, with their rules. A product
    that is not kept is a reject of reason ``exact_duplicate``. All near duplicates are kept; they share
    a group, so that no split separates them. What is in a group depends on the products alone, its name also on
    the last run (``name_groups``). The report counts products.

    Raises:
        MissingInputError: There is no table ``products`` yet.
    """
    with store.stage("dedup", settings=settings.digest(), reads=_READS) as stage:
        if stage.unchanged:
            return stage.report_unchanged()
        if "products" not in stage.before.tables:
            raise MissingInputError("dedup: there is no table products yet. Run m5data crawl first.")
        return _work(stage, settings, clock, progress)


def _work(stage: Stage, settings: DedupSettings, clock: Clock, progress: Progress) -> StageReport:
    began = clock()
    with closing(stage.before.connection()) as connection:
        products = _count(connection, "products")
        progress.start("dedup", products)
        _find(connection, settings)
        stage.write("duplicates", connection.sql(_DUPLICATES))
        stage.write("duplicate_pairs", connection.sql(_PAIRS))
        stage.write("rejects", connection.sql(_REJECTS), only="dedup")
        kept = products - _count(connection, f"({_REJECTS})")
    progress.advance(products)
    progress.finish()
    dropped = {"exact_duplicate": products - kept} if kept < products else {}
    seconds = (clock() - began).total_seconds()
    return stage.commit(StageReport("dedup", products, kept, dropped, seconds))


def _find(connection: duckdb.DuckDBPyConnection, settings: DedupSettings) -> None:
    """Create the tables ``exact``, ``exact_pairs``, ``near_groups``, ``judged``, ``grouped`` and ``group_names``."""
    prepare(connection)
    joins = exact_joins(connection)
    connection.register("exact_joins", joins)
    connection.execute(_EXACT_PAIRS)
    connection.register("exact", group_exact(joins))
    prepare_near(connection)
    near_image_pairs(connection, settings)
    near_text_pairs(connection, settings)
    near_video_pairs(connection, settings)
    group_near(connection, settings.most_in_group)
    connection.execute(_JUDGED)
    connection.execute(_GROUPED)
    name_groups(connection)


def _count(connection: duckdb.DuckDBPyConnection, rows: str) -> int:
    found: list[tuple[int]] = connection.sql(f"SELECT count(*) FROM {rows}").fetchall()  # noqa: S608 - a constant
    return found[0][0]
