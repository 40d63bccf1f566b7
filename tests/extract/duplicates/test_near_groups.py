from collections.abc import Sequence
from contextlib import closing

import duckdb
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from extract.duplicates import NEAR_RULES, group_exact, group_near, prepare, prepare_near

Pair = tuple[str, str, str, float]
Join = tuple[str, str, str]


def groups(pairs: list[Pair], most: int, joins: Sequence[Join] = ()) -> dict[str, str]:
    """Return the group of each of eight products that stand, given near pairs in some order."""
    columns = {name: [join[place] for join in joins] for place, name in enumerate(("product_id", "rule", "key"))}
    with closing(duckdb.connect()) as connection:
        connection.execute(
            "CREATE TABLE products AS SELECT unnest(split('a b c d e f g h', ' ')) AS product_id, '' AS caption"
        )
        prepare(connection)
        exact = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
        connection.register("exact", group_exact(exact))
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
