"""The stage ``texts``: cleaned captions, their language, length and agreement with the specification table."""

from contextlib import closing
from math import log

import duckdb

from extract.settings import TextSettings
from extract.text.agreement import make_agreement
from extract.text.sql import add_text_functions
from m5data.errors import MissingInputError
from m5data.stage import Clock, Progress, SilentProgress, StageReport, utc_now
from storage import Stage, Store

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
        make_agreement(connection)
        stage.write("texts", connection.sql(_TEXTS.format(well=log(settings.well_matched_odds))))
        stage.write("rejects", connection.sql(_REJECTS), only="texts")
        kept = _count(connection, "measured")
    progress.advance(products)
    progress.finish()
    dropped = {"no_caption": products - kept} if kept < products else {}
    seconds = (clock() - began).total_seconds()
    return stage.commit(StageReport("texts", products, kept, dropped, seconds))


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    rows: list[tuple[int]] = connection.table(table).aggregate("count(*)").fetchall()
    return rows[0][0]
