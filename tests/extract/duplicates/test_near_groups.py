from collections.abc import Sequence
from contextlib import closing

import duckdb
import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from core.components import components
from extract.duplicates import NEAR_RULES, group_exact, group_near, link, prepare, prepare_near

Pair = tuple[str, str, str, float]
Join = tuple[str, str, str]


def groups(pairs: list[Pair], most: int, joins: Sequence[Join] = ()) -> dict[str, str]:
    """Return the groups of eight products, without dropped exact duplicates, given near pairs in any order."""
    columns = {name: [join[place] for join in joins] for place, name in enumerate(("product_id", "rule", "key"))}
    with closing(duckdb.connect()) as connection:
        connection.execute(
            "CREATE TABLE products AS SELECT unnest(split('a b c d e f g h', ' ')) AS product_id, '' AS caption"
        )
        prepare(connection)
        exact = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
        connection.register("exact", group_exact(exact))
        connection.execute(
            "CREATE TEMP VIEW compared AS SELECT product_id, NULL::BIGINT[] AS text_keys, TRUE AS anew FROM products"
        )
        prepare_near(connection)
        if pairs:
            connection.executemany("INSERT INTO near_pairs VALUES (?, ?, ?, ?)", pairs)
        group_near(connection, most)
        return dict(connection.sql("FROM near_groups").fetchall())


ALONE = {name: name for name in "abcdefgh"}


def test_stronger_rules_come_first_then_smaller_distances() -> None:
    weak, near = ("a", "b", "near_video", 0.0), ("b", "c", "near_text", 0.2)
    nearer, image = ("c", "d", "near_text", 0.1), ("d", "e", "near_image", 6.0)
    assert groups([weak, near, nearer, image], 2) == {**ALONE, "e": "d", "c": "b"}
    assert groups([weak, near, nearer, image], 3) == {**ALONE, "d": "c", "e": "c", "b": "a"}


def test_exact_duplicates_count_in_the_size_of_a_group() -> None:
    joins = [("a", "exact_text", "1"), ("b", "exact_text", "1"), ("c", "exact_text", "1")]
    standing = {name: name for name in "adefgh"}
    assert groups([("a", "d", "near_image", 0.0)], 3, joins) == standing
    assert groups([("a", "d", "near_image", 0.0)], 4, joins) == {**standing, "d": "a"}


PAIRS = st.lists(
    st.tuples(
        st.sampled_from("abcdefgh"),
        st.sampled_from("abcdefgh"),
        st.sampled_from(NEAR_RULES),
        st.sampled_from([0.0, 0.1, 0.2]),
    ).filter(lambda pair: pair[0] < pair[1]),
    max_size=10,
)


@given(pairs=PAIRS, most=st.integers(2, 5), data=st.data())
@settings(max_examples=20, deadline=None)
def test_groups_do_not_depend_on_the_order_of_pairs(pairs: list[Pair], most: int, data: st.DataObject) -> None:
    found = groups(pairs, most)
    assert groups(data.draw(st.permutations(pairs)), most) == found
    assert groups([*pairs, *pairs], most) == found


ItemPair = tuple[int, int]


def linked(count: int, pairs: list[ItemPair], most: int, weights: list[int] | None = None) -> list[int]:
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


ITEM_PAIRS = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(lambda pair: pair[0] < pair[1]), max_size=20
)


@given(pairs=ITEM_PAIRS, data=st.data())
def test_without_a_limit_groups_are_the_connected_components_in_any_order(
    pairs: list[ItemPair], data: st.DataObject
) -> None:
    ends = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    assert linked(10, data.draw(st.permutations(pairs)), 10) == components(10, ends[:, 0], ends[:, 1]).tolist()


@given(pairs=ITEM_PAIRS, most=st.integers(2, 8), weights=st.lists(st.integers(1, 3), min_size=10, max_size=10))
def test_links_keep_their_promises(pairs: list[ItemPair], most: int, weights: list[int]) -> None:
    roots = linked(10, pairs, most, weights)
    members = {root: [item for item in range(10) if roots[item] == root] for root in roots}
    weight = {root: sum(weights[item] for item in group) for root, group in members.items()}
    for root, group in members.items():
        assert root == min(group)
        assert len(group) == 1 or weight[root] <= most
    for left, right in pairs:  # a pair that was skipped would have been too heavy, or is joined anyway
        assert roots[left] == roots[right] or weight[roots[left]] + weight[roots[right]] > most
    assert linked(10, [*pairs, *pairs], most, weights) == roots
