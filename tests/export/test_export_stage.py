import gc
import io
import json
import tarfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import webdataset as wds
from datasets import Audio, Image, List, load_dataset

from core.errors import DataError, MissingInputError, NotAuthorisedError, QueryError, UsageError
from core.stage import StageReport
from export.export_stage import run
from export.folders import folder_name
from export.registry import exports_of
from export.rights import Rights
from export.settings import ExportSettings
from storage import Store
from storage.tables import TABLES
from storage.tasks import PartitionTask
from tests.export.synthetic import FRAMES, MFCC, MP3, STATED, picture

DESCRIPTIONS = ("README.md", "croissant.json", "manifest.json")
RIGHTS = {"shop": Rights(share=True, licence="CC0-1.0")}


def export(store: Store, **settings: object) -> Path:
    chosen = ExportSettings.model_validate({"max_shard_bytes": 1024, **settings})
    run(store, chosen, recipe="demo", rights=RIGHTS)
    return Path(chosen.out or store.root / "shards") / folder_name("demo", None if chosen.out else chosen.where)


def read_tars(shards: list[str]) -> dict[str, tuple[dict[str, Any], dict[str, bytes]]]:
    """Read shards with webdataset, which leaves files for the garbage collector to close."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        read = list(wds.WebDataset(shards, shardshuffle=False))
        gc.collect()
    return {facts["product_id"]: (facts, sample) for sample in read for facts in [json.loads(sample["json"])]}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_export_follows_a_condition_on_the_catalogue(store: Store) -> None:
    folder = export(store, where="video_state = 'present'", formats=("webdataset",))
    samples = read_tars(sorted(map(str, folder.glob("webdataset/train/*.tar"))))
    assert set(samples) == {"shop:1"}
    assert list(folder.glob("webdataset/query-c/*.tar")) == []
    folder = export(store, where="spec_lines = 0", formats=("webdataset",))
    assert set(read_tars(sorted(map(str, folder.glob("webdataset/train/*.tar"))))) == {"shop:2"}
    with pytest.raises(QueryError, match='"nonsense" not found'):
        export(store, where="nonsense = 1")


def test_selection_has_its_own_folder_and_its_card_names_it(store: Store, tmp_path: Path) -> None:
    full = export(store, formats=("parquet",))
    before = contents(full)
    where = "video_state = 'present'"
    selection = export(store, where=where, formats=("parquet",))
    assert selection.parent == full.parent
    assert contents(full) == before
    assert f"```sql\n{where}\n```" in (selection / "parquet" / "README.md").read_text()
    assert "catalogue" not in (full / "parquet" / "README.md").read_text()
    assert {(one.place, one.recipe) for one in exports_of(store)} == {
        ("shards/demo/parquet", "demo"),
        (f"shards/{selection.name}/parquet", "demo"),
    }
    assert export(store, where=where, formats=("parquet",), out=tmp_path / "out") == tmp_path / "out" / "demo"


def test_an_export_that_is_refused_makes_no_folder(store: Store) -> None:
    with pytest.raises(MissingInputError, match="have not been built"):
        run(store, ExportSettings(), recipe="other", rights={"shop": Rights(share=True, licence="CC0")})
    assert not (store.root / "shards").exists()


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
    assert {name: facts[name] for name in SAID} == SAID
    facts, sample = samples["shop:2"]
    assert {facts[name] for name in SAID} == {""}  # of one type, from which loaders infer the others
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
    stated = {**STATED, "price": 49.5, "list_price": 59.0}
    assert {name: by_id["shop:1"][name] for name in stated} == stated
    assert {name: by_id["shop:2"][name] for name in stated} == {**dict.fromkeys(stated), "features": []}
    np.testing.assert_array_equal(np.array(by_id["shop:1"]["mfcc"], dtype="<f4"), MFCC)
    assert (by_id["shop:2"]["audio"], by_id["shop:2"]["frames"], by_id["shop:2"]["caption"]) == (None, [], None)
    folder = export(store, max_shard_bytes=1024**2)
    tars = load_dataset("webdataset", data_files=str(folder / "webdataset/train/*.tar"), split="train", cache_dir=cache)
    tars = tars.cast_column("image.jpg", Image(decode=False))
    assert {row["json"]["product_id"]: (row["image.jpg"]["bytes"], row["audio.mpga"]) for row in tars} == {
        "shop:1": (picture(9), MP3),
        "shop:2": (picture(99), b""),
    }


SAID = {
    "description": "手工制作。\n容量一升。",
    "features": "保温\n轻",
    "price": "49.5",
    "list_price": "59.0",
    "currency": "CNY",
    "rating": "4.5",
    "rating_count": "12",
    "condition": "New",
    "item_group": "R7",
    "gtin14": "00012345600012",
}


def extensions(path: str) -> list[str]:
    with tarfile.open(path) as tar:
        return [name.partition(".")[2] for name in tar.getnames()]


def test_samples_without_an_image_have_shards_of_their_own(store: Store, tmp_path: Path) -> None:
    """Their member is left out; both loaders decode all samples, whatever their order."""
    media = store.snapshot().table("media").to_pylist()
    lost = [
        {**row, "state": "failed", "reason": "http_404", "sha256": None}
        if row["product_id"] == "shop:2" and row["kind"] == "image"
        else row
        for row in media
    ]
    with store.stage("download", settings="again") as stage:
        stage.write("media", pa.Table.from_pylist(lost, schema=TABLES["media"].schema))
        stage.commit(StageReport("download", len(lost), len(lost)))
    folder = export(store, max_shard_bytes=1024**2)
    shards = sorted(str(path) for path in folder.glob("webdataset/train/*.tar"))
    assert len(shards) == 2
    assert ["image.jpg" in found for found in map(extensions, shards)] == [True, False]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        found = list(wds.WebDataset(shards, shardshuffle=False).decode("pil"))
        gc.collect()
    assert [(one["json"]["product_id"], "image.jpg" in one) for one in found] == [("shop:1", True), ("shop:2", False)]
    for streaming in (False, True):
        rows = load_dataset(
            "webdataset", data_files=shards, split="train", cache_dir=str(tmp_path / "cache"), streaming=streaming
        )
        assert [row["image.jpg"] is None for row in rows] == [False, True]


def test_an_export_is_byte_identical_when_repeated(store: Store, tmp_path: Path) -> None:
    first, second = contents(export(store, out=tmp_path / "a")), contents(export(store, out=tmp_path / "b"))
    assert first == second
    assert set(first) == {
        *(f"{form}/{name}" for form in ("parquet", "webdataset") for name in DESCRIPTIONS),
        "parquet/query-c/00000.parquet",
        "parquet/train/00000.parquet",
        "parquet/train/00001.parquet",
        "webdataset/query-c/00000.tar",
        "webdataset/train/00000.tar",
        "webdataset/train/00001.tar",
    }


def test_an_unchanged_export_does_nothing_until_its_files_are_gone(store: Store) -> None:
    folder = export(store)
    report = run(store, ExportSettings(max_shard_bytes=1024), recipe="demo", rights=RIGHTS)
    assert report.unchanged
    (folder / "webdataset/train/00000.tar").unlink()
    assert not run(store, ExportSettings(max_shard_bytes=1024), recipe="demo", rights=RIGHTS).unchanged
    (folder / "webdataset/manifest.json").unlink()
    with pytest.raises(UsageError, match=r"webdataset/README.md and 4 more files: not written by an export"):
        run(store, ExportSettings(max_shard_bytes=1024), recipe="demo", rights=RIGHTS)


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


def test_narrower_export_removes_splits_and_leaves_other_formats(store: Store) -> None:
    before = contents(export(store))
    after = contents(folder := export(store, formats=("parquet",), splits=("train",)))
    others = {name: data for name, data in before.items() if not name.startswith("parquet/")}
    assert {name: data for name, data in after.items() if not name.startswith("parquet/")} == others
    assert after.keys() - others.keys() == {
        f"parquet/{name}" for name in (*DESCRIPTIONS, "train/00000.parquet", "train/00001.parquet")
    }
    assert "query" not in (folder / "parquet/README.md").read_text(encoding="utf-8")


def test_an_export_of_another_format_leaves_earlier_ones(store: Store) -> None:
    before = contents(export(store, formats=("parquet",)))
    after = contents(export(store, formats=("mep3m",)))
    assert before.items() <= after.items()
    assert {name.partition("/")[0] for name in after.keys() - before.keys()} == {"mep3m"}


@pytest.mark.parametrize("name", ["notes.txt", "train/deep/er/plan.txt", "train/00000.parquet", "README.md", "x.part"])
def test_a_foreign_file_in_the_way_is_named_and_nothing_is_touched(store: Store, tmp_path: Path, name: str) -> None:
    own = tmp_path / "out/demo/parquet" / name
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    with pytest.raises(UsageError, match=rf"{own}: not written by an export"):
        export(store, out=tmp_path / "out")
    assert contents(tmp_path / "out") == {f"demo/parquet/{name}": b"mine"}


def test_files_beside_the_formats_are_left_alone(store: Store, tmp_path: Path) -> None:
    own = {"README.md": b"mine", "demo/README.md": b"mine", "demo/a/b/c.txt": b"mine"}
    for name, data in own.items():
        path = tmp_path / "out" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    for splits in ((), ("train",)):
        export(store, out=tmp_path / "out", splits=splits)
        assert own.items() <= contents(tmp_path / "out").items()


def test_a_card_that_somebody_edited_is_not_overwritten(store: Store) -> None:
    folder = export(store)
    (folder / "parquet/README.md").write_text("# our own words")
    before = contents(folder)
    with pytest.raises(UsageError, match=r"parquet/README.md: not written by an export, or changed since"):
        export(store, splits=("train",))
    assert contents(folder) == before


@pytest.mark.parametrize("damage", [b"", b"[]", b'{"splits": {"train": [1]}, "descriptions": {}}', b"\xff"])
def test_a_damaged_manifest_is_named_and_nothing_is_removed(store: Store, damage: bytes) -> None:
    folder = export(store)
    for name in ("manifest.json", "unfinished.json"):
        (folder / "parquet" / name).write_bytes(damage)
        before = contents(folder)
        with pytest.raises(DataError, match=rf"parquet/{name}: not the"):
            export(store, splits=("train",))
        assert contents(folder) == before
        (folder / "parquet" / "manifest.json").write_bytes(b'{"splits": {}, "descriptions": {}}')


def test_an_export_that_was_killed_knows_its_files(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = PartitionTask.read
    for calls in range(1, 9):
        with monkeypatch.context() as patch:
            patch.setattr(PartitionTask, "read", _failing(calls, reads))
            with pytest.raises(OSError, match="killed"):
                export(store, max_shard_bytes=1024 + calls)
    whole = contents(export(store, max_shard_bytes=1024))
    assert not [name for name in whole if "unfinished" in name or name.endswith(".part")]


def _failing(calls: int, read: Callable[[PartitionTask, str], bytes]) -> Callable[[PartitionTask, str], bytes]:
    left = iter(range(calls))

    def reader(task: PartitionTask, sha256: str) -> bytes:
        if next(left, None) is None:
            raise OSError("killed")
        return read(task, sha256)

    return reader
