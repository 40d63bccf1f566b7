"""The learned rule on a few synthetic shelves: two dozen goods in three classes, sold by two shops."""

import random
from datetime import UTC, datetime
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from align import Category, align
from align.hierarchy import build_hierarchy
from align.label_tables import make_label_pairs
from align.learned_rule import train
from align.review import Decision, resolve_decisions
from align.settings import AlignSettings

NOW = datetime(2024, 1, 1, tzinfo=UTC)
CLASSES = ("甲类", "乙类", "丙类")
WORDS = [
    *("咖啡", "奶茶", "饼干", "洗衣机", "冰箱", "空调", "积木", "拼图", "风筝", "毛巾", "枕头", "地毯"),
    *("书包", "铅笔", "胶带", "帐篷", "睡袋", "鱼竿", "口红", "面膜", "香水", "狗粮", "猫粮", "鱼缸"),
]
CLASS_OF = {word: CLASSES[place % 3 if place < 21 else 0] for place, word in enumerate(WORDS)}
FILLER = ["新款", "正品", "包邮", "热卖", "家用", "便携", "加厚", "送礼"]


def shelf(source: str, word: str, name: str = "", top: str = "") -> Category:
    return Category(source, (top or CLASS_OF[word], name or word))


def titles_of(*words: str, seed: int) -> list[str]:
    rng = random.Random(seed)
    return [f"{rng.choice(words)} {' '.join(rng.sample(FILLER, 3))}" for _ in range(20)]


def shops() -> dict[Category, list[str]]:
    """The south renames every fourth good; 狗粮 and 猫粮 share a shelf there, and 帐篷 stands in another class."""
    titles = {shelf("n", word): titles_of(word, seed=place) for place, word in enumerate(WORDS)}
    for place, word in enumerate(WORDS):
        if word in ("狗粮", "猫粮", "帐篷"):
            continue
        name = f"精品{place}号" if place % 4 == 0 else word
        titles[shelf("s", word, name)] = titles_of(word, seed=100 + place)
    titles[shelf("s", "狗粮", "宠物主粮")] = titles_of("狗粮", "猫粮", seed=200)
    titles[shelf("s", "帐篷", top="乙类")] = titles_of("帐篷", seed=201)
    return titles


def decisions(classes: tuple[str, ...]) -> list[Decision]:
    """A person's answers on all pairs of some classes whose names or titles are the same, and some others."""
    found = []
    words = [word for word in WORDS if CLASS_OF[word] in classes and word not in ("狗粮", "猫粮", "帐篷")]
    south = {c.path[1]: c for c in shops() if c.source == "s"}
    for one, other in product(words, words):
        place = WORDS.index(other)
        b = south[f"精品{place}号" if place % 4 == 0 else other]
        if CLASS_OF[one] == CLASS_OF[other]:
            found.append(Decision("accept" if one == other else "reject", shelf("n", one), b, "li", NOW))
    return found


LEARNED = AlignSettings(rule="learned")


def test_renamed_products_of_other_classes_are_found_and_explained() -> None:
    titles = shops()
    taught = [one for one in CLASSES if one != "甲类"]
    hierarchy = build_hierarchy(titles, titles, {}, LEARNED, resolve_decisions(decisions(tuple(taught))))
    rows = [row for row in make_label_pairs(hierarchy).to_pylist() if row["category_a"][0] == "甲类"]
    merged = {(row["category_a"][1], row["category_b"][1]) for row in rows if row["merged"]}
    renamed = {
        (word, f"精品{place}号") for place, word in enumerate(WORDS) if place % 4 == 0 and word not in ("狗粮", "帐篷")
    }
    assert merged >= {pair for pair in renamed if CLASS_OF[pair[0]] == "甲类"}
    for row in rows:
        assert row["rule"] == "learned"
        assert row["doubt"] == pytest.approx(1 - abs(2 * row["probability"] - 1))
        assert all(line[0] in "+-" for line in row["evidence"])


def test_a_broader_category_is_recognised() -> None:
    titles = shops()
    hierarchy = build_hierarchy(titles, titles, {}, LEARNED, resolve_decisions(decisions(CLASSES)))
    found = {(row["category_a"][1], row["category_b"][1]): row for row in make_label_pairs(hierarchy).to_pylist()}
    food = [row for (a, b), row in found.items() if a in ("狗粮", "猫粮") and b == "宠物主粮"]
    assert [row["relation"] for row in food] == ["narrower"] * len(food)
    assert not any(row["merged"] for row in food)


def test_without_reviewed_pairs_the_published_rule_applies() -> None:
    titles = shops()
    assert align(titles, titles, rule="learned").equals(align(titles, titles, rule="mep3m"))
    few = decisions(CLASSES)[:4]
    assert align(titles, titles, rule="learned", decisions=few).equals(align(titles, titles, decisions=few))


def test_decisions_of_people_override_the_learned_rule() -> None:
    titles = shops()
    log = decisions(CLASSES)
    tent = next(category for category in titles if category.source == "s" and category.path[1] == "帐篷")
    ends = shelf("n", "帐篷"), tent
    for kind, together in (("accept", True), ("reject", False)):
        said = Decision(kind, *ends, "wang", NOW)  # type: ignore[arg-type]
        found = align(titles, titles, rule="learned", decisions=[*log, said]).to_pylist()
        labels = {row["sub_class_id"] for row in found if Category(row["source"], tuple(row["category"])) in ends}
        assert (len(labels) == 1) is together


def test_the_order_of_input_does_not_matter() -> None:
    titles = shops()
    log = decisions(CLASSES)
    backwards = dict(reversed(titles.items()))
    assert align(titles, titles, rule="learned", decisions=log).equals(
        align(backwards, backwards, rule="learned", decisions=log)
    )


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1), st.floats(0, 1)), min_size=10, max_size=40))
@settings(max_examples=25, deadline=None)
def test_more_alike_is_never_less_probable(rows: list[tuple[bool, float, float]]) -> None:
    labels = [True, False, *(label for label, _, _ in rows)]
    features = np.array([[1.0, 1.0], [0.0, 0.0], *([one, other] for _, one, other in rows)])
    model = train(features, labels, features)
    grid = np.array([[0.0, 0.3], [0.5, 0.3], [1.0, 0.3], [1.0, 1.0]])
    chances = model.probabilities(grid)
    assert (np.diff(chances) >= 0).all()
    assert ((chances >= 0) & (chances <= 1)).all()
