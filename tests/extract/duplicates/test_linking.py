import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from extract.duplicates import components, link

Pair = tuple[int, int]


def linked(count: int, pairs: list[Pair], most: int, weights: list[int] | None = None) -> list[int]:
    ends = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    parts = [(part[:, 0], part[:, 1]) for part in np.array_split(ends, 3)]
    return [int(root) for root in link(count, parts, np.array(weights or [1] * count), most)]


def test_no_pairs_link_nothing() -> None:
    assert linked(3, [], 9) == [0, 1, 2]
    assert linked(0, [], 9) == []


def test_pairs_become_groups_named_by_their_smallest_item() -> None:
    assert linked(6, [(2, 3), (1, 3), (4, 5)], 9) == [0, 1, 1, 1, 4, 4]


def test_chain_ends_where_the_group_is_full_and_its_strongest_part_stays() -> None:
    chain = [(2, 3), (1, 2), (0, 1)]  # strongest first
    assert linked(4, chain, 3) == [0, 1, 1, 1]
    assert linked(4, chain, 4) == [0, 0, 0, 0]


def test_weights_count_in_the_size_of_a_group() -> None:
    assert linked(2, [(0, 1)], 3, [3, 1]) == [0, 1]
    assert linked(2, [(0, 1)], 4, [3, 1]) == [0, 0]


PAIRS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(lambda pair: pair[0] < pair[1]), max_size=20)


@given(pairs=PAIRS, data=st.data())
def test_without_a_limit_groups_are_the_connected_components_in_any_order(
    pairs: list[Pair], data: st.DataObject
) -> None:
    ends = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    assert linked(10, data.draw(st.permutations(pairs)), 10) == components(10, ends[:, 0], ends[:, 1]).tolist()


@given(pairs=PAIRS, most=st.integers(2, 8), weights=st.lists(st.integers(1, 3), min_size=10, max_size=10))
def test_links_keep_their_promises(pairs: list[Pair], most: int, weights: list[int]) -> None:
    roots = linked(10, pairs, most, weights)
    members = {root: [item for item in range(10) if roots[item] == root] for root in roots}
    weight = {root: sum(weights[item] for item in group) for root, group in members.items()}
    for root, group in members.items():
        assert root == min(group)
        assert len(group) == 1 or weight[root] <= most
    for left, right in pairs:  # what was left out would have been too heavy, or is joined all the same
        assert roots[left] == roots[right] or weight[roots[left]] + weight[roots[right]] > most
    assert linked(10, [*pairs, *pairs], most, weights) == roots
