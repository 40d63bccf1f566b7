"""The stage ``matches``: one decision per pair, from all judgements."""

import time
from contextlib import closing

import pyarrow as pa
import pyarrow.compute as pc

from annotate.judgement_state import all_judgements, paused_workers, state_digest
from annotate.settings import AnnotateSettings
from core.product_keys import KEYED_PRODUCTS, contradicts_sql
from core.records import Reject
from core.stage import Clock, Progress, SilentProgress, StageReport, utc_now
from storage import Snapshot, Store

__all__ = ["run"]


def run(
    store: Store,
    settings: AnnotateSettings,
    *,
    clock: Clock = utc_now,
    progress: Progress = SilentProgress(),
) -> StageReport:
    """Publish the judgements as a table and aggregate them with pairs of one GTIN; drop those on unknown products.

    The judgements of paused workers are in the table, but do not count unless ``count_paused`` is set.
    """
    del clock
    began = time.monotonic()
    with store.stage(
        "matches", settings=_digest(settings), reads=("products",), extra=state_digest(store.state)
    ) as stage:
        if stage.unchanged:
            return stage.report_unchanged()
        judgements = all_judgements(store.state)
        progress.start("matches", judgements.num_rows)
        known = _on_known_products(judgements, stage.before.table("products", ["product_id"])["product_id"])
        kept, lost = judgements.filter(known), judgements.filter(pc.invert(known))
        stage.write("judgements", kept)
        left_out = [] if settings.count_paused else paused_workers(store.state)
        counted = kept.filter(pc.invert(pc.is_in(kept["worker"], pa.array(left_out, pa.string()))))
        from annotate.matches import match_pairs  # noqa: PLC0415 - an unchanged run need not load the methods

        judged = match_pairs(counted, settings.method, settings.threshold)
        stage.write("matches", _with_gtins(stage.before, judged) if settings.gtin_matches else judged)
        stage.reject(_reject(row) for row in lost.to_pylist())
        progress.advance(judgements.num_rows)
        progress.finish()
        dropped = {"unknown_product": lost.num_rows} if lost.num_rows else {}
        seconds = time.monotonic() - began
        return stage.commit(StageReport("matches", judgements.num_rows, kept.num_rows, dropped, seconds))


def _digest(settings: AnnotateSettings) -> str:
    """Return the settings on which matches depend."""
    paused, gtins = settings.count_paused, settings.gtin_matches
    return f"{settings.method} {settings.threshold}{' with paused workers' if paused else ''} GTIN {gtins}"


_GTIN_MATCHES = f"""
WITH keyed AS ({KEYED_PRODUCTS})
SELECT query, candidate, posterior, decision, votes FROM judged
UNION ALL
SELECT a.product_id, b.product_id, 1.0, 'matched', 0::INTEGER
FROM keyed a JOIN keyed b ON a.gtin14 = b.gtin14 AND a.product_id <> b.product_id
WHERE NOT {contradicts_sql("a", "b")} AND NOT EXISTS (
    FROM judged j WHERE (j.query, j.candidate) IN ((a.product_id, b.product_id), (b.product_id, a.product_id))
)
ORDER BY query, candidate
"""  # noqa: S608 - constants


def _with_gtins(before: Snapshot, judged: pa.Table) -> pa.Table:
    """Return matches with both directions of each unjudged pair of one GTIN."""
    with closing(before.connection(["products"])) as connection:
        connection.register("judged", judged)
        return connection.sql(_GTIN_MATCHES).to_arrow_table()


def _on_known_products(judgements: pa.Table, products: pa.ChunkedArray) -> pa.ChunkedArray:
    ids = products.combine_chunks()
    return pc.and_(pc.is_in(judgements["query"], ids), pc.is_in(judgements["candidate"], ids))


def _reject(row: dict[str, str]) -> Reject:
    return Reject(
        f"{row['query']} {row['candidate']} {row['worker']}",
        "unknown_product",
        "a product is not in the table products",
    )
