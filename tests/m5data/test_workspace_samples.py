"""Samples read through an opened workspace carry the licence that the settings give their source."""

from decimal import Decimal
from pathlib import Path

import pyarrow as pa

import m5data
from core.stage import StageReport
from splits import splits_stage
from splits.settings import SplitSettings
from storage.tables import TABLES
from tests.splits.synthetic import Thing, stored
from workspace import Workspace

SETTINGS = """
[sources.shop]
start = ["http://127.0.0.1:9/"]
local = true
crawl_authorised = true
share_authorised = true
licence = "CC-BY-4.0"
[splits]
recipe = "mep3m"
"""


def test_samples_stream_with_licence_and_page(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "shop", SETTINGS)
    things = [Thing(f"shop:{number}", category=number % 2, held=number < 4) for number in range(12)]
    with workspace.store.stage("synthetic", settings="") as stage:
        for name, table in stored(things).items():
            if name != "media":
                stage.write(name, table)
        rows = [
            {
                "product_id": f"shop:{number}",
                "variant_id": f"v{-size}",
                "position": size,
                "options": [f"size: {size}"],
                "price": Decimal(5),
            }
            for number in range(12)
            for size in (0, 1)
        ]
        names = TABLES["variants"].schema
        stage.write("variants", pa.Table.from_pylist(rows, schema=names))
        stage.commit(StageReport("synthetic", len(things), len(things)))
    splits_stage.run(workspace.store, SplitSettings(recipe="mep3m"))
    samples = list(m5data.open(tmp_path / "shop").samples("train"))
    first = samples[0]
    assert (first.source, first.licence, first.url) == (
        "shop",
        "CC-BY-4.0",
        f"http://shop.example/{first.product_id.removeprefix('shop:')}",
    )
    assert len(samples) == 8
    sizes = [[option.value for one in sample.variants for option in one.options] for sample in samples]
    assert sizes == [["0", "1"]] * 8
