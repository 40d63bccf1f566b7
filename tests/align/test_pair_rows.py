from align import Category
from align.hierarchy import build_hierarchy
from align.pair_rows import make_label_pairs
from align.settings import AlignSettings

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


def test_pairs_to_learn_from_are_of_all_kinds_from_the_first() -> None:
    found = doubts("learned")
    tenths = {min(int(content * 10), 9) for content, _ in found}
    first = sorted(found, key=lambda one: -one[1])[: len(tenths)]
    assert {min(int(content * 10), 9) for content, _ in first} == tenths
