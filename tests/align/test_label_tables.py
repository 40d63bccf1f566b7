from hypothesis import given
from hypothesis import strategies as st

from align.category import Category
from align.hierarchy import build_hierarchy
from align.label_tables import keep_ids, make_label_pairs
from align.settings import AlignSettings


def categories(names: str) -> list[Category]:
    return [Category("shop", (name,)) for name in names]


def known(**ids: int) -> dict[Category, int]:
    return {Category("shop", (name,)): number for name, number in ids.items()}


def test_first_run_counts_from_zero() -> None:
    assert keep_ids([categories("a"), categories("bc")], {}) == [0, 1]


def test_known_labels_keep_their_ids_and_new_ones_come_after() -> None:
    assert keep_ids([categories("x"), categories("b"), categories("a"), categories("y")], known(a=0, b=7)) == [
        8, 7, 0, 9,
    ]  # fmt: skip


def test_ids_of_categories_that_are_gone_are_not_used_again() -> None:
    assert keep_ids([categories("x")], known(gone=4)) == [5]


def test_merged_labels_keep_the_smaller_id() -> None:
    assert keep_ids([categories("ab"), categories("c")], known(a=3, b=1, c=2)) == [1, 2]


def test_larger_part_of_a_split_label_keeps_its_id() -> None:
    assert keep_ids([categories("a"), categories("bc")], known(a=0, b=0, c=0)) == [1, 0]


def test_first_of_equal_parts_keeps_the_id() -> None:
    assert keep_ids([categories("b"), categories("a")], known(a=0, b=0)) == [0, 1]


def test_id_that_lost_its_larger_part_goes_with_the_smaller() -> None:
    assert keep_ids([categories("axy"), categories("z")], known(a=0, x=1, y=1, z=1)) == [0, 1]


@given(
    groups=st.lists(st.sets(st.integers(0, 15), min_size=1), max_size=6),
    previous=st.dictionaries(st.integers(0, 15), st.integers(0, 6)),
)
def test_ids_are_distinct_and_new_ones_are_new(groups: list[set[int]], previous: dict[int, int]) -> None:
    taken: set[int] = set()
    parts = []
    for group in groups:
        if group - taken:
            parts.append([Category("shop", (str(number),)) for number in sorted(group - taken)])
        taken |= group
    before = {Category("shop", (str(number),)): label for number, label in previous.items()}
    ids = keep_ids(parts, before)
    assert len(set(ids)) == len(ids)
    for part, number in zip(parts, ids, strict=True):
        assert number in {before.get(category) for category in part} or number > max(before.values(), default=-1)
    assert (
        keep_ids(parts, {category: number for part, number in zip(parts, ids, strict=True) for category in part}) == ids
    )


TITLES = {
    Category("n", ("食品", "咖啡")): ["速溶咖啡"],
    Category("n", ("食品", "奶茶")): ["珍珠奶茶 奶粉"],
    Category("n", ("食品", "奶茶粉")): ["珍珠奶茶 奶粉 速溶"],
    Category("s", ("食品", "咖啡")): ["速溶咖啡"],
    Category("s", ("食品", "奶茶")): ["珍珠奶茶 奶粉"],
    Category("s", ("食品", "糖果")): ["水果糖"],
}


def doubts(rule: str) -> list[tuple[float, float]]:
    settings = AlignSettings.model_validate({"rule": rule})
    rows = make_label_pairs(build_hierarchy(TITLES, TITLES, {}, settings)).to_pylist()
    return [(row["s_content"], row["doubt"]) for row in rows]


def test_doubt_of_the_published_rule_is_nearness_to_its_threshold() -> None:
    assert all(doubt == max(0.0, 1 - abs(content - 0.75)) for content, doubt in doubts("mep3m"))
