"""The learned rule on a synthetic catalogue: two dozen categories in three classes, shared by two shops."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import product

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from align import Category, align, label_similarity
from align.catalogue import NO_FACTS, Facts, encode_names
from align.category import make_nodes
from align.hierarchy import build_hierarchy
from align.label_tables import make_label_pairs
from align.learned_rule import PairModel, adapt, default_model, probabilities, update
from align.names import qualifiers
from align.node_features import make_node_features
from align.pair_features import FEATURES, CandidatePairs, find_candidate_pairs
from align.review import Decision, resolve_decisions
from align.settings import AlignSettings
from core.errors import SettingsError

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
    """Return both shops' titles; the south renames every fourth category, merges 狗粮 and 猫粮, and moves 帐篷."""
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
    """Return a reviewer's decision on every pair within some classes: accept for the same word, else reject."""
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


def south(word: str) -> str:
    """Return the name of a category in the south."""
    place = WORDS.index(word)
    return f"精品{place}号" if place % 4 == 0 and word != "帐篷" else word


def pairs_of(label_map: pa.Table) -> set[tuple[str, str]]:
    """Return the pairs of northern and southern names that share a sub-class."""
    sides: dict[str, dict[int, str]] = {"n": {}, "s": {}}
    for row in label_map.to_pylist():
        if len(row["category"]) == 2:
            sides[row["source"]][row["sub_class_id"]] = row["category"][1]
    return {(name, sides["s"][number]) for number, name in sides["n"].items() if number in sides["s"]}


def chances(titles: dict[Category, list[str]], decided: list[Decision]) -> dict[tuple[str, str], float]:
    hierarchy = build_hierarchy(titles, titles, {}, LEARNED, resolve_decisions(decided))
    return {(one.pair.a.name, one.pair.b.name): one.pair.probability or 0.0 for one in hierarchy.judged}


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


ENGLISH = {
    "Wooden Puzzles": "Puzzles, Wooden",
    "Building Blocks": "Blocks",
    "Kites": "Kite",
    "Dolls & Accessories": "Dolls",
    "Board Games": "Games for Boards",
}


def deeper(titles: dict[Category, list[str]]) -> dict[Category, list[str]]:
    """Return the same titles, three levels deeper."""
    return {Category(c.source, (*c.path, *(f"{c.path[1]}{mark}" for mark in "甲乙丙"))): t for c, t in titles.items()}


def with_english(titles: dict[Category, list[str]]) -> dict[Category, list[str]]:
    """Return the same titles and a class with English names."""
    found = dict(titles)
    for place, names in enumerate(ENGLISH.items()):
        for source, name in zip("ns", names, strict=True):
            found[Category(source, ("Toys", name))] = [f"{names[0]} {size} cm" for size in range(place + 3)]
    return found


SHAPES: dict[str, Callable[[dict[Category, list[str]]], dict[Category, list[str]]]] = {
    "skewed": lambda titles: {c: found[:1] if c.source == "s" else found for c, found in titles.items()},
    "four titles": lambda titles: {category: found[:4] for category, found in titles.items()},
    "few categories": lambda titles: {c: t for c, t in titles.items() if c.source == "n" or c.path[1] in WORDS[:8]},
    "five levels": deeper,
    "mixed languages": with_english,
    "no titles": lambda titles: {category: [] for category in titles},
}


def baseline(categories: list[Category]) -> set[tuple[str, str]]:
    """Return the pairs of names in one class with a difflib ratio of at least 0.5, best first and one to one."""
    sides = [sorted({category.path[:2] for category in categories if category.source == source}) for source in "ns"]
    scored = [(label_similarity(a[1], b[1]), a, b) for a, b in product(*sides) if a[0] == b[0]]
    found: dict[tuple[str, ...], tuple[str, ...]] = {}
    for score, a, b in sorted(scored, reverse=True):
        if score >= 0.5 and a not in found and b not in found.values():
            found[a] = b
    return {(a[1], b[1]) for a, b in found.items()}


@pytest.mark.parametrize("shape", SHAPES)
def test_shops_of_any_shape_are_aligned_no_worse_than_by_their_names_alone(shape: str) -> None:
    titles = SHAPES[shape](shops())
    names = [{category.path[1] for category in titles if category.source == source} for source in "ns"]
    true = {(word, south(word)) for word in WORDS if word not in ("狗粮", "猫粮")} | set(ENGLISH.items())
    true = {pair for pair in true if pair[0] in names[0] and pair[1] in names[1]}

    def f1(found: set[tuple[str, str]]) -> float:
        return 2 * len(found & true) / (len(found) + len(true))

    learned = f1(pairs_of(align(titles, titles, rule="learned")))
    assert learned >= f1(baseline(list(titles)))
    assert learned >= f1(pairs_of(align(titles, titles, rule="mep3m")))


