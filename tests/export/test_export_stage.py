import gc
import io
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import webdataset as wds
from datasets import Audio, Image, List, load_dataset

from export.export_stage import run
from export.rights import Rights
from export.settings import ExportSettings
from m5data.errors import NotAuthorisedError, UsageError
from storage import Store
from tests.export.synthetic import FRAMES, MFCC, MP3, picture

RIGHTS = {"shop": Rights(share=True, licence="CC0-1.0")}


def export(store: Store, **settings: object) -> Path:
    chosen = ExportSettings.model_validate({"max_shard_bytes": 1024, **settings})
    run(store, chosen, recipe="demo", rights=RIGHTS)
    return Path(chosen.out or store.root / "shards") / "demo"


def read_tars(shards: list[str]) -> dict[str, tuple[dict[str, Any], dict[str, bytes]]]:
    """Read with webdataset, which leaves files for the garbage collector to close."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        read = list(wds.WebDataset(shards, shardshuffle=False))
        gc.collect()
    return {facts["product_id"]: (facts, sample) for sample in read for facts in [json.loads(sample["json"])]}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_webdataset_reads_every_product_and_modality(store: Store) -> None:
    shards = sorted(str(path) for path in export(store).glob("webdataset/train/*.tar"))
    assert len(shards) == 2
    samples = read_tars(shards)
    assert set(samples) == {"shop:1", "shop:2"}
    facts, sample = samples["shop:1"]
    assert sample["image.jpg"] == picture(9)
    frames = [sample["frames.mjpeg"][row["offset"] : row["offset"] + row["length"]] for row in facts["frames"]]
    assert frames == list(FRAMES)
    assert sample["audio.mpga"] == MP3
    np.testing.assert_array_equal(np.load(io.BytesIO(sample["mfcc.npy"])), MFCC)
    assert facts["specs"] == [{"name": "颜色", "value": "红"}, {"name": "材质", "value": "陶"}]
    assert facts["licence"] == "CC0-1.0"
    facts, sample = samples["shop:2"]
    assert (sample["frames.mjpeg"], sample["audio.mpga"], facts["caption"]) == (b"", b"", None)
    assert np.load(io.BytesIO(sample["mfcc.npy"])).size == 0


def test_hugging_face_reads_both_formats(store: Store, tmp_path: Path) -> None:
    folder = export(store)
    cache = str(tmp_path / "cache")
    rows = load_dataset("parquet", data_files=str(folder / "parquet/train/*.parquet"), split="train", cache_dir=cache)
    assert isinstance(rows.features["image"], Image)
    assert isinstance(rows.features["audio"], Audio)
    rows = rows.cast_column("audio", Audio(decode=False)).cast_column("frames", List(Image(decode=False)))
    by_id = {row["product_id"]: row for row in rows}
    assert by_id["shop:1"]["image"].size == (32, 24)
    assert [frame["bytes"] for frame in by_id["shop:1"]["frames"]] == list(FRAMES)
    assert by_id["shop:1"]["audio"]["bytes"] == MP3
    np.testing.assert_array_equal(np.array(by_id["shop:1"]["mfcc"], dtype="<f4"), MFCC)
    assert (by_id["shop:2"]["audio"], by_id["shop:2"]["frames"], by_id["shop:2"]["caption"]) == (None, [], None)
    folder = export(store, max_shard_bytes=1024**2)
    tars = load_dataset("webdataset", data_files=str(folder / "webdataset/train/*.tar"), split="train", cache_dir=cache)
    tars = tars.cast_column("image.jpg", Image(decode=False))
    assert {row["json"]["product_id"]: (row["image.jpg"]["bytes"], row["audio.mpga"]) for row in tars} == {
        "shop:1": (picture(9), MP3),
        "shop:2": (picture(99), b""),
    }


def test_an_export_is_byte_identical_when_repeated(store: Store, tmp_path: Path) -> None:
    first, second = contents(export(store, out=tmp_path / "a")), contents(export(store, out=tmp_path / "b"))
    assert first == second
    assert set(first) == {
        "README.md",
        "croissant.json",
        "manifest.json",
        "parquet/query-c/00000.parquet",
        "parquet/train/00000.parquet",
        "webdataset/query-c/00000.tar",
        "webdataset/train/00000.tar",
        "webdataset/train/00001.tar",
    }


def test_an_unchanged_export_does_nothing_until_its_files_are_gone(store: Store) -> None:
    folder = export(store)
    report = run(store, ExportSettings(max_shard_bytes=1024), recipe="demo", rights=RIGHTS)
    assert report.unchanged
    (folder / "manifest.json").unlink()
    assert not run(store, ExportSettings(max_shard_bytes=1024), recipe="demo", rights=RIGHTS).unchanged


def test_a_smaller_export_leaves_no_stale_shard(store: Store) -> None:
    export(store)
    folder = export(store, max_shard_bytes=1024**2)
    assert sorted(path.name for path in (folder / "webdataset/train").iterdir()) == ["00000.tar"]


@pytest.mark.parametrize("rights", [{}, {"shop": Rights(share=False, licence="CC0-1.0")}])
def test_what_may_not_be_shared_is_refused_and_nothing_is_written(store: Store, rights: dict[str, Rights]) -> None:
    with pytest.raises(NotAuthorisedError, match=r"sources\.shop\.share_authorised"):
        run(store, ExportSettings(), recipe="demo", rights=rights)
    assert not (store.root / "shards").exists()


def test_an_unknown_split_is_named(store: Store) -> None:
    with pytest.raises(UsageError, match="trian"):
        export(store, splits=("trian",))


def test_an_export_whose_file_is_damaged_is_written_again(store: Store) -> None:
    folder = export(store)
    before = contents(folder)
    (folder / "parquet/train/00000.parquet").write_bytes(b"cut short")
    assert not run(store, ExportSettings(max_shard_bytes=1024), recipe="demo", rights=RIGHTS).unchanged
    assert contents(folder)["parquet/train/00000.parquet"] == before["parquet/train/00000.parquet"]


def test_a_narrower_export_removes_what_it_does_not_name_and_its_card_offers_nothing_else(store: Store) -> None:
    export(store)
    folder = export(store, formats=("parquet",), splits=("train",))
    files = {path for path in contents(folder) if "/" in path}
    assert files == {"parquet/train/00000.parquet"}
    assert "webdataset/" not in (folder / "README.md").read_text(encoding="utf-8")
