"""The nearest neighbours are those that a brute-force search finds."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from splits.nearest import CaptionSearch, nearest_hashes

_hashes = st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=6)


@given(_hashes, _hashes)
def test_the_nearest_hash_differs_in_the_fewest_bits(wanted: list[int], among: list[int]) -> None:
    place, distance = nearest_hashes(np.array(wanted, dtype=np.uint64), np.array(among, dtype=np.uint64))
    plain = [[(a ^ b).bit_count() for b in among] for a in wanted]
    assert distance.tolist() == [min(row) for row in plain]
    assert place.tolist() == [row.index(min(row)) for row in plain]


def _search(wanted: list[str], *batches: list[str]) -> CaptionSearch:
    search = CaptionSearch(wanted)
    for number, captions in enumerate(batches):
        ids = pa.array([f"{number}:{place}" for place in range(len(captions))], pa.string())
        search.look_in([(ids, pa.array(captions, pa.string()))])
    return search


def test_the_likest_caption_of_all_batches_is_found() -> None:
    wanted = ["深蓝色纯棉男士衬衫长袖修身", "stainless steel kitchen knife", "x"]
    search = _search(
        wanted,
        ["浅蓝色纯棉男士衬衫长袖修身款", "garden hose", "", "y"],
        ["深蓝色纯棉男士衬衫长袖修身", "stainless steel kitchen scissors", "x"],
    )
    found, similarity = zip(*search.nearest(), strict=True)
    assert found == ("1:0", "1:1", "1:2")
    assert similarity[0] == 1.0
    assert 0.5 < similarity[1] < 0.8


@given(st.lists(st.text(max_size=30), max_size=5))
def test_a_caption_always_finds_its_equal(captions: list[str]) -> None:
    search = _search(captions, ["", *captions, ""])
    assert [similarity for _, similarity in search.nearest()] == [1.0] * len(captions)


def test_boilerplate_does_not_hide_an_equal_caption() -> None:
    offer = "special offer of the week, free delivery, item number {}"
    search = _search([offer.format(70_000)], [offer.format(number) for number in range(5000)], [offer.format(70_000)])
    assert search.nearest() == [("1:0", 1.0)]


@given(st.lists(st.text(alphabet="ab中", max_size=12), min_size=1, max_size=5), st.integers(1, 3))
def test_batches_change_nothing(captions: list[str], size: int) -> None:
    wanted = ["ab中ab中ab", "bbbbbbbb", "中"]
    whole = CaptionSearch(wanted)
    parts = CaptionSearch(wanted)
    ids = pa.array([str(number) for number in range(len(captions))])
    whole.look_in([(ids, pa.array(captions, pa.string()))])
    for start in range(0, len(captions), size):
        parts.look_in([(ids.slice(start, size), pa.array(captions, pa.string()).slice(start, size))])
    assert parts.nearest() == whole.nearest()


def test_a_batch_may_be_a_slice() -> None:
    captions = pa.array(["one caption of many", "another caption altogether", "a third one, unlike"])
    search = CaptionSearch(["another caption altogether"])
    search.look_in([(pa.array(["b", "c"]), captions.slice(1))])
    assert search.nearest() == [("b", 1.0)]
