"""Links: every stored medium with its hash, the same rows in both forms, and take-down from them."""

import json
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from export import Rights
from export.export_stage import run
from export.settings import ExportSettings
from storage import Store
from takedown.forget import forget
from takedown.plan import Target

RIGHTS = {"shop": Rights(share=True, licence="CC0-1.0", crawl=True)}
USES = ["train", "evaluate", "search", "display"]


@pytest.fixture
def links(store: Store) -> Path:
    run(store, ExportSettings(formats=("links", "links-jsonl")), recipe="demo", rights=RIGHTS)
    return store.root / "shards/demo"


def rows(folder: Path, name: str) -> list[dict[str, object]]:
    """Return the rows of a folder of both forms, which are the same but for how JSON writes them."""
    tables = [pq.read_table(path).to_pylist() for path in sorted((folder / "links" / name).glob("*.parquet"))]
    lines = [path.read_text().splitlines() for path in sorted((folder / "links-jsonl" / name).glob("*.jsonl"))]
    found = [row for table in tables for row in table]
    assert [row["product_id"] for row in found] == [json.loads(line)["product_id"] for part in lines for line in part]
    return found


def test_images_and_videos_are_named_with_hash_licence_and_purposes(store: Store, links: Path) -> None:
    media = {(m["product_id"], m["kind"]): m for m in store.snapshot().table("media").to_pylist() if m["state"] == "ok"}
    images, (video,) = rows(links, "images/train"), rows(links, "videos/train")
    assert {row["product_id"]: (row["url"], row["position"], row["sha256"], row["caption"]) for row in images} == {
        "shop:1": ("https://shop.example/i", 1, media["shop:1", "image"]["sha256"], "红色 茶壶"),
        "shop:2": ("https://shop.example/i", 0, media["shop:2", "image"]["sha256"], None),
    }
    assert {(row["licence"], *row["purposes"]) for row in [*images, video]} == {("CC0-1.0", *USES)}  # type: ignore[misc]
    (audio,) = store.snapshot().table("audio").to_pylist()
    frames = store.snapshot().table("frames").to_pylist()
    assert (video["mp3_sha256"], video["mfcc_sha256"]) == (audio["mp3"], audio["mfcc"])
    assert video["frames_sha256"] == frames[0]["object"]
    assert [(one["second"], one["length"]) for one in video["frames"]] == [  # type: ignore[attr-defined]
        (row["second"], row["length"]) for row in frames
    ]


def test_samples_have_facts_and_their_row_of_the_splits(links: Path) -> None:
    (query,) = rows(links, "query-c")
    assert (query["product_id"], query["split"], query["caption"], query["licence"]) == (
        "shop:3", "query-c", "一张桌子", "CC0-1.0",
    )  # fmt: skip
    assert {row["product_id"]: len(row["specs"]) for row in rows(links, "train")} == {"shop:1": 2, "shop:2": 0}  # type: ignore[arg-type]
    assert "merchant" not in query


def test_a_folder_reads_as_one_table_of_urls_and_captions(links: Path) -> None:
    frame = pd.read_parquet(links / "links/images/train")
    assert sorted(frame["product_id"]) == ["shop:1", "shop:2"]
    assert {"url", "caption", "sha256"} <= {*frame.columns}
    lines = pd.read_json(links / "links-jsonl/images/train/00000.jsonl", lines=True)
    assert list(lines["sha256"]) == list(frame["sha256"])


def test_a_product_taken_down_leaves_all_files_of_links(store: Store, links: Path) -> None:
    forget(store, Target("product", "shop:1"))
    text = "".join(path.read_text(errors="replace") for path in (links / "links-jsonl").rglob("*.jsonl"))
    assert "shop:1" not in text
    assert [row["product_id"] for row in rows(links, "images/train")] == ["shop:2"]
    assert not list((links / "links").glob("videos/*/*"))
    digest = json.loads((links / "links/manifest.json").read_text())["published"]["digest"]
    assert digest["train"] is None
    assert digest["query-c"] is not None
