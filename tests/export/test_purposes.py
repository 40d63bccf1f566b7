"""Export by purpose: refused products are left out of samples, shards, link files and the browser's selection."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from core.errors import NotAuthorisedError
from core.stage import StageReport
from core.usage import PURPOSES, Purpose
from export import Use, read_samples
from export.export_stage import run
from export.rights import Rights
from export.settings import ExportSettings
from storage import Store
from tests.export.conftest import make_store
from tests.export.synthetic import NOW, rows
from tests.export.test_export_stage import RIGHTS, read_tars
from webapp.catalogue.explore import explore
from webapp.catalogue.index import CatalogueIndex
from webapp.catalogue.product_detail import read_detail
from webapp.catalogue.selection import Selection
from workspace.usage_report import allowances, signals

SIGNALS = {
    # product -> signal, verdicts on train, evaluate, search and display, and whether it still holds
    "shop:1": [("content-signal", "refused unknown allowed unknown", True)],
    "shop:2": [
        ("content-usage", "allowed refused unknown unknown", True),
        ("rsl", "unknown unknown refused refused", True),
        ("content-signal", "refused refused refused refused", False),
    ],
}
CASES = [
    # product, purpose, signal that refuses it; shop:3 has no signals, so the permission to crawl applies
    ("shop:1", "train", "content-signal"),
    ("shop:1", "evaluate", None),
    ("shop:1", "search", None),
    ("shop:1", "display", None),
    ("shop:2", "train", None),
    ("shop:2", "evaluate", "content-usage"),
    ("shop:2", "search", "rsl"),
    ("shop:2", "display", "rsl"),
    ("shop:3", "train", None),
    ("shop:3", "evaluate", None),
    ("shop:3", "search", None),
    ("shop:3", "display", None),
]
FORMATS = ("parquet", "webdataset", "product1m", "m5product", "mep3m")


@pytest.fixture
def signalled(store: Store) -> Store:
    return _signal(store)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CatalogueIndex]:
    store = _signal(make_store(tmp_path_factory.mktemp("browsed") / "workspace"))
    with closing(CatalogueIndex(store.snapshot(), store.state)) as index:
        yield index


def _signal(store: Store) -> Store:
    with store.stage("signal", settings="") as stage:
        stage.write(
            "usage_rights",
            rows(
                "usage_rights",
                *(
                    {
                        "product_id": product, "url": "https://shop.example/", "signal": signal, "place": "robots.txt",
                        "served": "as served", **dict(zip(PURPOSES, verdicts.split(), strict=True)),
                        "since": NOW, "until": None if holds else NOW + timedelta(days=1),
                    }
                    for product, said in SIGNALS.items()
                    for signal, verdicts, holds in said
                ),
            ),
        )  # fmt: skip
        stage.commit(StageReport("signal", 3, 3))
    return store


def _in_shards(folder: Path) -> dict[str, dict[str, list[str]]]:
    """Return format -> product -> allowed purposes, as stated in the files."""
    tars = read_tars(sorted(map(str, folder.glob("webdataset/*/*.tar"))))
    tables = [pq.read_table(path).to_pylist() for path in folder.glob("parquet/*/*.parquet")]
    lines = [line.split("#####") for path in folder.glob("product1m/*/*.txt") for line in path.read_text().splitlines()]
    records = [one for path in folder.glob("mep3m/*/*.json") for one in json.loads(path.read_text())]
    items = {
        name: one for path in folder.glob("m5product/*/*.json") for name, one in json.loads(path.read_text()).items()
    }
    return {
        "webdataset": {name: facts["purposes"] for name, (facts, _) in tars.items()},
        "parquet": {row["product_id"]: row["purposes"] for table in tables for row in table},
        "product1m": {line[0]: line[5].split("#;#") for line in lines},
        "mep3m": {record["product_id"]: record["purposes"] for record in records},
        "m5product": {name: item["purposes"] for name, item in items.items()},
    }


@pytest.mark.parametrize("purpose", PURPOSES)
def test_twelve_cases_through_samples_shards_link_files_and_the_browser(
    signalled: Store, browser: CatalogueIndex, purpose: Purpose
) -> None:
    expected = {product for product, asked, refused in CASES if asked == purpose and refused is None}
    left_out = [refused for _, asked, refused in CASES if asked == purpose and refused is not None]
    snapshot = signalled.snapshot()
    read = {
        sample.product_id: list(sample.purposes)
        for split in ("train", "query-c")
        for sample in read_samples(signalled.objects, snapshot, split, "demo", use=Use(purpose))
    }
    assert set(read) == expected
    settings = ExportSettings.model_validate({"purpose": purpose, "formats": FORMATS})
    report = run(signalled, settings, recipe="demo", rights=RIGHTS)
    folder = signalled.root / "shards/demo"
    assert _in_shards(folder) == dict.fromkeys(FORMATS, read)
    with browser.reading() as engine:
        cards = explore(engine, Selection.parse([("purpose", purpose)])).cards
    assert {card.product_id for card in cards} == expected
    for product, allowed in read.items():
        detail = read_detail(signalled.snapshot(), product)
        assert detail is not None
        assert [name for name, open_to in detail.purposes.items() if open_to] == allowed

    manifest = json.loads((folder / "product1m/manifest.json").read_text())
    counts = {signal: left_out.count(signal) for signal in left_out}
    assert (manifest["purpose"], manifest["left_out"]) == (purpose, {"train": counts} if counts else {})
    assert (report.read, report.kept, dict(report.dropped)) == (3, len(expected), counts)
    rejects = signalled.snapshot().sql("SELECT item, reason, detail FROM rejects WHERE stage = 'export'").to_pylist()
    assert [(one["reason"], one["detail"].split(": ")[0]) for one in rejects] == [(name, "train") for name in left_out]
    card = (folder / "product1m/README.md").read_text()
    assert f"Exported to {purpose}." in card
    assert ("Left out, because their shop refuses that" in card) == bool(left_out)


def test_without_the_permission_to_crawl_nothing_may_be_used(signalled: Store) -> None:
    rights = {"shop": Rights(share=True, licence="CC0-1.0", crawl=False)}
    with pytest.raises(NotAuthorisedError, match="no sample may be used to search: rsl 1, source 3"):
        run(signalled, ExportSettings(purpose="search"), recipe="demo", rights=rights)
    assert [path for path in (signalled.root / "shards").rglob("*") if path.is_file()] == []
    use = Use("search", ["shop"])
    assert list(read_samples(signalled.objects, signalled.snapshot(), "train", "demo", use=use)) == []


def test_the_report_says_what_was_signalled_and_what_an_export_may_hold(signalled: Store) -> None:
    said = [
        (row["signal"], row["train"], row["until"] is None, row["products"]) for row in signals(signalled.snapshot())
    ]
    assert said == [
        ("content-signal", "refused", False, 1),
        ("content-signal", "refused", True, 1),
        ("content-usage", "allowed", True, 1),
        ("rsl", "unknown", True, 1),
    ]
    assert signals(signalled.snapshot(), "other") == []
    (train,) = allowances(signalled.snapshot(), "train")
    assert train == {
        "source": "shop", "products": 3, "allowed": 1, "not_said": 1, "refused": 1, "by": "content-signal 1",
    }  # fmt: skip
    (search,) = allowances(signalled.snapshot(), "search", ["shop"])
    assert (search["refused"], search["by"]) == (3, "rsl 1, source 3")