def test_a_broader_category_is_recognised() -> None:
    titles = shops()
    hierarchy = build_hierarchy(titles, titles, {}, LEARNED, resolve_decisions(decisions(CLASSES)))
    found = {(row["category_a"][1], row["category_b"][1]): row for row in make_label_pairs(hierarchy).to_pylist()}
    food = [row for (a, b), row in found.items() if a in ("狗粮", "猫粮") and b == "宠物主粮"]
    assert [row["relation"] for row in food] == ["narrower"] * len(food)
    assert not any(row["merged"] for row in food)


def test_without_reviews_the_shipped_model_finds_most_labels() -> None:
    titles = shops()
    found = pairs_of(align(titles, titles, rule="learned"))
    true = {(word, south(word)) for word in WORDS if word not in ("狗粮", "猫粮")}
    right = len(found & true)
    assert right / len(found) >= 0.95
    assert right / len(true) >= 0.85
    assert found > pairs_of(align(titles, titles, rule="mep3m"))


def test_equal_names_of_one_class_are_one_label_at_high_probability() -> None:
    categories = [shelf("n", "咖啡"), shelf("s", "咖啡", top="甲类"), shelf("n", "游戏设备", top="乙类")]
    categories += [
        shelf("s", "遊戲設備", top="乙类"),
        Category("s", ("甲类", "咖啡豆")),
        Category("n", ("甲类", "其它茶")),
    ]
    categories.append(Category("s", ("甲类", "其他 茶")))
    hierarchy = build_hierarchy(categories, {}, {}, LEARNED)
    found = {(one.pair.a.name, one.pair.b.name): one for one in hierarchy.judged if one.outcome == "merged"}
    assert set(found) == {("咖啡", "咖啡"), ("游戏设备", "遊戲設備"), ("其它茶", "其他 茶")}
    assert all((one.pair.probability or 0) >= 0.95 for one in found.values())


def test_names_that_say_nothing_stay_apart_by_the_name_above() -> None:
    categories = [Category("n", ("手机", "配件")), Category("n", ("汽车", "配件")), Category("s", ("汽车用品", "配件"))]
    tops = dict.fromkeys(("手机", "汽车", "汽车用品"), "数码汽车")
    for rule in ("mep3m", "learned"):
        found = align(categories, {}, rule=rule, first_level=tops).to_pylist()
        ids = {(row["source"], row["path"]): row["sub_class_id"] for row in found}
        assert ids["n", "手机 > 配件"] != ids["n", "汽车 > 配件"]
    assert ids["s", "汽车用品 > 配件"] == ids["n", "汽车 > 配件"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("男鞋", "女鞋"),
        ("Women", "Men"),
        ("成人牙刷", "儿童牙刷"),
        ("其他零食", "零食"),
        ("Boys' Shoes", "Girls' Shoes"),
    ],
)
def test_restrictions_that_exclude_each_other_are_two_labels(one: str, other: str) -> None:
    titles = {
        Category("n", ("甲类", one)): ["运动 透气 轻便"] * 9,
        Category("s", ("甲类", other)): ["运动 透气 轻便"] * 9,
    }
    assert pairs_of(align(titles, titles, rule="learned")) == set()


@pytest.mark.parametrize(
    ("one", "other"), [("男鞋", "男士鞋"), ("Kids' Shoes", "Children's Shoes"), ("婴儿湿巾", "湿巾")]
)
def test_other_restrictions_are_no_proof(one: str, other: str) -> None:
    titles = {
        Category("n", ("甲类", one)): ["运动 透气 轻便"] * 9,
        Category("s", ("甲类", other)): ["运动 透气 轻便"] * 9,
    }
    assert pairs_of(align(titles, titles, rule="learned")) == {(one, other)}


@pytest.mark.parametrize("name", ["Ride-Ons & Accessories", "Fahrzeuge und Zubehör", "箱包及配件"])
def test_parts_beside_a_thing_do_not_restrict_it(name: str) -> None:
    assert "parts" not in qualifiers(name)
    assert "parts" in qualifiers(name.replace("& ", "").replace("und ", "").replace("及", ""))


def test_few_titles_are_as_similar_as_many() -> None:
    found = []
    for count in (3, 300):
        rng = random.Random(1)
        titles = {
            Category(source, ("甲类", f"{source}类")): [" ".join(rng.sample(WORDS, 6)) for _ in range(count)]
            for source in "ns"
        }
        nodes = make_nodes(titles, 2)
        some = find_candidate_pairs(make_node_features(nodes, ["", ""], titles, NO_FACTS), ["", ""], ([0], [1]))
        found.append(float(some.features[0, list(FEATURES).index("words")]))
    assert found[0] == pytest.approx(found[1], abs=0.1)


