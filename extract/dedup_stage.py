"""The stage ``dedup``: groups of duplicate products, of which one is kept."""

from collections.abc import Iterator
from contextlib import closing

import duckdb
import pyarrow as pa

from extract.dedup_settings import DedupSettings
from extract.duplicates import (
    Links,
    exact_joins,
    group_exact,
    link,
    near_image_pairs,
    near_text_pairs,
    prepare,
    widen,
)
from m5data.errors import MissingInputError
from m5data.records import Reject
from m5data.stage import Clock, Progress, SilentProgress, StageReport, utc_now
from storage import Stage, Store

__all__ = ["run"]

_READS = ("products", "specs", "media", "images")

# What near duplicates are looked for among: products that are no exact duplicate of a kept one.
_STANDING = """
CREATE TEMP TABLE standing AS
    SELECT product_id, words
    FROM words WHERE product_id NOT IN (SELECT product_id FROM exact WHERE NOT kept)
"""

_DUPLICATES = """
SELECT product_id,
    coalesce(groups.group_id, product_id) AS group_id,
    coalesce(groups.rule, 'alone') AS rule,
    coalesce(groups.kept, TRUE) AS kept,
    coalesce(groups.size, 1) AS size
FROM products LEFT JOIN groups USING (product_id)
"""


def run(
    store: Store,
    settings: DedupSettings,
    *,
    clock: Clock = utc_now,
    progress: Progress = SilentProgress(),
) -> StageReport:
    """Group exact and near duplicates; of exact ones keep the smallest product id alone.

    Reads ``products``, ``specs``, ``media`` and ``images``; writes ``duplicates``, one row a product.
    A product that is not kept is a reject of reason ``exact_duplicate``. Near duplicates are all
    kept: they share a group, so that no split separates them. The report counts products.

    Raises:
        MissingInputError: There is no table of products yet.
    """
    with store.stage("dedup", settings=settings.digest(), reads=_READS) as stage:
        if stage.unchanged:
            return stage.report_unchanged()
        if "products" not in stage.before.tables:
            raise MissingInputError("dedup: wanted the table products, found none; run m5data crawl first")
        return _work(stage, settings, clock, progress)


def _work(stage: Stage, settings: DedupSettings, clock: Clock, progress: Progress) -> StageReport:
    began = clock()
    with closing(stage.before.connection()) as connection:
        products = _count(connection, "products")
        progress.start("dedup", products)
        prepare(connection)
        exact = group_exact(exact_joins(connection))
        connection.register("groups", widen(exact, _near(connection, exact, settings)))
        stage.write("duplicates", connection.sql(_DUPLICATES))
    rejects = list(_rejects(exact))
    stage.reject(rejects)
    progress.advance(products)
    progress.finish()
    dropped = {"exact_duplicate": len(rejects)} if rejects else {}
    seconds = (clock() - began).total_seconds()
    return stage.commit(StageReport("dedup", products, products - len(rejects), dropped, seconds))


def _near(connection: duckdb.DuckDBPyConnection, exact: pa.Table, settings: DedupSettings) -> Links:
    """Link near products among those that exact groups keep."""
    connection.register("exact", exact)
    connection.execute(_STANDING)
    pairs = [near_image_pairs(connection, settings), near_text_pairs(connection, settings)]
    sizes = dict(zip(exact["group_id"].to_pylist(), exact["size"].to_pylist(), strict=True))
    return link(pa.concat_tables(pairs, promote_options="permissive"), sizes, settings.most_in_group)


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    rows: list[tuple[int]] = connection.table(table).aggregate("count(*)").fetchall()
    return rows[0][0]


def _rejects(exact: pa.Table) -> Iterator[Reject]:
    """Yield one reject a product that is not kept."""
    for row in exact.to_pylist():
        if not row["kept"]:
            yield Reject(row["product_id"], "exact_duplicate", f"same as {row['group_id']} by {row['rule']}")
