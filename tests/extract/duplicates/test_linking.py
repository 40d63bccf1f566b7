import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from extract.duplicates import Links, link

Row = tuple[str, str, str, float]


def pairs(*rows: Row) -> pa.Table:
    names = ("left", "right", "rule", "distance")
    schema = pa.schema(list(zip(names, [pa.string()] * 3 + [pa.float64()], strict=True)))
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows], schema=schema)


def test_no_pairs_link_nothing() -> None:
    assert link(pairs(), {}, 9) == Links({}, {})


def test_pairs_become_groups_named_by_their_smallest_product() -> None:
    links = link(pairs(("b", "c", "near_image", 3), ("a", "c", "near_text", 0.1), ("x", "y", "near_text", 0)), {}, 9)
    assert links == Links(
        {"a": "a", "b": "a", "c": "a", "x": "x", "y": "x"},
        {"a": "near_text", "b": "near_image", "c": "near_image", "x": "near_text", "y": "near_text"},
    )


def test_chain_ends_where_the_group_is_full_and_its_strongest_part_stays() -> None:
    chain = pairs(("a", "b", "near_text", 0.2), ("b", "c", "near_text", 0.1), ("c", "d", "near_text", 0.0))
    assert link(chain, {}, 3) == Links({"b": "b", "c": "b", "d": "b"}, dict.fromkeys("bcd", "near_text"))
    assert link(chain, {}, 4).group_of == dict.fromkeys("abcd", "a")


def test_exact_duplicates_count_in_the_size_of_a_group() -> None:
    two = pairs(("a", "b", "near_image", 0))
    assert link(two, {"a": 3}, 3) == Links({}, {})
    assert link(two, {"a": 3}, 4) == Links({"a": "a", "b": "a"}, dict.fromkeys("ab", "near_image"))


ROWS = st.lists(
    st.tuples(
        st.sampled_from("abcdefgh"),
        st.sampled_from("abcdefgh"),
        st.sampled_from(["near_image", "near_text"]),
        st.sampled_from([0.0, 0.1, 0.2]),
    ).filter(lambda row: row[0] < row[1]),
    max_size=12,
)


@given(rows=ROWS, most=st.integers(2, 8), data=st.data())
def test_links_keep_their_promises(rows: list[Row], most: int, data: st.DataObject) -> None:
    links = link(pairs(*rows), {}, most)
    assert link(pairs(*data.draw(st.permutations(rows))), {}, most) == links
    assert links.group_of.keys() == links.rule_of.keys()
    members: dict[str, list[str]] = {}
    for product, name in links.group_of.items():
        members.setdefault(name, []).append(product)
    for name, group in members.items():
        assert name == min(group)
        assert 2 <= len(group) <= most
    refused = [row for row in rows if links.group_of.get(row[0], row[0]) != links.group_of.get(row[1], row[1])]
    for left, right, _, _ in refused:
        sizes = [len(members.get(links.group_of.get(product, product), [product])) for product in (left, right)]
        assert sum(sizes) > most
