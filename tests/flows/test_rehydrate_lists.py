"""Lists that others published: their products and images are made again, and compared with the hashes they name."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import DataError
from flows.rehydration.lists import open_list
from flows.rehydration.run import Rehydration, open_target, rehydrate_list
from tests.crawler.media.conftest import MediaServer, serving
from tests.flows.test_rehydrate import PAGE, picture, target
from workspace import Workspace


@pytest.fixture(scope="module")
def server() -> Iterator[MediaServer]:
    with serving() as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path, server: MediaServer) -> Path:
    """Return the folder of img2dataset for six images, of which the server has changed three."""
    server.content = {f"/{n}.png": picture(n) for n in range(6)}
    rows = [
        {
            "product_id": f"shop:{n // 2}",
            "position": n % 2,
            "caption": f"Thing {n // 2}",
            "url": server.url(f"/{n}.png"),
            "key": f"00000000{n}",
            "status": "failed_to_download" if n == 4 else "success",
            "error_message": None,
            "width": 96,
            "sha256": None if n == 4 else hashlib.sha256(picture(n)).hexdigest(),
        }
        for n in reversed(range(6))
    ]
    out = tmp_path / "img2dataset"
    (out / "00000").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows[:4]), out / "00000.parquet")
    pq.write_table(pa.Table.from_pylist(rows[4:]), out / "00001.parquet")
    for shard in ("00000", "00001"):
        (out / f"{shard}_stats.json").write_text(json.dumps({"count": 3, "successes": 3}))
    server.content |= {"/1.png": picture(1, "JPEG"), "/2.png": 404, "/3.png": PAGE}
    return out


def rebuilt(folder: Path, path: Path, server: MediaServer) -> tuple[Workspace, Rehydration]:
    root = target(folder, server) if not folder.exists() else folder
    workspace = open_target(root, {"shop": None})
    return workspace, rehydrate_list(workspace, open_list(path, "shop"))


def products(workspace: Workspace) -> list[tuple[object, ...]]:
    rows = workspace.store.snapshot().sql("SELECT product_id, caption FROM products ORDER BY ALL").to_pylist()
    return [tuple(row.values()) for row in rows]


def test_img2dataset_folder_gives_products_and_drift(tmp_path: Path, folder: Path, server: MediaServer) -> None:
    workspace, done = rebuilt(tmp_path / "new", folder, server)
    assert done.as_published, [check for check in done.checks if not check.ok]
    assert products(workspace) == [("shop:0", "Thing 0"), ("shop:1", "Thing 1"), ("shop:2", "Thing 2")]
    query = "SELECT product_id, position, url FROM media ORDER BY ALL"
    assert [tuple(row.values()) for row in workspace.store.snapshot().sql(query).to_pylist()] == [
        (f"shop:{n // 2}", n % 2, server.url(f"/{n}.png")) for n in range(6)
    ]
    counts = {"same_bytes": 2, "other_bytes": 1, "fetched": 1, "page": 1, "gone": 1}
    assert done.drift.media == {"image": counts}
    lines = (workspace.root / "reports/drift.jsonl").read_text().splitlines()
    named = {json.loads(line)["url"].rpartition("/")[2]: json.loads(line)["verdict"] for line in lines}
    assert named == {"1.png": "other_bytes", "2.png": "gone", "3.png": "page", "4.png": "fetched"}
    asked = server.requests.total()
    _, again = rebuilt(tmp_path / "new", folder, server)
    assert again.drift == done.drift
    assert [report.unchanged for report in again.reports] == [True] * len(again.reports)
    assert server.requests.total() == asked


def test_link_files_of_the_papers(tmp_path: Path, server: MediaServer) -> None:
    server.content = {f"/{n}.png": picture(n) for n in range(3)}
    m5product = tmp_path / "items.json"
    item = {"title": "灯", "pv": "材质#:#铝#;#颜色#:#白", "label": "灯具", "url": server.url("/0.png")}
    m5product.write_text(json.dumps({"100": item, "101": {**item, "url": server.url("/gone.png")}}))
    workspace, done = rebuilt(tmp_path / "m5product", m5product, server)
    assert products(workspace) == [("shop:100", "灯"), ("shop:101", "灯")]
    assert done.drift.media == {"image": {"fetched": 1, "gone": 1}}
    product1m = tmp_path / "train_id_info.txt"
    one, two = server.url("/1.png"), server.url("/2.png")
    product1m.write_text(f"7#####口红#####{one}#####{one}#####口红#;#彩妆\n8#####面霜#####{two}#####{two}#####面霜\n")
    workspace, done = rebuilt(tmp_path / "product1m", product1m, server)
    assert (products(workspace), done.drift.media) == (
        [("shop:7", "口红"), ("shop:8", "面霜")],
        {"image": {"fetched": 2}},
    )


def test_other_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no list of links"):
        open_list(tmp_path, "shop")