def test_the_model_adapts_to_shops_that_share_much_or_little() -> None:
    count = len(FEATURES)
    features = np.zeros((40, count))
    weights = np.zeros(count)
    weights[0] = 4.0
    model = PairModel(np.zeros(count), np.ones(count), weights, -2.0)
    chances = []
    for alike in (36, 4):
        features[:, 0] = np.arange(40) < alike
        features[-1, 0] = 0.5
        ends, ones = np.arange(40), np.ones(40)
        found = CandidatePairs(ends, ends + 40, features.copy(), ones, ones, ones > 1, ones > 1)
        chances.append(probabilities(adapt(model, [found]), found, {})[-1])
    assert chances[0] > probabilities(model, found, {})[-1] > chances[1]


def test_reviews_leave_pairs_that_are_unlike_them_as_they_were() -> None:
    count = len(FEATURES)
    features = np.zeros((60, count))
    features[:30, 0], features[30:, 1] = 1.0, 1.0
    ends, ones = np.arange(60), np.ones(60)
    found = CandidatePairs(ends, ends + 60, features, ones, ones, ones > 1, ones > 1)
    weights = np.zeros(count)
    weights[:2] = 3.0
    model = PairModel(np.zeros(count), np.ones(count), weights, -1.0)
    updated = update(model, [found], [dict.fromkeys(range(20), False)])
    before, after = (probabilities(one, found, {}) for one in (model, updated))
    assert before[:30].min() > 0.6
    assert after[:30].max() < 0.2
    assert np.abs(after[30:] - before[30:]).max() < 0.2


def test_reviews_update_the_shipped_model() -> None:
    titles = shops()
    pair = "咖啡", south("咖啡")
    before = chances(titles, [])[pair]
    accepted = [one for one in decisions(("乙类", "丙类")) if one.kind == "accept"]
    assert chances(titles, accepted)[pair] > before
    after = chances(
        titles, [Decision("reject", shelf("n", word), shelf("s", word), "li", NOW) for word in ("奶茶", "饼干")]
    )
    assert after["奶茶", "奶茶"] == after["饼干", "饼干"] == 0
    assert after[pair] < before


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


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=40))
@settings(max_examples=25, deadline=None)
def test_more_alike_is_never_less_probable(rows: list[tuple[bool, float, float]]) -> None:
    count = len(FEATURES)
    features = np.zeros((len(rows), count))
    features[:, 0], features[:, 1] = [row[1] for row in rows], [row[2] for row in rows]
    ends, ones = np.arange(len(rows)), np.ones(len(rows))
    found = CandidatePairs(ends, ends + len(rows), features, ones, ones, ones > 1, ones > 1)
    model = PairModel(np.zeros(count), np.ones(count), np.zeros(count), 0.0)
    answers = {place: row[0] for place, row in enumerate(rows)}
    updated = update(model, [found], [answers])
    assert (updated.weights >= 0).all()
    grid = np.zeros((4, count))
    grid[:, :2] = [[0.0, 0.3], [0.5, 0.3], [1.0, 0.3], [1.0, 1.0]]
    assert (np.diff(updated.odds(grid)) >= 0).all()


def test_a_missing_feature_says_nothing() -> None:
    model = default_model()
    known = np.tile(model.centre, (2, 1))
    known[1] = np.nan
    assert model.odds(known).tolist() == pytest.approx([model.bias] * 2)


def test_vectors_of_names_join_names_of_two_languages() -> None:
    names = [("咖啡", "coffee"), ("毛巾", "towel"), ("帐篷", "tent"), ("铅笔", "pencil")]
    categories = {Category(source, ("甲类", pair[place])) for pair in names for place, source in enumerate(("n", "s"))}
    vectors = {name: row for pair, row in zip(names, np.eye(len(names)), strict=True) for name in pair}
    for meanings, joined in ((vectors, 4), ({}, 0)):
        sizes = dict.fromkeys(categories, 1)
        found = build_hierarchy(categories, {}, sizes, AlignSettings(rule="learned"), facts=Facts(meanings=meanings))
        assert sum(len(label.categories) == 2 for top in found.classes for label in top.children) == joined


def test_a_network_that_is_not_there_is_named() -> None:
    with pytest.raises(SettingsError, match=r"align\.embeddings: '/no/such/folder' cannot be loaded"):
        encode_names("/no/such/folder", [Category("n", ("甲类",))])
