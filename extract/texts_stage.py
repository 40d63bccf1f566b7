"""The stage ``texts``: cleaned captions, their language, length and agreement with the specification table."""

from contextlib import closing
from math import log
from pathlib import Path

import duckdb

from extract.settings import TextSettings
from extract.text.agreement import make_agreement
from extract.text.sql import add_text_functions
from m5data.errors import MissingInputError
from m5data.stage import Clock, Progress, SilentProgress, StageReport, utc_now
from storage import Stage, Store
from storage.engine import open_engine, text

__all__ = ["run"]

_READS = ("products", "specs")

# Columns that depend on the cleaned caption alone are taken over from the last run if it is the same.
_MEASURED = """
CREATE TEMP TABLE cleaned AS
    SELECT product_id, clean(caption) AS caption FROM products WHERE caption IS NOT NULL;
CREATE TEMP TABLE measured AS
    SELECT product_id, caption, t.language, t.characters, t.words
    FROM cleaned JOIN texts t USING (product_id, caption);
INSERT INTO measured
    SELECT product_id, caption, language(caption), characters(caption), word_count(caption)
    FROM cleaned ANTI JOIN texts USING (product_id, caption);
"""

_TEXTS = """
SELECT product_id, caption, language, characters, words, coalesce(facts, 0) AS facts, coalesce(stated, 0) AS stated,
    coalesce(contradicted, 0) AS contradicted, agreement,
    CASE WHEN agreement >= {well} THEN 'well' WHEN agreement > 0 THEN 'partially'
         WHEN agreement IS NOT NULL THEN 'poorly' END AS grade
FROM measured LEFT JOIN agreements USING (product_id)
"""

_TOGETHER = 250_000
"""Products whose agreement is judged together, about: all of a category, and as much as fits in memory."""

_DIVIDED = {
    "products": "SELECT product_id, source, category, caption, block FROM placed",
    "specs": "SELECT product_id, property, value, block FROM specs JOIN placed USING (product_id)",
}
"""Table -> what agreement needs of it, with the block of each product."""

_PLACED = """
CREATE TEMP TABLE placed AS
    SELECT product_id, source, category, caption, hash(source, category) % {blocks} AS block
    FROM products WHERE caption IS NOT NULL
"""

_AGREEMENTS = """
CREATE TEMP TABLE agreements (
    product_id VARCHAR, facts INTEGER, stated INTEGER, contradicted INTEGER, agreement DOUBLE
)
"""

_REJECTS = """
SELECT 'texts' AS stage, product_id AS item, 'no_caption' AS reason, 'the product has no caption' AS detail
FROM products WHERE caption IS NULL
"""


def run(
    store: Store,
    settings: TextSettings,
    *,
    clock: Clock = utc_now,
    progress: Progress = SilentProgress(),
) -> StageReport:
    """Clean and measure every caption, and grade its agreement with the specification table.

    Reads ``products`` and ``specs``; writes ``texts``, a row for each product with a caption. A product
    without one is a reject of reason ``no_caption``. The grade is ``well`` if the odds of ``agreement``
    (``make_agreement``) reach ``well_matched_odds``, ``poorly`` if they are even or worse, else
    ``partially``; images do not count. The report counts products.

    Raises:
        MissingInputError: There is no table ``products`` yet.
    """
    with store.stage("texts", settings=settings.digest(), reads=_READS) as stage:
        if stage.unchanged:
            return stage.report_unchanged()
        if "products" not in stage.before.tables:
            raise MissingInputError("texts: there is no table products yet. Run m5data crawl first.")
        return _work(stage, settings, clock, progress)


def _work(stage: Stage, settings: TextSettings, clock: Clock, progress: Progress) -> StageReport:
    began = clock()
    with closing(stage.before.connection()) as connection:
        products = _count(connection, "products")
        progress.start("texts", products)
        add_text_functions(connection)
        connection.execute(_MEASURED)
        _judge_agreement(stage, connection, products)
        stage.write("texts", connection.sql(_TEXTS.format(well=log(settings.well_matched_odds))))
        stage.write("rejects", connection.sql(_REJECTS), only="texts")
        kept = _count(connection, "measured")
    progress.advance(products)
    progress.finish()
    dropped = {"no_caption": products - kept} if kept < products else {}
    seconds = (clock() - began).total_seconds()
    return stage.commit(StageReport("texts", products, kept, dropped, seconds))


def _judge_agreement(stage: Stage, connection: duckdb.DuckDBPyConnection, products: int) -> None:
    """Create the table ``agreements``, block by block where there are many products."""
    blocks = -(-products // _TOGETHER)
    if blocks <= 1:
        make_agreement(connection)
        return
    folder = _divide(stage, blocks)
    connection.execute(_AGREEMENTS)
    with closing(open_engine()) as engine:
        add_text_functions(engine)
        for block in range(blocks):
            files = {table: folder / table / f"block={block}" for table in _READS}
            if not all(path.exists() for path in files.values()):
                continue  # no product here has a caption and a table
            for table, path in files.items():
                rows = f"read_parquet({text(f'{path}/*.parquet')}, hive_partitioning = false)"
                engine.execute(f"CREATE OR REPLACE VIEW {table} AS FROM {rows}")
            make_agreement(engine)
            connection.register("found", engine.table("agreements").to_arrow_table())
            connection.execute("INSERT INTO agreements FROM found")


def _divide(stage: Stage, blocks: int) -> Path:
    """Write the products and their specifications to a folder for each block of categories, bucket after bucket."""
    folder = stage.scratch / "blocks"
    for bucket in stage.before.partitions("products"):
        with closing(open_engine()) as engine:
            for table in _READS:
                engine.execute(stage.before.view(table, table, only=[bucket]))
            engine.execute(_PLACED.format(blocks=blocks))
            for table, rows in _DIVIDED.items():
                (folder / table).mkdir(parents=True, exist_ok=True)
                engine.execute(
                    f"COPY ({rows}) TO {text(str(folder / table))} (FORMAT parquet, PARTITION_BY (block), "
                    f"OVERWRITE_OR_IGNORE, FILENAME_PATTERN 'bucket-{bucket}-{{i}}')"
                )
    return folder


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    rows: list[tuple[int]] = connection.table(table).aggregate("count(*)").fetchall()
    return rows[0][0]
