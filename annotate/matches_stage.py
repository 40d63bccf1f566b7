"""The stage ``matches``: one decision per pair, from all judgements."""

import time

import pyarrow as pa
import pyarrow.compute as pc

from annotate.judgement_state import all_judgements, paused_workers, state_digest
from annotate.settings import AnnotateSettings
from core.records import Reject
from core.stage import Clock, Progress, SilentProgress, StageReport, utc_now
from storage import Store

__all__ = ["run"]


def run(
    store: Store,
    settings: AnnotateSettings,
    *,
    clock: Clock = utc_now,
    progress: Progress = SilentProgress(),
) -> StageReport:
    """Publish the judgements as a table and aggregate them; drop those on unknown products.

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

        stage.write("matches", match_pairs(counted, settings.method, settings.threshold))
        stage.reject(_reject(row) for row in lost.to_pylist())
        progress.advance(judgements.num_rows)
        progress.finish()
        dropped = {"unknown_product": lost.num_rows} if lost.num_rows else {}
        seconds = time.monotonic() - began
        return stage.commit(StageReport("matches", judgements.num_rows, kept.num_rows, dropped, seconds))


def _digest(settings: AnnotateSettings) -> str:
    """Return the settings on which matches depend."""
    return f"{settings.method} {settings.threshold}{' with paused workers' if settings.count_paused else ''}"


def _on_known_products(judgements: pa.Table, products: pa.ChunkedArray) -> pa.ChunkedArray:
    ids = products.combine_chunks()
    return pc.and_(pc.is_in(judgements["query"], ids), pc.is_in(judgements["candidate"], ids))


def _reject(row: dict[str, str]) -> Reject:
    return Reject(
        f"{row['query']} {row['candidate']} {row['worker']}",
        "unknown_product",
        "a product is not in the table products",
    )
