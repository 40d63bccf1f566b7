from collections import Counter
from contextlib import closing

import duckdb
from hypothesis import given
from hypothesis import strategies as st

from extract.duplicates import keep_names, name_groups

Groups = dict[str, str]
"""Product -> smallest product of its group."""
DATABASE = duckdb.connect()
"""Shared by all examples, since opening it takes longer than an example."""


def named(groups: Groups, before: dict[str, str]) -> dict[str, str]:
    """Return the name of each product's group, given the names of the last run."""
    with closing(DATABASE.cursor()) as connection:
        for table, column, rows in (("grouped", "root", groups), ("duplicates", "group_id", before)):
            pairs = "unnest(?::VARCHAR[]) AS product_id, unnest(?::VARCHAR[])"
            connection.execute(f"CREATE TEMP TABLE {table} AS SELECT {pairs} AS {column}", [[*rows], [*rows.values()]])
        connection.execute("CREATE TEMP TABLE other_groups AS SELECT NULL::VARCHAR AS group_id WHERE false")
        name_groups(connection)
        query = "SELECT product_id, coalesce(group_id, root) FROM grouped LEFT JOIN group_names USING (root)"
        return dict(connection.sql(query).fetchall())


def of(*groups: str) -> Groups:
    """Return groups given as the letters of their products: ``of("ab", "c")``."""
    return {product: min(group) for group in groups for product in group}


def test_first_run_calls_groups_after_their_smallest_product() -> None:
    assert named(of("abc", "d"), {}) == {"a": "a", "b": "a", "c": "a", "d": "d"}


def test_products_that_come_or_go_change_no_name() -> None:
    before = named(of("bc", "d"), {})
    assert named(of("abc", "d"), before) == {"a": "b", "b": "b", "c": "b", "d": "d"}
    assert named(of("c", "d"), before) == {"c": "b", "d": "d"}


def test_larger_part_of_a_divided_group_keeps_the_name() -> None:
    before = named(of("abcd"), {})
    assert named(of("a", "bcd"), before) == {"a": "a#2", "b": "a", "c": "a", "d": "a"}
    assert named(of("ab", "cd"), before) == {"a": "a", "b": "a", "c": "c", "d": "c"}


def test_joined_groups_keep_the_name_that_most_had() -> None:
    before = named(of("a", "bcd", "e"), {})
    assert named(of("abcd", "e"), before) == dict.fromkeys("abcd", "b") | {"e": "e"}


def test_new_group_is_called_after_a_member_whose_name_is_free() -> None:
    before = named(of("abcde"), {})
    assert named(of("ae", "bcd"), before) == {"a": "e", "e": "e", "b": "a", "c": "a", "d": "a"}


def test_each_name_and_each_group_is_settled_once() -> None:
    claims = [("a", "x", 2), ("a", "y", 3), ("b", "y", 3), ("b", "x", 1), ("c", "x", 2)]
    assert keep_names(claims) == {"a": "y", "c": "x"}


PARTITIONS = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 3)).map(
    lambda cells: of(*("".join(p for p in cells if cells[p] == cell) for cell in {*cells.values()}))
)


@given(st.lists(PARTITIONS, min_size=2, max_size=5))
def test_names_keep_their_promises(runs: list[Groups]) -> None:
    before: dict[str, str] = {}
    for groups in runs:
        names = named(groups, before)
        assert names.keys() == groups.keys()
        of_root = {root: {names[p] for p in groups if groups[p] == root} for root in groups.values()}
        assert all(len(found) == 1 for found in of_root.values())  # a group has one name
        assert len({name for found in of_root.values() for name in found}) == len(of_root)  # no two groups share a name
        for name in {*before.values()}:
            heirs = Counter(groups[p] for p in groups if before.get(p) == name)
            if len(heirs) == 1 and name not in names.values():  # dropped: another name in the group was as strong
                rivals = Counter(before[p] for p in groups if groups[p] == next(iter(heirs)) and p in before)
                assert rivals[name] <= max(count for other, count in rivals.items() if other != name)
            if len(heirs) > 1 and name not in names.values():
                assert all(len({before.get(p) for p in groups if groups[p] == root} - {None}) > 1 for root in heirs)
        assert named(groups, names) == names  # a run over the same products changes nothing
        before = names
