"""The stage ``texts``: cleaned captions, their language, length and agreement with the specification table."""

from collections.abc import Callable
from contextlib import closing
from functools import partial
from math import log
from pathlib import Path

import duckdb

from core.engine import open_engine, side_by_side, sources_sql, text
from core.errors import MissingInputError
from core.stage import Clock, Progress, SilentProgress, StageReport, utc_now
from extract.settings import TextSettings
from extract.text.agreement import make_agreement
from extract.text.sql import add_text_functions
from storage import Stage, Store
from storage.changes import file_groups
from storage.tables.data_files import file_sql

__all__ = ["run"]

_READS = ("products", "specs")

# Columns that depend only on the cleaned caption are reused from the last run if it is the same.
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
"""Approximate number of products judged together: whole categories, as many as fit in memory."""

_OWN_FILE = 100_000
"""Number of a source's products from which its texts get files that other sources leave alone."""

_DIVIDED = {
    "products": "SELECT product_id, source, category, caption, block FROM placed",
    "specs": "SELECT product_id, property, value, block FROM specs JOIN placed USING (product_id)",
}
"""Table -> query of its columns that agreement needs, with the block of each product."""

_PLACED = """
CREATE TEMP TABLE placed AS
    SELECT product_id, source, category, caption, hash(source, category) % {blocks} AS block
    FROM products WHERE caption IS NOT NULL
"""

_AGREEMENT = "product_id VARCHAR, facts INTEGER, stated INTEGER, contradicted INTEGER, agreement DOUBLE"

_REJECTS = """
SELECT 'texts' AS stage, product_id AS item, 'no_caption' AS reason, 'the product has no caption' AS detail
FROM memory.main.products WHERE caption IS NULL
"""


def run(
    store: Store,
    settings: TextSettings,
    *,
    clock: Clock = utc_now,
    progress: Progress = SilentProgress(),
) -> StageReport:
    """Clean and measure every caption, and grade its agreement with the specification table.

    Reads ``products`` and ``specs``; writes ``texts``, one row per product with a caption. A product without
    one is rejected with the reason ``no_caption``. The grade is ``well`` if the odds of ``agreement``
    (``make_agreement``) reach ``well_matched_odds``, ``poorly`` if they are even or worse, else
    ``partially``; images do not count. Agreement compares products of one source, so only sources whose
    products or specifications have changed since the last run are processed. The report counts all products.

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
    with closing(stage.before.connection((*_READS, "texts"))) as connection:
        sources = stage.changed_sources()
        ours = "true" if sources is None else f"({sources_sql(sources)})"
        for table in () if sources is None else (*_READS, "texts"):
            connection.execute(f"CREATE TEMP VIEW {table} AS SELECT * FROM memory.main.{table} WHERE {ours}")  # noqa: S608
        products = _count(connection, "memory.main.products")
        chosen = _count(connection, "products")
        progress.start("texts", chosen)
        add_text_functions(connection)
        _measure(stage, connection, chosen, ours)
        rows = _TEXTS.format(well=log(settings.well_matched_odds))
        for group in _groups(connection, all_sources=sources is None):
            named = connection.sql(rows if group is None else f"{rows} WHERE {sources_sql(group)}")
            stage.write("texts", named, within=group and [f"{source}:" for source in group])
        stage.write("rejects", connection.sql(_REJECTS), only="texts")
        missing = products - _count(connection, "(SELECT 1 FROM memory.main.products WHERE caption IS NOT NULL)")
    progress.advance(chosen)
    progress.finish()
    dropped = {"no_caption": missing} if missing else {}
    seconds = (clock() - began).total_seconds()
    return stage.commit(StageReport("texts", products, products - missing, dropped, seconds))


def _groups(connection: duckdb.DuckDBPyConnection, *, all_sources: bool) -> list[list[str] | None]:
    """Return the sources whose rows are written together: large ones alone, all others in one group.

    [None] means the whole table at once.
    """
    query = """
        SELECT split_part(product_id, ':', 1) AS source, count(*)
        FROM (SELECT product_id FROM texts UNION SELECT product_id FROM measured) GROUP BY source ORDER BY source
    """
    sizes = dict(connection.execute(query).fetchall())
    groups = file_groups(sizes, _OWN_FILE)
    return [None] if all_sources and all(size < _OWN_FILE for size in sizes.values()) else list(groups)


def _measure(stage: Stage, connection: duckdb.DuckDBPyConnection, products: int, ours: str) -> None:
    """Create the tables ``measured`` and ``agreements``; many products are judged block by block, some in parallel."""
    blocks = -(-products // _TOGETHER)
    if blocks <= 1:
        connection.execute(_MEASURED)
        make_agreement(connection)
        return
    folder = _divide(stage, blocks, ours)
    found = folder / "agreements"
    found.mkdir()

    def judge(block: int) -> None:
        files = {table: folder / table / f"block={block}" for table in _READS}
        if not all(path.exists() for path in files.values()):
            return  # no product of this block has a caption and a table
        with closing(open_engine()) as engine:
            add_text_functions(engine)
            for table, path in files.items():
                rows = f"read_parquet({text(f'{path}/*.parquet')}, hive_partitioning = false)"
                engine.execute(f"CREATE VIEW {table} AS FROM {rows}")
            make_agreement(engine)
            engine.table("agreements").write_parquet(str(found / f"{block}.parquet"))

    # Python counts words, one text at a time; meanwhile DuckDB does the rest.
    tasks: list[Callable[[], object]] = [
        partial(connection.execute, _MEASURED),
        *(partial(judge, block) for block in range(blocks)),
    ]
    side_by_side(lambda task: task(), tasks)
    connection.execute(f"CREATE TEMP TABLE agreements ({_AGREEMENT})")
    for path in sorted(found.iterdir()):
        connection.execute(f"INSERT INTO agreements FROM {file_sql(path)}")


def _divide(stage: Stage, blocks: int, ours: str) -> Path:
    """Write our products and their specifications to one folder per block of categories, bucket by bucket."""
    folder = stage.scratch / "blocks"
    for bucket in stage.before.partitions("products"):
        with closing(open_engine()) as engine:
            for table in _READS:
                engine.execute(stage.before.view(table, table, only=[bucket]))
            engine.execute(f"{_PLACED.format(blocks=blocks)} AND {ours}")
            for table, rows in _DIVIDED.items():
                (folder / table).mkdir(parents=True, exist_ok=True)
                engine.execute(
                    f"COPY ({rows}) TO {text(str(folder / table))} (FORMAT parquet, PARTITION_BY (block), "
                    f"OVERWRITE_OR_IGNORE, FILENAME_PATTERN 'bucket-{bucket}-{{i}}')"
                )
    return folder


def _count(connection: duckdb.DuckDBPyConnection, rows: str) -> int:
    found: list[tuple[int]] = connection.sql(f"SELECT count(*) FROM {rows}").fetchall()  # noqa: S608 - a constant
    return found[0][0]
