"""A synthetic workspace of M5Product's shape, ingested from a feed and filled with the results of later stages.

    python -m bench.store.workspace FOLDER FEED [PRODUCTS]

Time and memory of the ingest are printed; duplicates, labels, judgements and matches are written as tables.
"""

import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.splits.synthetic_catalogue import make_catalogue
from bench.store.feed import SEED
from bench.store.timing import run_command
from core.stage import StageReport
from splits import Catalogue
from storage import Stage, Store
from workspace import Workspace

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

SETTINGS = """
[crawl]
contact = "bench@synthetic.example"

[sources.s]
start = ["http://synthetic.example/"]
crawl_authorised = true
share_authorised = true
licence = "CC0-1.0"
"""


def ingest(folder: Path, feed: Path) -> None:
    """Create a workspace from a feed and print the cost."""
    Workspace.create(folder, SETTINGS)
    run = run_command(["ingest", str(feed), "-w", str(folder)])
    products = pq.ParquetFile(feed).metadata.num_rows
    print(f"ingest: {products:,} products, {run.seconds:.1f} s, {products / run.seconds:,.0f}/s, {run.peak:.2f} GB")


def fill(folder: Path, products: int) -> None:
    """Write tables as by deduplication, alignment and annotation, and mark every image as downloaded."""
    catalogue = make_catalogue(products, SEED)
    store = Store.open(folder)
    with store.stage("dedup", settings="synthetic", reads=("products",)) as stage:
        stage.write("duplicates", _duplicates(catalogue))
        stage.commit(StageReport("dedup", products, products))
    with store.stage("align", settings="synthetic", reads=("products",)) as stage:
        stage.write("labels", _labels(catalogue))
        stage.commit(StageReport("align", products, products))
    with store.stage("matches", settings="synthetic") as stage:
        _matches(stage, catalogue)
    with store.stage("download", settings="synthetic") as stage, closing(stage.before.connection(("media",))) as engine:
        stage.write("media", engine.sql(_FETCHED))
        stage.write("objects", engine.sql(_STORED))
        stage.commit(StageReport("download", products, products))


def _duplicates(catalogue: Catalogue) -> pa.Table:
    rows = catalogue.products.select(["product_id", "group_id"])
    sizes = rows.group_by("group_id").aggregate([("product_id", "count")])
    joined = rows.join(sizes, "group_id").rename_columns({"product_id_count": "size"})
    alone = pc.equal(joined["size"], 1)
    rule = pc.if_else(alone, "alone", "near_text")
    columns = {
        "product_id": joined["product_id"],
        "group_id": joined["group_id"],
        "rule": rule,
        "kept": pa.repeat(pa.scalar(value=True), len(joined)),
        "size": joined["size"].cast(pa.int32()),
    }
    return pa.table(columns)


def _labels(catalogue: Catalogue) -> pa.Table:
    rows = catalogue.products
    columns: dict[str, pa.ChunkedArray] = {"product_id": rows["product_id"]}
    for level in ("class", "sub_class", "subsub_class"):
        ids = rows[f"{level}_id"]
        name = pc.if_else(pc.less(ids, 0), "", pc.binary_join_element_wise(level, ids.cast(pa.string()), " "))
        columns |= {f"{level}_id": ids, f"{level}_name": name}
    return pa.table(columns)


def _matches(stage: Stage, catalogue: Catalogue) -> None:
    """Write each pair with its decision, and one judgement on which that rests."""
    pairs = catalogue.matches
    count = len(pairs)
    judged = {
        "worker": pa.repeat("w1", count),
        "answer": pc.replace_substring(pairs["decision"], "undecided", "uncertain"),
        "gold": pa.repeat(pa.scalar(value=False), count),
        "answered_at": pa.repeat(pa.scalar(NOON, pa.timestamp("us", tz="UTC")), count),
    }
    pair = {name: pairs[name] for name in ("query", "candidate")}
    stage.write("judgements", pa.table({**pair, **judged}))
    decided = {"posterior": pa.repeat(0.9, count), "decision": pairs["decision"], "votes": pa.repeat(1, count)}
    stage.write("matches", pa.table({**pair, **decided}))
    stage.commit(StageReport("matches", count, count))


_FETCHED = """
    SELECT * REPLACE ('ok' AS state, sha256(url) AS sha256, 1 AS attempts, 1::BIGINT AS bytes,
                      'image/jpeg' AS mime, 800 AS width, 800 AS height) FROM media
"""
_STORED = """
    SELECT DISTINCT sha256(url) AS sha256, 'media' AS kind, 'image/jpeg' AS mime, 'synthetic.warc' AS segment,
        0::BIGINT AS "offset", 1::BIGINT AS length, 0::BIGINT AS payload_offset, 1::BIGINT AS payload_length FROM media
"""


if __name__ == "__main__":
    ingest(Path(sys.argv[1]), Path(sys.argv[2]))
    fill(Path(sys.argv[1]), pq.ParquetFile(sys.argv[2]).metadata.num_rows)
