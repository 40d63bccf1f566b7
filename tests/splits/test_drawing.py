"""Parts add up exactly and are proportional to their weights, within bounds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from splits.drawing import allocate, count_each, draw, rank_within


@st.composite
def _tasks(draw: st.DrawFn) -> tuple[int, list[int], list[int], list[int]]:
    weights = draw(st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=8))
    high = [draw(st.integers(0, weight)) for weight in weights]
    low = [draw(st.integers(0, most)) for most in high]
    return draw(st.integers(sum(low), sum(high))), weights, low, high


@given(_tasks())
def test_parts_add_up_within_their_bounds(task: tuple[int, list[int], list[int], list[int]]) -> None:
    total, weights, low, high = task
    parts = allocate(total, *(np.array(values, dtype=np.int64) for values in (weights, low, high))).tolist()
    assert sum(parts) == total
    assert all(a <= part <= b for a, part, b in zip(low, parts, high, strict=True))


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=8), st.integers(0, 8000))
def test_parts_are_as_near_to_proportion_as_whole_numbers_can_be(sizes: list[int], wanted: int) -> None:
    weights = np.array(sizes, dtype=np.int64)
    total = min(wanted, sum(sizes))
    parts = allocate(total, weights, np.zeros_like(weights), weights).tolist()
    for one, a in zip(sizes, parts, strict=True):
        for other, b in zip(sizes, parts, strict=True):
            assert a == 0 or b == other or (a - 0.5) * other <= (b + 0.5) * one * (1 + 1e-6)


def test_a_tiny_class_gets_its_least_part() -> None:
    weights = np.array([1, 10, 989])
    assert allocate(100, weights, np.ones(3, dtype=np.int64), weights).tolist() == [1, 1, 98]


def test_an_impossible_total_is_refused() -> None:
    ones = np.ones(2, dtype=np.int64)
    with pytest.raises(ValueError, match="between 0 and 2, and is 3"):
        allocate(3, ones, np.zeros(2, dtype=np.int64), ones)


def test_rows_are_drawn_by_key_within_their_class() -> None:
    keys = np.array([5, 1, 4, 2, 3], dtype=np.uint64) << np.uint64(40)
    ranked = rank_within(np.array([10, 11, 12, 13, 14]), np.array([0, 0, 0, 1, 1]), keys)
    assert ranked.rows.tolist() == [11, 12, 10, 13, 14]
    assert ranked.rank.tolist() == [0, 1, 2, 0, 1]
    assert draw(ranked, np.array([2, 1])).tolist() == [11, 12, 13]


def test_only_the_first_row_of_a_unit_is_ranked() -> None:
    keys = np.array([5, 1, 4, 2, 3], dtype=np.uint64) << np.uint64(40)
    units = np.array([7, 7, 8, 7, 9])
    ranked = rank_within(np.array([10, 11, 12, 13, 14]), np.array([0, 0, 0, 1, 1]), keys, units)
    assert ranked.rows.tolist() == [11, 12, 13, 14]
    assert ranked.rank.tolist() == [0, 1, 0, 1]


def test_names_are_counted() -> None:
    values = np.array([3, 1, 3, 9, -1])
    assert count_each(values, np.array([1, 2, 3])).tolist() == [1, 0, 2]
    assert count_each(values, np.array([], dtype=np.int64)).tolist() == []
