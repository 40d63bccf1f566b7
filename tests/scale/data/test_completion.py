"""Missing modalities are completed from the group, by caption search, or by a named service."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import SettingsError
from scale.data.completion import complete_by_group, complete_by_search, load_completion
from scale.data.shard_folder import ShardFile, ShardFolder
from scale.data.shard_reader import RawSample, read_samples
from tests.scale.conftest import SIZES

EMPTY = RawSample("x", None, "train-000000", None, [], None, [], None, None)


@pytest.fixture
def shards(export: Path) -> tuple[ShardFile, ...]:
    return ShardFolder(export).shards("train")


def test_a_gap_is_filled_from_the_group(shards: tuple[ShardFile, ...]) -> None:
    assert complete_by_group(shards).places == {}  # every generated product is its own group
    twice = complete_by_group((*shards, *shards))
    assert len(twice.places) == SIZES["train"]
    filled = twice.fill(EMPTY)
    assert (filled.product_id, filled.caption is not None, len(filled.specs)) == ("x", True, 7)
    kept = twice.fill(replace(EMPTY, caption="own", mfcc=np.ones((1, 1), np.float32)))
    assert kept.caption == "own"
    assert kept.mfcc is not None
    assert kept.mfcc.shape == (1, 1)
    stranger = replace(EMPTY, group_id="nowhere")
    assert twice.fill(stranger) == stranger


def grams(text: str) -> dict[str, int]:
    """Return the counts of all 2- and 3-grams of characters, with each word padded by a space on both sides."""
    counts: dict[str, int] = {}
    for word in text.lower().split():
        padded = f" {word} "
        for size in (2, 3):
            for at in range(len(padded) - size + 1):
                gram = padded[at : at + size]
                counts[gram] = counts.get(gram, 0) + 1
    return counts


def similarity(left: str, right: str) -> float:
    a, b = grams(left), grams(right)
    product = sum(count * b.get(gram, 0) for gram, count in a.items())
    return float(product / np.sqrt(sum(n * n for n in a.values()) * sum(n * n for n in b.values())))


def test_a_gap_is_filled_from_the_product_of_the_most_similar_caption(shards: tuple[ShardFile, ...]) -> None:
    samples = [sample for shard in shards for sample in read_samples(shard.path, 0, shard.samples)]
    completion = complete_by_search(shards)
    without = [sample for sample in samples if not sample.frames]
    assert len(without) > 5
    filled = 0
    for sample in without:
        scores = [similarity(sample.caption or "", other.caption or "") if other.frames else 0.0 for other in samples]
        best = max(scores)
        found = completion.fill(sample)
        right = [other.frames for other, score in zip(samples, scores, strict=True) if score > best - 1e-9]
        if abs(best - 0.5) > 1e-9:  # at the threshold, either result is right
            assert found.frames in (right if best > 0.5 else [[]])
        assert found.caption == sample.caption
        filled += bool(found.frames)
    assert filled > 0
    assert completion.fill(replace(EMPTY, caption="nothing like it")) == replace(EMPTY, caption="nothing like it")


class Service:
    """A search service with one answer."""

    digest = "1"

    def fill(self, sample: RawSample) -> RawSample:
        return sample if sample.image else replace(sample, image=b"found")


def service(shards: Sequence[ShardFile]) -> Service:
    assert shards
    return Service()


def test_a_search_service_is_named_by_module_and_function(shards: tuple[ShardFile, ...]) -> None:
    found = load_completion(f"{__name__}:service", shards)
    assert found.fill(EMPTY).image == b"found"
    with pytest.raises(SettingsError, match=r"objective.completion: 'nowhere:at_all' must be module:function"):
        load_completion("nowhere:at_all", shards)
