"""Categories are chosen so that matched samples and distractors both fit."""

from itertools import chain, combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from splits.retrieval import Bounds, choose_categories, smallest_sum

_sizes = st.lists(st.integers(1, 30), min_size=1, max_size=8)


@given(_sizes, st.integers(0, 150))
def test_the_smallest_sum_is_the_smallest(sizes: list[int], low: int) -> None:
    array = np.array(sizes, dtype=np.int64)
    chosen = smallest_sum(array, np.arange(len(sizes)), low)
    every = chain.from_iterable(combinations(sizes, count) for count in range(len(sizes) + 1))
    reached = [sum(some) for some in every if sum(some) >= low]
    assert int(array[chosen].sum()) == min(reached, default=sum(sizes))


@given(_sizes, st.integers(0, 100), st.integers(0, 100))
def test_a_choice_by_size_is_found_where_there_is_one(sizes: list[int], low: int, more: int) -> None:
    array = np.array(sizes, dtype=np.int64)
    bounds = Bounds(low, low + more, 0, len(sizes))
    chosen = choose_categories(array, array, [np.arange(len(sizes))], bounds)
    every = chain.from_iterable(combinations(sizes, count) for count in range(len(sizes) + 1))
    assert (chosen is not None) == any(low <= sum(some) <= low + more for some in every)
    if chosen is not None:
        assert low <= int(array[chosen].sum()) <= low + more


def test_as_many_categories_as_fit_are_taken_in_order() -> None:
    sizes = np.array([5, 100, 7, 3])
    chosen = choose_categories(sizes, sizes, [np.array([1, 0, 2, 3])], Bounds(0, 14, 2, 2))
    assert chosen is not None
    assert chosen.tolist() == [True, False, True, False]


def test_next_order_is_tried_where_queries_have_no_room() -> None:
    sizes, room = np.array([5, 5, 5]), np.array([1, 1, 4])
    chosen = choose_categories(sizes, room, [np.array([0, 1, 2]), np.array([2, 1, 0])], Bounds(0, 15, 5, 2))
    assert chosen is not None
    assert chosen.tolist() == [False, True, True]
