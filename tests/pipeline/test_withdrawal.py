"""A shop withdraws from training between two runs: from its signals to the exported products."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from core.stage import StageReport
from core.usage import Purpose
from crawler import crawl_stage, records_stage
from crawler.settings import CrawlSettings, SourceSettings
from export import Use, read_samples
from export.export_stage import run as export
from export.rights import Rights
from export.settings import ExportSettings
from storage import Store
from tests.crawler.crawl.conftest import Clock, Shop, listing_page, product_page
from tests.export.synthetic import rows
from workspace.usage_report import allowances

RIGHTS = {name: Rights(share=True, licence="CC0-1.0") for name in ("keeps", "leaves")}
ALLOWED = b"User-agent: *\nContent-Signal: search=yes, ai-train=yes\nAllow: /"
WITHDRAWN = b"User-agent: *\nContent-Signal: search=yes, ai-train=no\nAllow: /"


def _settings(**shops: Shop) -> CrawlSettings:
    sources = {
        name: SourceSettings(start=(f"{shop.url}/",), crawl_authorised=True, local=True) for name, shop in shops.items()
    }
    return CrawlSettings(sources=sources, delay_s=0, backoff_s=0.01, timeout_s=60)


def _collect(store: Store, settings: CrawlSettings, clock: Callable[[], datetime]) -> None:
    crawl_stage.run(store, settings, clock=clock)
    records_stage.run(store, settings, clock=clock)


def _split(store: Store) -> None:
    products = store.snapshot().sql("SELECT product_id FROM products ORDER BY 1")["product_id"].to_pylist()
    place = {"recipe": "demo", "split": "train", "role": "sample", "label": "0", "label_level": "class"}
    with store.stage("splits", settings=str(len(products))) as stage:
        stage.write("splits", rows("splits", *({**place, "product_id": one, "group_id": one} for one in products)))
        stage.commit(StageReport("splits", len(products), len(products)))


def _exported(store: Store, purpose: Purpose) -> tuple[list[str], dict[str, dict[str, int]]]:
    out = store.root / "out" / purpose
    export(store, ExportSettings(purpose=purpose, formats=("product1m",), out=out), recipe="demo", rights=RIGHTS)
    folder = out / "demo/product1m"
    lines = [line.split("#####")[0] for path in folder.glob("*/*.txt") for line in path.read_text().splitlines()]
    return sorted(lines), json.loads((folder / "manifest.json").read_text())["left_out"]


def test_products_leave_the_next_training_export_and_stay_for_search(tmp_path: Path) -> None:
    clock, store = Clock(), Store.create(tmp_path / "ws", buckets=2)
    with Shop() as keeps, Shop() as leaves:
        for shop in (keeps, leaves):
            shop.pages = {
                "/": listing_page(["/p/a", "/p/b"]),
                "/p/a": product_page("a"),
                "/p/b": product_page("b"),
                "/robots.txt": ALLOWED,
            }
        settings = _settings(keeps=keeps, leaves=leaves)
        _collect(store, settings, clock)
        _split(store)
        everything = ["keeps:a", "keeps:b", "leaves:a", "leaves:b"]
        assert _exported(store, "train") == (everything, {})

        leaves.pages["/robots.txt"] = WITHDRAWN
        clock.now += timedelta(days=2)
        _collect(store, settings, clock)

    assert _exported(store, "train") == (["keeps:a", "keeps:b"], {"train": {"content-signal": 2}})
    assert _exported(store, "search") == (everything, {})
    snapshot = store.snapshot()
    samples = read_samples(store.objects, snapshot, "train", "demo", use=Use("train"))
    assert sorted(sample.product_id for sample in samples) == ["keeps:a", "keeps:b"]
    receipt = "SELECT item, reason, detail FROM rejects WHERE stage = 'export' ORDER BY 1"
    assert snapshot.sql(receipt).to_pylist() == []  # of the export for search; that for training is one version earlier
    earlier = store.snapshot(snapshot.number - 1).sql(receipt).to_pylist()
    assert [(one["item"], one["reason"]) for one in earlier] == [
        ("leaves:a", "content-signal"),
        ("leaves:b", "content-signal"),
    ]
    assert earlier[0]["detail"] == "train: robots.txt content-signal: search=yes, ai-train=no"
    assert [(row["source"], row["allowed"], row["refused"], row["by"]) for row in allowances(snapshot, "train")] == [
        ("keeps", 2, 0, ""),
        ("leaves", 0, 2, "content-signal 2"),
    ]
