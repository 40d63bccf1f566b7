from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from align import Category, align, content_similarity, fault, label_similarity
from align.hierarchy import build_hierarchy
from align.settings import AlignSettings
from core.errors import DataError, SettingsError
from storage.tables import TABLES

COFFEE = ["速溶咖啡 三合一", "挂耳咖啡 浓缩咖啡"]
TEA = ["珍珠奶茶 速溶", "奶茶粉 原味奶茶"]
SOAP = ["沐浴露 香皂 浴球"]


def category(source: str, *path: str) -> Category:
    return Category(source, path)


def rows(label_map: pa.Table, *columns: str) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in label_map.select(list(columns)).to_pylist()]


def labels(label_map: pa.Table) -> dict[tuple[str, str], tuple[str, str, str]]:
    return {
        (row["source"], row["path"]): (row["class_name"], row["sub_class_name"], row["subsub_class_name"])
        for row in label_map.to_pylist()
    }


def test_whole_label_map_of_two_shops() -> None:
    titles = {
        category("n", "食品", "咖啡"): COFFEE,
        category("n", "食品", "糖果"): ["水果糖"],
        category("s", "零食", "咖啡/奶茶"): [*COFFEE, *COFFEE, "奶茶"],
    }
    score = content_similarity(titles[category("n", "食品", "咖啡")], titles[category("s", "零食", "咖啡/奶茶")])
    assert score > 0.75
    label_map = align(titles, titles, first_level={"s:零食": "食品"})
    scores = (label_similarity("咖啡", "咖啡/奶茶"), score)
    coffee = (0, "食品", 0, "咖啡/奶茶", -1, "")  # the name of the category with more products
    expected = [
        ("n", "食品", ["食品"], 0, "食品", -1, "", -1, "", "零食", None, None, "same_name"),
        ("n", "食品 > 咖啡", ["食品", "咖啡"], *coffee, "零食 > 咖啡/奶茶", *scores, "mep3m"),
        ("n", "食品 > 糖果", ["食品", "糖果"], 0, "食品", 1, "糖果", -1, "", None, None, None, "own"),
        ("s", "零食", ["零食"], 0, "食品", -1, "", -1, "", "食品", None, None, "mapping"),
        ("s", "零食 > 咖啡/奶茶", ["零食", "咖啡/奶茶"], *coffee, "食品 > 咖啡", *scores, "mep3m"),
    ]
    assert label_map.schema == TABLES["label_map"].schema
    assert rows(label_map, *label_map.column_names) == expected


def test_unmapped_names_are_classes_of_their_own_and_equal_ones_join() -> None:
    found = align([category("n", "玩具"), category("s", "玩具"), category("s", "家具")], {})
    assert rows(found, "source", "path", "class_id", "class_name", "rule") == [
        ("n", "玩具", 1, "玩具", "same_name"),
        ("s", "家具", 0, "家具", "own"),
        ("s", "玩具", 1, "玩具", "same_name"),
    ]


def test_mapping_for_one_source_goes_before_mapping_for_all() -> None:
    found = align([category("n", "百货"), category("s", "百货")], {}, first_level={"百货": "家居", "s:百货": "食品"})
    assert rows(found, "source", "class_name", "rule") == [("n", "家居", "mapping"), ("s", "食品", "mapping")]


def test_the_mapping_can_be_one_table_per_source() -> None:
    nested = AlignSettings.model_validate({"first_level": {"百货": "家居", "s": {"百货": "食品"}}})
    assert nested == AlignSettings(first_level={"百货": "家居", "s:百货": "食品"})


def test_names_of_other_classes_are_never_compared() -> None:
    found = align([category("n", "食品", "咖啡"), category("s", "饮料", "咖啡")], {})
    assert labels(found)["n", "食品 > 咖啡"] == ("食品", "咖啡", "")
    assert labels(found)["s", "饮料 > 咖啡"] == ("饮料", "咖啡", "")
    assert set(found["rule"].to_pylist()) == {"own"}


