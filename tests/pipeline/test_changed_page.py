"""After a page has changed, only work that depends on it is redone."""

import shutil
from pathlib import Path
from urllib.parse import urlsplit

from core.run_options import RunContext, RunOptions
from core.stage import StageReport
from demo_shops.server import serving
from demo_shops.shops import Shops, change_product
from demo_shops.workspace import open_demo
from flows.run_stage import run_stage
from tests.pipeline.workspace_content import table_rows
from workspace.stages import stages_of

CHANGED = "north:N10001"


def run_all(folder: Path, base_urls: dict[str, str]) -> dict[str, StageReport]:
    workspace = open_demo(folder, base_urls, Shops.open(folder).size)  # type: ignore[arg-type]
    context = RunContext(options=RunOptions(refresh=True))
    names = (*stages_of("collect"), "extract")
    return {name: run_stage(workspace, name, context) for name in names}


def test_only_the_changed_product_is_read_again(tmp_path: Path, shops: Shops) -> None:
    shutil.copytree(shops.folder / "shops", tmp_path / "shops")
    with serving(tmp_path) as base_urls:
        bases = {str(name): base for name, base in base_urls.bases.items()}
        run_all(tmp_path, bases)
        before = table_rows(tmp_path)
        counts = {shop: base_urls.requests(shop) for shop in base_urls.bases}
        change_product(tmp_path, CHANGED)
        reports = run_all(tmp_path, bases)
        later = {shop: base_urls.requests(shop) for shop in base_urls.bases}
    after = table_rows(tmp_path)
    opted_out = {urlsplit(drop.url).path for drop in shops.truth(base_urls.bases).drops if drop.reason == "opt_out"}
    whole = {
        path
        for shop, log in later.items()
        for path, statuses in log.items()
        if statuses.get("200", 0) > counts[shop].get(path, {}).get("200", 0) and path.endswith(".html")
    }
    # no copy is kept of a page that opts out, so it cannot be requested conditionally
    assert whole - opted_out == {"/p/N10001.html", "/goods/N10001.html"}, "the page and its second address"
    media = [
        path
        for shop, log in later.items()
        for path in log
        if "." in path and not path.endswith((".html", ".txt", ".xml"))
    ]
    assert media
    assert [path for shop, log in later.items() for path in media if log.get(path) != counts[shop].get(path)] == []
    assert [name for name in ("download", "extract") if not reports[name].unchanged] == []
    for table in ("media", "frames", "audio", "images"):
        assert after[table] == before[table]
    changed = {row["product_id"] for row in after["products"] if row not in before["products"]}
    assert changed == {CHANGED}
    assert {row["product_id"] for row in after["specs"] if row not in before["specs"]} == {CHANGED}
