"""Both formats return what was exported; damage is reported."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from bench.scale.generated import World, generate
from core.errors import DataError, MissingInputError, NotAuthorisedError
from export import Sample
from scale.data.shard_folder import ShardFolder
from scale.data.shard_reader import DamagedShardError, RawSample, read_samples
from tests.scale.conftest import SIZES


def plain(sample: RawSample) -> tuple[object, ...]:
    mfcc = None if sample.mfcc is None else sample.mfcc.tolist()
    specs, frames = list(sample.specs), list(sample.frames)
    return sample.product_id, sample.label, sample.group_id, sample.caption, specs, sample.image, frames, mfcc


def exported(sample: Sample) -> tuple[object, ...]:
    mfcc = None if sample.mfcc is None else sample.mfcc.tolist()
    specs = [(spec.property, spec.value) for spec in sample.specs]
    frames = [frame.jpeg for frame in sample.frames]
    return (
        sample.product_id,
        sample.label,
        sample.group_id,
        sample.caption,
        specs,
        sample.image,
        frames,
        mfcc,
    )


@pytest.mark.parametrize("form", ["parquet", "webdataset"])
def test_every_sample_comes_back_as_it_was_exported(export: Path, form: str) -> None:
    shards = ShardFolder(export, form).shards("train")
    read = [plain(one) for shard in shards for one in read_samples(shard.path, 0, shard.samples)]
    assert len(shards) > 1
    assert sorted(read) == sorted(exported(sample) for sample in generate(World(7), "train", SIZES["train"]))


@pytest.mark.parametrize("form", ["parquet", "webdataset"])
def test_a_part_of_a_shard_is_a_part_of_its_samples(export: Path, form: str) -> None:
    shard = ShardFolder(export, form).shards("train")[0]
    every = [plain(one) for one in read_samples(shard.path, 0, shard.samples)]
    assert [plain(one) for one in read_samples(shard.path, 3, 9)] == every[3:9]
    facts = read_samples(shard.path, 3, 9, media=False)
    assert [(one.product_id, one.image, list(one.frames)) for one in facts] == [
        (row[0], None, []) for row in every[3:9]
    ]


@pytest.mark.parametrize("form", ["parquet", "webdataset"])
@pytest.mark.parametrize("damage", ["cut", "noise", "empty"])
def test_a_damaged_shard_is_named(export: Path, tmp_path: Path, form: str, damage: str) -> None:
    shard = ShardFolder(export, form).shards("train")[0]
    whole = shard.path.read_bytes()
    noise = np.random.default_rng(0).bytes(len(whole))
    broken = tmp_path / shard.path.name
    broken.write_bytes({"cut": whole[: len(whole) // 2], "noise": noise, "empty": b""}[damage])
    with pytest.raises(
        DamagedShardError, match=f"{broken.name}: Samples 0 to {shard.samples} cannot be read: .*Export again"
    ):
        read_samples(broken, 0, shard.samples)


def test_an_export_that_is_not_there_or_not_finished_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match=r"manifest.*Run: m5data export"):
        ShardFolder(tmp_path).shards("train")
    (tmp_path / "manifest.json").write_text("[]")
    with pytest.raises(DataError, match=r"This is not a manifest .*Export again"):
        ShardFolder(tmp_path).shards("train")


def test_a_split_or_form_that_was_not_exported_is_named(export: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match=r"no split 'nowhere'.*train"):
        ShardFolder(export).shards("nowhere")
    folder = tmp_path / "parquet"
    folder.mkdir()
    manifest = json.loads((export / "parquet" / "manifest.json").read_text())
    manifest["splits"]["query-c"] = []
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(MissingInputError, match=r"webdataset/manifest.json.*Run: m5data export --format webdataset"):
        ShardFolder(tmp_path, "webdataset").shards("train")
    with pytest.raises(MissingInputError, match="The split has no samples"):
        ShardFolder(tmp_path, "parquet").shards("query-c")
    assert ShardFolder(folder).splits == ShardFolder(export).splits
    (folder / "manifest.json").write_text(json.dumps({**manifest, "format": "links"}))
    with pytest.raises(DataError, match="Training does not read links"):
        ShardFolder(folder).shards("train")


def test_samples_are_trained_on_only_if_they_were_exported_to_train(tmp_path: Path) -> None:
    manifest = {"splits": {}, "tables": {}, "format": "parquet", "purpose": "evaluate"}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    ShardFolder(tmp_path).check_purpose("evaluate", "train")
    with pytest.raises(NotAuthorisedError, match=r"exported to evaluate. Run: m5data export --purpose train"):
        ShardFolder(tmp_path).check_purpose("train")


def test_the_version_follows_the_content(export: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(export, copy)
    assert ShardFolder(copy).version == ShardFolder(export).version
    path = copy / "parquet" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["splits"]["train"][0]["sha256"] = "0"
    path.write_text(json.dumps(manifest))
    assert ShardFolder(copy).version != ShardFolder(export).version