def test_both_similarities_are_needed() -> None:
    lookalike = {category("n", "鞋", "女鞋"): COFFEE, category("s", "鞋", "男鞋"): SOAP}
    assert align(lookalike, lookalike).column("sub_class_name").to_pylist() == ["", "女鞋", "", "男鞋"]
    unlike = {category("n", "鞋", "凉鞋"): COFFEE, category("s", "鞋", "拖板"): COFFEE}
    assert align(unlike, unlike).column("sub_class_name").to_pylist() == ["", "凉鞋", "", "拖板"]


def test_equal_names_join_unless_the_setting_forbids_it() -> None:
    bath = {category("n", "家居", "洗澡用具"): SOAP, category("s", "家居", "洗澡用具"): COFFEE}
    joined = align(bath, bath)
    assert rows(joined, "sub_class_id", "rule", "s_label", "s_content")[1] == (0, "same_name", 1.0, 0.0)
    apart = align(bath, bath, same_names_join=False)
    assert [row for row in rows(apart, "sub_class_id", "rule") if row[0] != -1] == [(0, "own"), (1, "own")]


def test_threshold_can_be_the_mean_of_equal_names() -> None:
    titles = {
        category("n", "鞋", "凉鞋"): COFFEE,
        category("s", "鞋", "凉鞋"): [*COFFEE, "奶茶"],
        category("n", "书", "小说"): COFFEE,
        category("s", "书", "小说"): SOAP,
        category("n", "书", "儿童书"): COFFEE,
        category("s", "书", "儿童读物书"): [*TEA, *COFFEE],
    }
    same = [content_similarity(COFFEE, [*COFFEE, "奶茶"]), 0.0]
    settings = AlignSettings(s_content="same_names")
    hierarchy = build_hierarchy(titles, titles, {}, settings)
    assert hierarchy.threshold == sum(same) / 2
    assert content_similarity(COFFEE, [*TEA, *COFFEE]) > hierarchy.threshold
    found = align(titles, titles, s_content="same_names")
    assert labels(found)["n", "书 > 儿童书"] == ("书", "儿童读物书", "")


def test_mean_of_no_equal_names_is_the_published_threshold() -> None:
    hierarchy = build_hierarchy([category("n", "鞋", "凉鞋")], {}, {}, AlignSettings(s_content="same_names"))
    assert hierarchy.threshold == 0.75


def test_third_level_is_kept_for_chosen_sub_classes_only() -> None:
    titles = {
        category("n", "食品", "饮料", "咖啡", "豆"): COFFEE,
        category("n", "食品", "糖果", "硬糖"): SOAP,
        category("n", "食品", "饮料"): TEA,
        category("s", "食品", "饮料", "咖啡粉"): COFFEE,
        category("s", "食品", "糖果", "硬糖"): SOAP,
    }
    for chosen in ("饮料", "食品 > 饮料"):
        found = align(titles, titles, third_level=[chosen])
        assert {key: value for key, value in labels(found).items() if value[1]} == {
            ("n", "食品 > 饮料"): ("食品", "饮料", ""),
            ("n", "食品 > 饮料 > 咖啡"): ("食品", "饮料", "咖啡"),
            ("n", "食品 > 饮料 > 咖啡 > 豆"): ("食品", "饮料", "咖啡"),
            ("n", "食品 > 糖果"): ("食品", "糖果", ""),
            ("n", "食品 > 糖果 > 硬糖"): ("食品", "糖果", ""),
            ("s", "食品 > 饮料"): ("食品", "饮料", ""),
            ("s", "食品 > 饮料 > 咖啡粉"): ("食品", "饮料", "咖啡"),
            ("s", "食品 > 糖果"): ("食品", "糖果", ""),
            ("s", "食品 > 糖果 > 硬糖"): ("食品", "糖果", ""),
        }


