from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from extract.duplicates import hamming, neighbour_batches, phash_neighbours

ONE_BIT = [1 << bit for bit in range(63)] + [-(1 << 63)]


def by_force(hashes: NDArray[np.int64], radius: int) -> list[tuple[int, int, int]]:
    found = []
    for left, one in enumerate(hashes.tolist()):
        for right in range(left + 1, len(hashes)):
            distance = ((one ^ int(hashes[right])) & (2**64 - 1)).bit_count()
            if distance <= radius:
                found.append((left, right, distance))
    return found


def by_matrix(hashes: NDArray[np.int64], radius: int) -> list[tuple[int, int]]:
    values = hashes.view(np.uint64)
    return [
        (left, left + 1 + int(right))
        for left in range(len(values) - 1)
        for right in np.flatnonzero(np.bitwise_count(values[left + 1 :] ^ values[left]) <= radius)
    ]


def with_near_copies(hashes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Append copies of the first quarter of the hashes, each with up to four bits flipped."""
    copies = hashes[: len(hashes) // 4].copy()
    for flips in np.random.default_rng(len(hashes)).integers(0, 64, (4, len(copies))):
        copies ^= np.array(ONE_BIT)[flips]
    return np.concatenate([hashes, copies])


def found_pairs(hashes: NDArray[np.int64], radius: int) -> list[tuple[int, int, int]]:
    pairs = phash_neighbours(hashes, radius)
    return list(zip(pairs.left.tolist(), pairs.right.tolist(), pairs.distance.tolist(), strict=True))


@st.composite
def crowded_hashes(draw: st.DrawFn) -> NDArray[np.int64]:
    """Draw hashes that differ in some bits from one of a few centres, so that near pairs are common."""
    centres = draw(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=3))
    hashes = []
    for _ in range(draw(st.integers(0, 40))):
        value = draw(st.sampled_from(centres))
        for bit in draw(st.lists(st.sampled_from(ONE_BIT), max_size=10)):
            value ^= bit
        hashes.append(value)
    return np.array(hashes, dtype=np.int64)


@given(hashes=crowded_hashes(), radius=st.integers(0, 12))
def test_neighbours_are_those_of_brute_force(hashes: NDArray[np.int64], radius: int) -> None:
    assert found_pairs(hashes, radius) == by_force(hashes, radius)


@given(hashes=crowded_hashes(), radius=st.integers(0, 7))
def test_hashes_too_alike_to_be_parted_are_compared_each_with_each(hashes: NDArray[np.int64], radius: int) -> None:
    """The sizes above which blocks count as large are set so low that small examples exceed them."""
    with mock.patch.object(hamming, "_LARGE_BLOCK", 3), mock.patch.object(hamming, "_SMALL", 2):
        assert found_pairs(hashes, radius) == by_force(hashes, radius)


@pytest.mark.parametrize(("bits", "radius"), [(20, 3), (32, 6)])
def test_crowded_blocks_are_searched_again_to_the_same_end(
    bits: int, radius: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most hashes agree in all other bits, like those of products on white."""
    monkeypatch.setattr(hamming, "_LARGE_BLOCK", 60)
    searched = mock.Mock(wraps=hamming._pairs)
    monkeypatch.setattr(hamming, "_pairs", searched)
    hashes = with_near_copies(np.random.default_rng(radius).integers(0, 2**bits, 2_000) << 20)
    assert [pair[:2] for pair in found_pairs(hashes, radius)] == by_matrix(hashes, radius)
    assert searched.call_count > 1


def test_batches_together_hold_each_pair_once(monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = np.random.default_rng(2).integers(0, 1 << 14, 300)
    monkeypatch.setattr(hamming, "_BATCH_PAIRS", 100)
    batches = list(neighbour_batches(hashes, 3))
    found = [pair for batch in batches for pair in zip(batch.left.tolist(), batch.right.tolist(), strict=True)]
    assert len(batches) > 3
    assert sorted(found) == [pair[:2] for pair in by_force(hashes, 3)]


@pytest.mark.parametrize("count", [700, 3_000])
@pytest.mark.parametrize("radius", [0, 2, 6])
def test_many_hashes_take_other_bands_to_the_same_end(count: int, radius: int) -> None:
    rng = np.random.default_rng(count)
    hashes = with_near_copies(rng.integers(-(2**63), 2**63 - 1, count))
    assert [pair[:2] for pair in found_pairs(hashes, radius)] == by_matrix(hashes, radius)


def test_equal_hashes_are_all_paired() -> None:
    assert found_pairs(np.full(4, -5), 3) == [(a, b, 0) for a in range(4) for b in range(a + 1, 4)]


def test_no_hashes_have_no_neighbours() -> None:
    assert found_pairs(np.zeros(0, dtype=np.int64), 6) == []


@pytest.mark.parametrize("radius", [-1, 60])
def test_senseless_radius_is_refused(radius: int) -> None:
    with pytest.raises(ValueError, match=f"radius must be 0 to 59, not {radius}"):
        phash_neighbours(np.zeros(1, dtype=np.int64), radius)
