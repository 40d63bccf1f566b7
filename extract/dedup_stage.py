"""The stage ``dedup``: groups of duplicate products."""

from contextlib import closing

import duckdb

from core.engine import bucket_sql, open_engine, text
from core.errors import MissingInputError
from core.stage import Clock, Progress, SilentProgress, StageReport, utc_now
from extract.duplicates import FINGERPRINTS, NEW_DUPLICATES, NEW_PAIRS, NEW_REJECTS, find_pairs, prepare, regroup
from extract.settings import DedupSettings
from storage import Stage, Store
from storage.changes import file_groups
from storage.versions import ABSENT

__all__ = ["run"]

_COLUMNS = {
    "products": "caption, gtin14, brand, mpn",
    "specs": "property, value",
    "media": "kind, state, position, sha256",
    "images": "position, pixels, phash, blank_share",
    "frames": "video_sha256, second, phash",
}
"""Table -> columns that duplicates depend on."""
_OWN = ("duplicates", "duplicate_pairs", "fingerprints")
"""Tables that a later run continues; if anything else has changed them, it starts from scratch."""

_OWN_FILE = 50_000
"""Number of a source's products in a bucket from which its fingerprints get a file that other sources leave alone."""

_MADE = f"""
CREATE VIEW products AS SELECT * FROM all_products SEMI JOIN changed USING (product_id);
CREATE VIEW media AS SELECT * FROM all_media SEMI JOIN changed USING (product_id);
CREATE VIEW images AS SELECT * FROM all_images SEMI JOIN changed USING (product_id);
CREATE TABLE made AS SELECT *, split_part(product_id, ':', 1) AS source FROM ({FINGERPRINTS});
"""  # noqa: S608 - constants
_KEPT = """
INSERT INTO made
    SELECT *, split_part(product_id, ':', 1) AS source FROM all_fingerprints ANTI JOIN changed USING (product_id)
    WHERE source IN (SELECT split_part(product_id, ':', 1) FROM changed)
"""
_SIZES = """
SELECT source, count(made.product_id) FROM (
    SELECT DISTINCT split_part(product_id, ':', 1) AS source FROM changed
) LEFT JOIN made USING (source) GROUP BY source ORDER BY source
"""

_KEPT_REJECTS = """
SELECT stage, item, reason, detail FROM rejects WHERE stage = 'dedup' AND item NOT IN (FROM regrouped) UNION ALL
"""


def run(
    store: Store,
    settings: DedupSettings,
    *,
    clock: Clock = utc_now,
    progress: Progress = SilentProgress(),
) -> StageReport:
    """Group exact and near duplicates, and keep one product of each exact group: the one with the smallest id.

    Reads ``products``, ``specs``, ``media``, ``images`` and ``frames``; writes ``duplicates``, one row per product,
    ``duplicate_pairs``, the pairs that form the groups, with their rules, and ``fingerprints``. A product that is not
    kept is rejected with the reason ``exact_duplicate``. All near duplicates are kept; they share a group, so that no
    split separates them. The members of a group depend only on the products, its name also on the last run
    (``name_groups``). A later run only searches for duplicates of the products that have changed since, and forms
    the groups that a run from scratch would. The report counts products.

    Raises:
        MissingInputError: There is no table ``products`` yet.
    """
    with store.stage("dedup", settings=settings.digest(), reads=(*_COLUMNS, *_OWN)) as stage:
        if stage.unchanged:
            return stage.report_unchanged()
        if "products" not in stage.before.tables:
            raise MissingInputError("dedup: there is no table products yet. Run m5data crawl first.")
        return _work(stage, settings, clock, progress)


def _work(stage: Stage, settings: DedupSettings, clock: Clock, progress: Progress) -> StageReport:
    began = clock()
    with closing(stage.before.connection((*_COLUMNS, *_OWN, "rejects"))) as connection:
        everything = not stage.find_changed_products(_COLUMNS, connection)
        if everything:
            connection.execute("CREATE TEMP VIEW changed AS SELECT product_id FROM memory.main.products")
        products = _count(connection, "products")
        chosen = _count(connection, "changed")
        progress.start("dedup", chosen)
        prepare(connection)
        _write_fingerprints(stage, connection, everything=everything)
        connection.execute(f"CREATE TEMP VIEW fingerprints_now AS {stage.rows('fingerprints')}")
        find_pairs(connection, settings, None if everything else _changed_media(stage))
        regroup(connection, settings.max_in_group, everything=everything)
        dropped = _write_groups(stage, connection, everything=everything)
    progress.advance(chosen)
    progress.finish()
    report = StageReport(
        "dedup",
        products,
        products - dropped,
        {"exact_duplicate": dropped} if dropped else {},
        (clock() - began).total_seconds(),
    )
    return stage.commit(report)