def test_one_shops_equal_names_in_one_class_are_one_label() -> None:
    found = align(
        [category("n", "女装", "外套"), category("n", "男装", "外套"), category("s", "服装", "外套")],
        {},
        first_level={"女装": "服装", "男装": "服装"},
    )
    assert {row[0] for row in rows(found, "sub_class_id") if row[0] != -1} == {0}
    assert found.filter(pa.compute.equal(found["source"], "s"))["partner"].to_pylist() == ["女装", "女装 > 外套"]


def test_name_of_more_products_wins_then_the_smaller_name() -> None:
    titles = {category("n", "食品", "饮料"): COFFEE, category("s", "食品", "饮料饮品"): COFFEE}
    for products, name in ((2, "饮料"), (1, "饮料"), (3, "饮料饮品")):
        sizes = {category("n", "食品", "饮料"): 2, category("s", "食品", "饮料饮品"): products}
        assert set(align(titles, titles, sizes=sizes)["sub_class_name"].to_pylist()) == {"", name}


def test_titles_of_descendants_represent_a_category() -> None:
    titles = {
        category("n", "食品", "饮料", "热饮"): COFFEE,
        category("n", "食品", "饮料", "冷饮"): TEA,
        category("s", "食品", "饮料饮品"): [*COFFEE, *TEA],
    }
    found = align(titles, titles)
    assert found["s_content"].to_pylist()[1] == pytest.approx(1.0)


def test_ids_stay_when_shops_and_categories_are_added() -> None:
    old = [category("n", "食品", "咖啡"), category("n", "食品", "糖果"), category("n", "玩具", "积木")]
    first = align(old, {})
    grown = [*old, category("a", "书", "小说"), category("a", "食品", "糖果"), category("n", "食品", "坚果")]
    second = align(grown, {}, previous=first)
    ids = {(row["source"], row["path"]): (row["class_id"], row["sub_class_id"]) for row in second.to_pylist()}
    for row in first.to_pylist():
        assert ids[row["source"], row["path"]] == (row["class_id"], row["sub_class_id"])
    assert ids["a", "书 > 小说"] == (2, 3)
    assert ids["a", "食品 > 糖果"] == ids["n", "食品 > 糖果"]
    assert ids["n", "食品 > 坚果"] == (1, 4)
    assert align(grown, {}, previous=second).equals(second)


def test_order_of_input_does_not_matter() -> None:
    titles = {category(source, "食品", name): COFFEE for source in "cab" for name in ("饮料", "饮品", "饮料饮品")}
    backwards = dict(reversed(titles.items()))
    assert align(titles, titles).equals(align(backwards, backwards))


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ((), "no_category"),
        (("食品", " "), "empty_name"),
        (("", "食品"), "empty_name"),
        (("长" * 101,), "long_name"),
        (("长" * 100_000,), "long_name"),
        (("食品 > 咖啡",), "bad_name"),
        (("食品", "咖啡", "食品"), "cyclic_path"),
    ],
)
def test_unsound_paths_are_named_and_refused(path: tuple[str, ...], reason: str) -> None:
    found = fault(path)
    assert found is not None
    assert found[0] == reason
    with pytest.raises(DataError, match=rf"align: 1 invalid category paths: shop: .*\({reason}: "):
        align([("shop", path)], {})


@pytest.mark.parametrize("path", [("食品",), ("食品", "食品", "咖啡"), ("长" * 100,), ("a>b",)])
def test_ragged_and_repeated_paths_are_sound(path: tuple[str, ...]) -> None:
    assert fault(path) is None


def test_settings_that_name_nothing_are_an_error() -> None:
    with pytest.raises(
        SettingsError, match=r"name no category: first_level\.s:食品, first_level\.玩具, third_level\.糖果\."
    ):
        align(
            [category("n", "食品", "咖啡")],
            {},
            first_level={"s:食品": "食品", "玩具": "玩具", "n:食品": "吃的"},
            third_level=("糖果", "吃的 > 咖啡", "咖啡"),
        )


def test_wrong_settings_are_an_error() -> None:
    with pytest.raises(SettingsError, match="align: rule: Input should be 'mep3m' or 'learned', not 'guess'"):
        align([], {}, rule="guess")
    with pytest.raises(SettingsError, match="align: labels: Extra inputs are not permitted, not 3"):
        align([], {}, labels=3)


