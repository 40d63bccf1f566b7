"""The batch loader: order, resumption, damaged shards and held-out products."""

import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from core.errors import DataError, MissingInputError, ThresholdError
from scale.data.batches import Batches, is_held_out
from scale.data.block_loader import BlockLoader
from scale.data.blocks import split_into_blocks
from scale.data.fit_vocabulary import fit
from scale.data.sample_encoder import Encoded, SampleEncoder
from scale.data.shard_folder import ShardFolder
from tests.scale.conftest import SIZES
from tests.scale.tiny_recipes import recipe

INPUT = recipe().input


def batches_of(
    export: Path, form: str = "parquet", *, cache: Path | None = None, workers: int = 0, rank: int = 0, world: int = 1
) -> Batches:
    shards = ShardFolder(export, form).shards("train")
    loader = BlockLoader(SampleEncoder(INPUT, fit(shards, INPUT, 1000)), cache, workers)
    return Batches(split_into_blocks(shards), loader, 16, seed=3, max_skipped=0.6, rank=rank, world=world)


def same(left: list[Encoded], right: list[Encoded]) -> bool:
    pairs = list(zip(left, right, strict=True))
    return all(
        list(a.product_ids) == list(b.product_ids)
        and list(a.labels) == list(b.labels)
        and all(np.array_equal(a.arrays[name], b.arrays[name]) for name in a.arrays)
        for a, b in pairs
    )


def ids(parts: list[Encoded]) -> list[str]:
    return [name for part in parts for name in part.product_ids]


def test_both_formats_give_the_same_arrays(export: Path) -> None:
    parquet, tar = (list(batches_of(export, form).in_order()) for form in ("parquet", "webdataset"))
    assert sorted(ids(parquet)) == sorted(ids(tar))  # samples without an image have tar files of their own
    orders = [np.argsort(ids(parts)) for parts in (parquet, tar)]
    for name in parquet[0].arrays:
        left, right = (
            np.concatenate([part.arrays[name] for part in parts])[order]
            for parts, order in zip((parquet, tar), orders, strict=True)
        )
        assert np.array_equal(left, right), name


def test_an_epoch_has_every_sample_at_most_once_in_an_order_of_its_own(export: Path) -> None:
    batches = batches_of(export)
    first, second = list(batches.epoch(0)), list(batches.epoch(1))
    assert [len(part) for part in first] == [16] * (SIZES["train"] // 16)
    assert max(Counter(ids(first)).values()) == 1
    assert ids(first) != ids(second)
    assert same(first, list(batches_of(export).epoch(0)))


@pytest.mark.parametrize("start", [1, 4, 8])
def test_an_epoch_may_be_entered_anywhere(export: Path, start: int) -> None:
    whole = list(batches_of(export).epoch(2))
    assert same(list(batches_of(export).epoch(2, start)), whole[start:])


def test_cache_and_workers_change_nothing(export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scale.data.block_loader.WORTH", 1)  # otherwise so few blocks would start no worker
    plain = list(batches_of(export).epoch(0))
    first = list(batches_of(export, cache=tmp_path).epoch(0))
    (torn, *_) = sorted(tmp_path.glob("*/*.npz"))
    torn.write_bytes(torn.read_bytes()[:100])
    again = list(batches_of(export, cache=tmp_path, workers=1).epoch(0))
    assert same(plain, first)
    assert same(plain, again)


def test_processes_share_an_epoch(export: Path) -> None:
    shares = [list(batches_of(export, rank=rank, world=2).epoch(0)) for rank in range(2)]
    assert len(shares[0]) == len(shares[1]) > 0
    assert not set(ids(shares[0])) & set(ids(shares[1]))


def test_in_order_is_the_split(export: Path) -> None:
    read = ids(list(batches_of(export).in_order()))
    assert read == [f"generated:train-{number:06d}" for number in range(SIZES["train"])]


@pytest.fixture
def damaged(export: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "damaged"
    shutil.copytree(export, folder)
    return folder


@pytest.mark.parametrize(
    ("damage", "reason"), [("cut", "shard_incomplete"), ("gone", "shard_missing"), ("noise", "shard_corrupt")]
)
def test_a_damaged_shard_is_counted_and_shortens_the_epoch(damaged: Path, damage: str, reason: str) -> None:
    shard = ShardFolder(damaged, "parquet").shards("train")[1]
    if damage == "gone":
        shard.path.unlink()
    else:
        whole = shard.path.read_bytes()
        shard.path.write_bytes(whole[:-1] if damage == "cut" else bytes(len(whole)))
    batches = batches_of(damaged)
    read = list(batches.epoch(0))
    assert len(read) == (SIZES["train"] - shard.samples) // 16
    assert batches.skipped == {reason: shard.samples}
    assert max(Counter(ids(read)).values()) == 1


def test_too_much_damage_is_an_error_with_counts(damaged: Path) -> None:
    for shard in ShardFolder(damaged, "parquet").shards("train"):
        shard.path.write_bytes(b"")
    with pytest.raises(ThresholdError, match=r"of 190 samples cannot be read .*shard_incomplete"):
        list(batches_of(damaged).epoch(0))


def test_only_complete_samples_where_that_is_asked_for(export: Path) -> None:
    batches = batches_of(export)
    batches.complete = ("text", "image", "table", "video", "audio")
    read = list(batches.epoch(0))
    assert all(part.arrays["present"].all() for part in read)
    whole = sum(part.arrays["present"].all(axis=1).sum() for part in batches.in_order())
    assert (batches.products, len(read)) == (whole, whole // 16)
    assert max(Counter(ids(read)).values()) == 1
    assert same(read[1:], list(batches.epoch(0, 1)))


def test_held_out_products_are_in_no_epoch(export: Path) -> None:
    batches = batches_of(export)
    batches.held_out = 0.25
    held_out = set(ids(batches.validation()))
    trained = set(ids(list(batches.epoch(0)))) | set(ids(list(batches.epoch(1))))
    assert held_out
    assert not held_out & trained
    assert all(is_held_out(name, 0.25) for name in held_out)
    assert not any(is_held_out(name, 0.25) for name in trained)
    assert batches.products == SIZES["train"] - sum(is_held_out(name, 0.25) for name in ids(list(batches.in_order())))


def test_too_few_held_out_products_are_trained_on(export: Path) -> None:
    batches = batches_of(export)
    batches.held_out = 0.01
    assert batches.validation() == []
    assert batches.products == SIZES["train"]


def test_no_product_is_twice_in_a_batch_of_a_small_split(export: Path) -> None:
    batches = batches_of(export)
    batches.complete, batches.held_out = ("text", "image", "table", "video", "audio"), 0.25
    for epoch in range(3):
        names = ids(list(batches.epoch(epoch)))
        assert len(names) == len(set(names)) == batches.products // 16 * 16


def test_a_shard_lost_during_training_is_an_error(damaged: Path) -> None:
    batches = batches_of(damaged)
    reading = batches.epoch(0)
    next(reading)
    for shard in ShardFolder(damaged, "parquet").shards("train"):
        shard.path.unlink()
    with pytest.raises(DataError, match="cannot be read any more"):
        list(batches.epoch(1))


def test_no_complete_sample_at_all_is_an_error(damaged: Path) -> None:
    manifest = json.loads((damaged / "parquet/manifest.json").read_text())
    assert manifest["splits"]["train"]
    batches = batches_of(damaged)
    batches.max_skipped = 1.0
    for shard in ShardFolder(damaged, "parquet").shards("train"):
        shard.path.unlink()
    with pytest.raises(MissingInputError, match="none can be used"):
        list(batches.epoch(0))
