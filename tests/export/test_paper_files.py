"""The papers' own file formats: their content, and reading them back as feeds."""

import json
from collections.abc import Callable
from pathlib import Path

import mlcroissant
import pytest

from crawler.feeds.formats import read_product1m
from crawler.feeds.m5product import parse_pv, read_m5product
from crawler.feeds.rows import FeedRow
from export.removal import SHARDS, Removed, shard_holds
from storage import Store
from storage.tasks import PartitionTask
from tests.export.test_export_stage import contents, export

FORMATS = ("product1m", "m5product", "mep3m")


@pytest.fixture
def folder(store: Store) -> Path:
    return export(store, formats=FORMATS)


def test_m5products_json_says_what_the_tables_say(folder: Path) -> None:
    items = json.loads((folder / "m5product/train/00000.json").read_text(encoding="utf-8"))
    assert items["shop:1"] == {
        "title": "红色 茶壶",
        "pv": "颜色#:#红#;#材质#:#陶",
        "label": "茶具",
        "url": "https://shop.example/i",
        "product_id": "shop:1",
        "role": "sample",
        "source": "shop",
        "page_url": "https://shop.example/1",
        "licence": "CC0-1.0",
        "purposes": ["train", "evaluate", "search", "display"],
    }
    assert (items["shop:2"]["title"], items["shop:2"]["pv"]) == ("", "-")
    assert parse_pv(items["shop:1"]["pv"]) == [
        {"property": "颜色", "value": "红"},
        {"property": "材质", "value": "陶"},
    ]
    assert parse_pv(items["shop:2"]["pv"]) == []


def test_mep3ms_records_name_classes_image_and_title(folder: Path) -> None:
    (record,) = (
        entry
        for entry in json.loads((folder / "mep3m/train/00000.json").read_text(encoding="utf-8"))
        if entry["product_id"] == "shop:1"
    )
    assert record == {
        "class_id": 0,
        "class_name": "家居",
        "sub_class_id": 0,
        "sub_class_name": "茶具",
        "subsub_class_id": -1,
        "subsub_class_name": "FALSE",
        "img_path": "https://shop.example/i",
        "img_resolution": "",
        "title": "红色 茶壶",
        "product_id": "shop:1",
        "role": "sample",
        "source": "shop",
        "page_url": "https://shop.example/1",
        "licence": "CC0-1.0",
        "purposes": ["train", "evaluate", "search", "display"],
    }


def test_link_files_and_json_are_read_back_by_the_feeds(folder: Path) -> None:
    rows = [line.row for line in read_product1m(folder / "product1m/train/00000.txt")]
    named = {row.id: row for row in rows if isinstance(row, FeedRow)}
    assert named["shop:1"].title == "红色 茶壶"
    assert (named["shop:1"].category, named["shop:1"].image_urls) == (("家居", "茶具"), ("https://shop.example/i",))
    read = {
        line.row.id for line in read_m5product(folder / "m5product/train/00000.json") if isinstance(line.row, FeedRow)
    }
    assert read == {"shop:1", "shop:2"}


@pytest.mark.parametrize("form", ["m5product", "mep3m"])
def test_a_product_is_cut_out_of_records(folder: Path, tmp_path: Path, form: str) -> None:
    path, draft = folder / form / "train/00000.json", tmp_path / "draft"
    assert shard_holds(path, Removed(frozenset({"shop:1"}), {}))
    assert not shard_holds(path, Removed(frozenset({"shop:3"}), {}))
    assert SHARDS[".json"](path, draft, Removed(frozenset({"shop:1"}), {})) == 1
    whole = path.read_text(encoding="utf-8")
    assert SHARDS[".json"](path, draft, Removed(frozenset({"shop:9"}), {})) == 2
    assert draft.read_text(encoding="utf-8") == whole


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")  # in mlcroissant itself
@pytest.mark.filterwarnings("ignore:The inplace keyword")
def test_croissant_is_valid_and_its_records_are_the_samples(store: Store) -> None:
    folder = export(store, formats=("parquet", *FORMATS))
    metadata = mlcroissant.Dataset(jsonld=folder / "parquet" / "croissant.json")
    assert list(metadata.metadata.issues.errors) == []
    assert {record_set.uuid for record_set in metadata.metadata.record_sets} == {"train", "query-c"}
    records = {record["train/product_id"]: record for record in metadata.records("train")}
    assert set(records) == {b"shop:1", b"shop:2"}
    assert records[b"shop:1"]["train/caption"].decode() == "红色 茶壶"
    assert records[b"shop:1"]["train/licence"] == b"CC0-1.0"


def test_an_export_that_was_killed_goes_on_behind_its_last_shard(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = contents(export(store))
    for path in (store.root / "shards").rglob("*"):
        if path.is_file():
            path.unlink()
    monkeypatch.setattr(PartitionTask, "read", _failing_after(6, PartitionTask.read))
    with pytest.raises(OSError, match="pulled"):
        export(store)
    monkeypatch.undo()
    first = {name for name in contents(store.root / "shards/demo") if name.endswith((".tar", ".parquet"))}
    assert first
    before = {name: (store.root / "shards/demo" / name).stat().st_ino for name in first}
    assert contents(export(store)) == whole
    assert {name: (store.root / "shards/demo" / name).stat().st_ino for name in first} == before


def _failing_after(calls: int, read: Callable[[PartitionTask, str], bytes]) -> Callable[[PartitionTask, str], bytes]:
    """Return an object reader that fails after ``calls`` calls."""
    left = iter(range(calls))

    def reader(task: PartitionTask, sha256: str) -> bytes:
        if next(left, None) is None:
            raise OSError("the plug was pulled")
        return read(task, sha256)

    return reader