def test_no_categories_make_an_empty_map() -> None:
    assert align([], {}).equals(TABLES["label_map"].schema.empty_table())


def slow_pairs(titles: Mapping[Category, Sequence[str]]) -> set[tuple[Category, Category]]:
    """Return the pairs that the published rule accepts, comparing every pair."""
    accepted = set()
    for one, other in combinations(sorted(titles), 2):
        same_class = one.path[0] == other.path[0] and one.source != other.source
        labelled = label_similarity(one.path[1], other.path[1])
        alike = content_similarity(titles[one], titles[other]) > 0.75
        if same_class and (labelled == 1 or (labelled >= 0.5 and alike)):
            accepted.add((one, other))
    return accepted


@given(
    st.dictionaries(
        st.builds(
            lambda source, top, name: Category(source, (top, name)),
            st.sampled_from("ab"),
            st.sampled_from(["食品", "家居"]),
            st.sampled_from(["咖啡", "咖啡/奶茶", "奶茶", "奶茶粉", "饮料", "饮料饮品"]),
        ),
        st.lists(st.sampled_from([*COFFEE, *TEA, *SOAP]), max_size=4),
    )
)
@settings(max_examples=60, deadline=None)
def test_accepted_pairs_are_those_of_a_plain_loop(titles: dict[Category, list[str]]) -> None:
    hierarchy = build_hierarchy(titles, titles, {}, AlignSettings())
    found = {(judged.pair.a.own[0], judged.pair.b.own[0]) for judged in hierarchy.judged if judged.outcome != "apart"}
    assert found == slow_pairs(titles)


def test_tables_of_products_are_aligned_like_their_categories_and_titles() -> None:
    titles = {category("n", "食品", "咖啡"): COFFEE, category("s", "食品", "咖啡/奶茶"): [*COFFEE, "奶茶"]}
    rows = [
        {"source": one.source, "category": list(one.path), "caption": title}
        for one, captions in titles.items()
        for title in captions
    ]
    products = pa.Table.from_pylist(rows)
    for table in (products, products.to_pandas()):
        assert align(table, table).equals(align(titles, titles))
    with pytest.raises(DataError, match="titles: missing columns caption"):
        align(products, products.drop_columns(["caption"]))


def test_content_terms_choose_the_vectors_of_titles() -> None:
    titles = {category("n", "食品", "咖啡"): COFFEE, category("s", "食品", "咖啡"): [*COFFEE, "咖啡 咖啡"]}
    scores = {
        terms: align(titles, titles, content_terms=terms)["s_content"].to_pylist()[1]
        for terms in ("counts", "binary", "simtext")
    }
    assert scores["simtext"] == pytest.approx(scores["binary"], abs=1e-9)
    one, other = titles.values()
    assert scores["counts"] == content_similarity(one, other)
    assert scores["counts"] < scores["binary"]


def test_spellings_of_one_name_are_one_label() -> None:
    spelled = ("Sneakers", "sneakers", "ＳＮＥＡＫＥＲＳ", " SNEAKERS")
    categories = [(source, ("Shoes", name)) for source in ("one", "two") for name in spelled]
    categories += [("one", ("shoes", "運動鞋")), ("two", ("SHOES", "运动鞋"))]
    titles = {Category(*category): [f"canvas shoe {place}"] for place, category in enumerate(categories)}
    found = align(categories, titles, same_names_join=True).to_pylist()
    assert len({row["class_id"] for row in found}) == 1
    assert len({row["sub_class_id"] for row in found if row["sub_class_name"]}) == 2


@pytest.mark.parametrize("category", [("one", ("A", None)), (None, ("A",)), ("one", (None,))])
def test_a_name_that_is_none_is_one_line(category: tuple[Any, Any]) -> None:
    with pytest.raises(DataError, match=r"^align: 1 categories have a source or a name that is no text"):
        align([category], {})
