from decimal import Decimal

import numpy as np
import pytest

from core.errors import MissingInputError, UsageError
from core.modalities import Offer
from core.records import Specification
from export import read_samples
from storage import Store
from tests.export.synthetic import FRAMES, MFCC, MP3, picture


def test_a_sample_has_all_five_modalities_and_absent_ones_are_said_to_be(store: Store) -> None:
    samples = {s.product_id: s for s in read_samples(store.objects, store.snapshot(), "train", "demo", {"shop": "CC0"})}
    full, bare = samples["shop:1"], samples["shop:2"]
    assert full.caption == "红色 茶壶"
    assert (full.description, full.features) == ("手工制作。\n容量一升。", ("保温", "轻"))
    assert full.offer == Offer(Decimal("49.50"), Decimal(59), "CNY", 4.5, 12, "New", "R7", "00012345600012")
    assert (bare.description, bare.features, bare.offer) == (None, (), Offer())
    assert full.specs == (Specification("颜色", "红"), Specification("材质", "陶"))
    assert full.image == picture(9)
    assert [(frame.second, frame.pts_s, frame.jpeg) for frame in full.frames] == [
        (0, 0.04, FRAMES[0]),
        (1, 1.04, FRAMES[1]),
    ]
    assert full.audio == MP3
    np.testing.assert_array_equal(full.mfcc, MFCC)
    assert (full.licence, full.classes["sub_class_name"], full.classes["subsub_class_id"]) == ("CC0", "茶具", -1)
    five = ("image", "caption", "specs", "video", "audio")
    assert [full.present[name] for name in five] == [True] * 5
    assert [bare.present[name] for name in five] == [True, False, False, False, False]
    assert (bare.caption, bare.specs, bare.frames, bare.audio, bare.mfcc) == (None, (), (), None, None)


def test_the_next_stored_image_stands_in_for_one_that_failed(store: Store) -> None:
    samples = {s.product_id: s for s in read_samples(store.objects, store.snapshot(), "train", "demo")}
    assert samples["shop:1"].image == picture(9)


def test_an_unknown_split_or_recipe_is_named(store: Store) -> None:
    with pytest.raises(UsageError, match="nowhere"):
        list(read_samples(store.objects, store.snapshot(), "nowhere", "demo"))
    with pytest.raises(MissingInputError, match="other, or name one that is built: demo"):
        list(read_samples(store.objects, store.snapshot(), "train", "other"))


@pytest.mark.parametrize("together", [1, 2])
def test_a_large_split_is_read_in_parts(store: Store, monkeypatch: pytest.MonkeyPatch, together: int) -> None:
    def read() -> list[tuple[object, ...]]:
        samples = read_samples(store.objects, store.snapshot(), "train", "demo")
        return [(one.product_id, one.caption, one.specs, one.image, one.frames) for one in samples]

    at_once = read()
    monkeypatch.setattr("export.chosen._TOGETHER", together)
    in_parts = read()
    assert len(at_once) > 1
    assert in_parts[0] == at_once[0]  # has every modality
    assert sorted(in_parts, key=lambda sample: str(sample[0])) == sorted(at_once, key=lambda sample: str(sample[0]))