def _changed_media(stage: Stage) -> set[str]:
    """Return which of the tables ``images`` and ``frames`` have changed since the last run."""
    last, now = stage.before.stages["dedup"].reads, stage.before.tables
    return {table for table in ("images", "frames") if last.get(table, ABSENT) != now.get(table, ABSENT)}


def _write_fingerprints(stage: Stage, connection: duckdb.DuckDBPyConnection, *, everything: bool) -> None:
    """Replace the fingerprints of the products in ``changed``, bucket by bucket."""
    some = None if everything else connection.table("changed").to_arrow_table()
    for bucket in _buckets(stage, connection, "fingerprints", "changed", everything=everything):
        with closing(open_engine()) as engine:
            prepare(engine)
            for table in ("products", "media", "images", "fingerprints"):
                engine.execute(stage.before.view(f"all_{table}", table, only=[bucket]))
            if some is None:
                engine.execute("CREATE VIEW changed AS SELECT product_id FROM all_products")
            else:
                engine.register("changed_anywhere", some)
                own = f"{bucket_sql('product_id', stage.before.record.buckets)} = {bucket}"
                engine.execute(f"CREATE TABLE changed AS SELECT product_id FROM changed_anywhere WHERE {own}")  # noqa: S608
            engine.execute(_MADE)
            if not everything:
                engine.execute(_KEPT)
            _write_by_source(stage, engine, bucket, everything=everything)


def _write_by_source(stage: Stage, engine: duckdb.DuckDBPyConnection, bucket: int, *, everything: bool) -> None:
    """Write ``made`` to one file per large source, and one for all others."""
    sizes = dict(engine.execute(_SIZES).fetchall())
    for number, sources in enumerate(file_groups(sizes, _OWN_FILE) or [[]]):
        named = ", ".join(map(text, sources)) or "NULL"
        rows = engine.sql(f"SELECT * EXCLUDE (source) FROM made WHERE source IN ({named})")  # noqa: S608
        within = None if everything and not number else [f"{source}:" for source in sources]
        stage.write("fingerprints", rows, only=[bucket], within=within)


def _write_groups(stage: Stage, connection: duckdb.DuckDBPyConnection, *, everything: bool) -> int:
    """Replace the rows of the products in ``regrouped``; return the number of dropped exact duplicates."""
    place = bucket_sql("product_id", stage.before.record.buckets)
    for table, query in (("duplicates", NEW_DUPLICATES), ("duplicate_pairs", NEW_PAIRS)):
        connection.execute(f"CREATE TEMP TABLE new_{table} AS SELECT *, {place} AS bucket FROM ({query})")  # noqa: S608
        for bucket in _buckets(stage, connection, table, "regrouped", everything=everything):
            rows = f"SELECT * EXCLUDE (bucket) FROM new_{table} WHERE bucket = {bucket}"  # noqa: S608
            if not everything:
                connection.execute(stage.before.view(f"{table}_{bucket}", table, only=[bucket]))
                rows += f" UNION ALL SELECT * FROM {table}_{bucket} ANTI JOIN regrouped USING (product_id)"  # noqa: S608
            stage.write(table, connection.sql(rows), only=[bucket])
    rejects = NEW_REJECTS if everything else _KEPT_REJECTS + NEW_REJECTS
    stage.write("rejects", connection.sql(rejects), only="dedup")
    return _count(connection, f"({rejects})")


def _buckets(
    stage: Stage, connection: duckdb.DuckDBPyConnection, table: str, products: str, *, everything: bool
) -> list[int]:
    """Return the buckets of a table that may change: those of ``products``, and all if everything changes."""
    place = bucket_sql("product_id", stage.before.record.buckets)
    query = f"SELECT DISTINCT {place} FROM {products}"  # noqa: S608
    found = {bucket for (bucket,) in connection.execute(query).fetchall()}
    return sorted(found | {int(str(bucket)) for bucket in stage.before.partitions(table) if everything})


def _count(connection: duckdb.DuckDBPyConnection, rows: str) -> int:
    found: list[tuple[int]] = connection.sql(f"SELECT count(*) FROM {rows}").fetchall()  # noqa: S608 - a constant
    return found[0][0]
