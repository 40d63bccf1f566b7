"""Samples read through an opened workspace carry what the settings say of their source."""

from pathlib import Path

import m5data
from m5data.stage import StageReport
from m5data.workspace import Workspace
from splits import splits_stage
from splits.settings import SplitSettings
from tests.splits.synthetic import Thing, stored

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
        stage.commit(StageReport("synthetic", len(things), len(things)))
    splits_stage.run(workspace.store, SplitSettings(recipe="mep3m"))
    samples = m5data.open(tmp_path / "shop").samples("train")
    first = next(samples)
    assert (first.source, first.licence, first.url) == (
        "shop",
        "CC-BY-4.0",
        f"http://shop.example/{first.product_id.removeprefix('shop:')}",
    )
    assert 1 + sum(1 for _ in samples) == 8
