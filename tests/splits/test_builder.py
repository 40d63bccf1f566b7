"""Splits that the builder makes from particular catalogues."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from core.arrow_input import ArrowStream
from core.errors import RecipeError
from splits import Catalogue, Recipe, build, load_recipe, parse_recipe
from splits.catalogue import PRODUCTS
from tests.splits.synthetic import Pair, Thing, catalogue

TRAIN = '[[splits]]\nkind = "sample"\nname = "train"\nsize = { share = 1.0 }\n'
FINE = """
[[splits]]
kind = "retrieval"
query = "query"
gallery = "gallery"
truth = "match"
"""
COARSE = FINE.replace("match", "category")
CLASSIFICATION = """
[[splits]]
kind = "classification"
train = "learn"
test = "exam"
"""


def recipe(text: str) -> Recipe:
    return parse_recipe('name = "tried"\n' + text, "tried.toml")


def rows(things: list[Thing], text: str, pairs: list[Pair] | None = None, seed: int = 1) -> list[dict[str, Any]]:
    return list(build(catalogue(things, pairs or []), recipe(text), seed).to_pylist())


def members(found: list[dict[str, Any]], split: str) -> list[str]:
    return [row["product_id"] for row in found if row["split"] == split]


def held(count: int) -> list[Thing]:
    return [Thing(f"h:{n:02}", held=True) for n in range(count)]


def test_a_tiny_catalogue_gives_these_rows() -> None:
    things = [Thing("a:1", category=3), Thing("a:2", group="a:1", category=3), Thing("b:1", held=True, category=-1)]
    whole = build(catalogue(things), recipe(TRAIN), 1)
    base = {"split": "train", "role": "sample", "label": "3", "label_level": "sub_class", "group_id": "a:1"}
    assert whole.to_pylist() == [
        base | {"product_id": "a:1", "image_position": 0},
        base | {"product_id": "a:2", "image_position": 0},
        base | {"split": "unused", "product_id": "b:1", "label": None, "group_id": "b:1", "image_position": 0},
    ]


def test_another_seed_draws_others() -> None:
    things = [Thing(f"a:{n:02}") for n in range(40)]
    text = TRAIN.replace("share = 1.0", "number = 20")
    draws = [members(rows(things, text, seed=seed), "train") for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]


def test_one_product_short_is_said_with_the_shortfall() -> None:
    things = [Thing(f"a:{n}") for n in range(9)]
    assert len(members(rows(things, TRAIN.replace("share = 1.0", "number = 9")), "train")) == 9
    with pytest.raises(
        RecipeError,
        match=r"recipe tried, split train: the catalogue has 9 of the 10 products that the recipe asks for\. Add",
    ):
        rows(things, TRAIN.replace("share = 1.0", "number = 10"))


def test_a_share_is_taken_as_it_is_written() -> None:
    things = [Thing(f"a:{n:03}") for n in range(100)]
    assert len(members(rows(things, TRAIN.replace("1.0", "0.29")), "train")) == 29


def test_a_sample_is_stratified_with_one_of_each_tiny_class() -> None:
    things = [Thing(f"a:{n:03}", category=min(n, 5)) for n in range(105)]
    found = rows(things, TRAIN.replace("share = 1.0", "number = 25"))
    assert Counter(row["label"] for row in found if row["split"] == "train") == {
        "0": 1,
        "1": 1,
        "2": 1,
        "3": 1,
        "4": 1,
        "5": 20,
    }


def test_mep3m_is_eight_to_two_in_every_class() -> None:
    things = [Thing(f"a:{n:03}", held=n % 4 == 0, category=n % 3) for n in range(480)]
    table = build(catalogue(things), load_recipe("mep3m"), 1).to_pylist()
    counts = Counter((row["split"], row["label"]) for row in table)
    assert {key: counts[key] for key in counts if key[0] != "unused"} == {
        ("train", "0"): 120,
        ("train", "1"): 120,
        ("train", "2"): 120,
        ("test", "0"): 30,
        ("test", "1"): 30,
        ("test", "2"): 30,
    }


def test_a_class_that_was_never_trained_on_is_not_tested() -> None:
    things = [
        *(replace(thing, category=9) for thing in held(8)),
        Thing("a:1", category=1),
        Thing("b:1", held=True, category=1),
    ]
    table = build(catalogue(things), load_recipe("mep3m"), 1).to_pylist()
    assert members(table, "test") == ["b:1"]


def test_train_loses_what_groups_and_matches_tie_to_the_reserve() -> None:
    things = [
        Thing("h:1", held=True),
        Thing("t:1", group="h:1"),
        Thing("t:2"),
        Thing("t:3", group="t:2"),
        Thing("t:4"),
        Thing("t:5"),
    ]
    pairs: list[Pair] = [("h:1", "t:2", "matched"), ("h:1", "t:4", "mismatched")]
    found = rows(things, TRAIN, pairs)
    assert members(found, "train") == ["t:4", "t:5"]
    assert members(found, "unused") == ["h:1", "t:1", "t:2", "t:3"]


@pytest.mark.parametrize(("group", "left"), [("x:1", ["t:1", "t:3"]), ("t:1", ["t:3"])])
def test_ties_run_through_products_outside_the_catalogue(group: str, left: list[str]) -> None:
    outside = Thing("x:1", kept=False, group=group)
    things = [Thing("h:1", held=True), Thing("t:1"), Thing("t:2"), Thing("t:3"), outside]
    pairs: list[Pair] = [("h:1", "x:1", "matched"), ("x:1", "t:2", "matched")]
    assert members(rows(things, TRAIN, pairs), "train") == left


def test_duplicate_of_a_dropped_reserve_product_is_not_trained_on() -> None:
    things = [Thing("t:1"), Thing("x:1", held=True, group="t:1", kept=False), Thing("t:2")]
    assert members(rows(things, TRAIN), "train") == ["t:2"]


def test_fine_queries_are_those_whose_matches_were_asked_for() -> None:
    pairs: list[Pair] = [("h:00", f"h:{n:02}", "matched") for n in (1, 2)] + [("h:05", "h:06", "matched")]
    found = rows(held(10), FINE + "queries = { number = 2 }\nsize = { number = 6 }\n", pairs)
    assert members(found, "query") == ["h:00", "h:05"]
    gallery = [(r["product_id"], r["role"], r["label"]) for r in found if r["split"] == "gallery" and r["label"]]
    assert gallery == [("h:01", "gallery", "h:00"), ("h:02", "gallery", "h:00"), ("h:06", "gallery", "h:05")]
    assert {row["label_level"] for row in found if row["split"] == "gallery"} == {"match"}
    assert Counter(row["role"] for row in found)["distractor"] == 3
    with pytest.raises(RecipeError, match="split query: the catalogue has 2 of the 3 products"):
        rows(held(10), FINE + "queries = { number = 3 }\nsize = { number = 6 }\n", pairs)


def test_a_match_of_a_dropped_duplicate_is_one_of_its_kept_twin() -> None:
    things = [*held(3), Thing("x:1", held=True, group="h:01", kept=False)]
    pairs: list[Pair] = [("h:00", "x:1", "matched")]
    found = rows(things, FINE + "queries = { number = 1 }\nsize = { number = 1 }\n", pairs)
    assert (members(found, "query"), members(found, "gallery")) == (["h:00"], ["h:01"])


def test_products_that_contradict_each_other_are_no_queries() -> None:
    pairs: list[Pair] = [("h:00", "h:01", "matched"), ("h:01", "h:02", "matched"), ("h:02", "h:00", "mismatched")]
    with pytest.raises(RecipeError, match="split query: the catalogue has 0 of the 1 products"):
        rows(held(5), FINE + "queries = { number = 1 }\nsize = { number = 2 }\n", pairs)


def test_what_annotators_could_not_decide_is_no_distractor() -> None:
    pairs: list[Pair] = [("h:00", "h:01", "matched"), ("h:00", "h:02", "undecided"), ("h:03", "h:01", "undecided")]
    found = rows(held(6), FINE + "queries = { number = 1 }\nsize = { share = 1.0 }\n", pairs)
    assert members(found, "gallery") == ["h:01", "h:04", "h:05"]


def test_fine_distractors_come_from_the_chosen_categories_first() -> None:
    things = [replace(thing, category=n % 20) for n, thing in enumerate(held(40))]
    pairs: list[Pair] = [("h:00", "h:01", "matched")]
    text = FINE + 'queries = { number = 1 }\nsize = { number = 19 }\ncategories = ["class 0"]\n'
    found = rows(things, text, pairs)
    assert all(int(name[2:]) % 20 < 10 for name in members(found, "gallery"))
    text = FINE + 'queries = { number = 1 }\nsize = { number = 19 }\ncategories = ["class 1"]\n'
    with pytest.raises(RecipeError, match="split query: the catalogue has 0 of the 1 products"):
        rows(things, text, pairs)
    with pytest.raises(RecipeError, match="split query: the catalogue has no category 'toys' at any level"):
        rows(things, text.replace("class 1", "toys"), pairs)


def test_near_duplicates_of_a_query_are_kept_or_removed() -> None:
    things = [Thing("h:1", held=True), Thing("h:2", held=True, group="h:1"), Thing("h:3", held=True)]
    pairs: list[Pair] = [("h:1", "h:2", "matched"), ("h:1", "h:3", "matched")]
    text = FINE + "queries = { number = 1 }\nsize = { share = 1.0 }\n"
    assert members(rows(things, text, pairs), "gallery") == ["h:2", "h:3"]
    removed = rows(things, text + 'near_duplicates = "remove"\n', pairs)
    assert members(removed, "gallery") == ["h:3"]
    with pytest.raises(RecipeError, match="split query: the catalogue has 0 of the 1 products"):
        rows(things[:2], text + 'near_duplicates = "remove"\n', pairs[:1])


def test_coarse_sizes_are_exact_where_only_one_choice_of_categories_is() -> None:
    sizes = {0: 9, 1: 14, 2: 6, 3: 11}
    things = [Thing(f"h:{c}-{n:02}", held=True, category=c) for c, size in sizes.items() for n in range(size)]
    text = COARSE + "queries = { number = 3 }\nsize = { number = 37 }\nmatched = { number = 17 }\n"
    found = rows(things, text)
    counts = Counter((row["split"], row["role"]) for row in found)
    assert counts == {("query", "query"): 3, ("gallery", "gallery"): 17, ("gallery", "distractor"): 20}
    asked = {row["label"] for row in found if row["split"] == "query"}
    assert asked in ({"0", "3"}, {"1", "2"})
    with pytest.raises(RecipeError, match="split gallery: the catalogue has 37 of the 38 products"):
        rows(things, text.replace("37", "38"))


def test_coarse_says_where_matched_samples_and_distractors_do_not_both_fit() -> None:
    things = [Thing(f"h:{c}-{n:02}", held=True, category=c) for c in range(2) for n in range(10)]
    text = COARSE + "queries = { number = 2 }\nsize = { number = 15 }\nmatched = { number = 9 }\n"
    with pytest.raises(RecipeError, match="split gallery: the catalogue has 0 of the 6 distractors"):
        rows(things, text)
    with pytest.raises(RecipeError, match="split gallery: the catalogue has 8 of the 12 matched products"):
        rows(things, text.replace("number = 9 ", "number = 12 ") + 'categories = ["kind 0"]\n')


def test_only_large_categories_are_asked_for() -> None:
    things = [Thing(f"h:{n:02}", held=True, category=0 if n < 5 else 1) for n in range(9)]
    found = rows(things, COARSE + "queries = { number = 2 }\nsize = { share = 1.0 }\nmin_category = 5\n")
    assert {row["label"] for row in found if row["split"] == "query"} == {"0"}
    assert Counter(row["role"] for row in found) == {"query": 2, "gallery": 3, "distractor": 4}


def test_a_gallery_without_distractors_holds_what_is_right_alone() -> None:
    things = [Thing(f"h:{n:02}", held=True, category=0 if n < 5 else 1) for n in range(9)]
    text = COARSE + "queries = { number = 1 }\nsize = { share = 1.0 }\nmin_category = 5\ndistractors = false\n"
    found = rows(things, text)
    assert Counter(row["role"] for row in found if row["split"] == "gallery") == {"gallery": 4}


def test_queries_without_a_match_are_drawn_only_where_the_recipe_says_so() -> None:
    text = COARSE + "queries = { number = 2 }\nsize = { number = 2 }\n"
    things = [Thing(f"h:{n}", held=True, category=n) for n in range(4)]
    with pytest.raises(RecipeError, match="split query: the catalogue has 0 of the 2 products"):
        rows(things, text)
    found = rows(things, text + "need_match = false\n")
    assert Counter(row["role"] for row in found) == {"query": 2, "distractor": 2}


def test_coarse_and_fine_share_no_group() -> None:
    things = [Thing(f"h:{n:02}", held=True, group=f"h:{n // 2 * 2:02}", category=n % 2) for n in range(40)]
    pairs: list[Pair] = [("h:00", "h:02", "matched")]
    fine = FINE.replace('"query"', '"query-fg"').replace('"gallery"', '"gallery-fg"')
    text = fine + "queries = { number = 1 }\nsize = { number = 9 }\n" + COARSE
    found = rows(things, text + "queries = { number = 2 }\nsize = { share = 1.0 }\n", pairs)
    groups = {
        split: {r["group_id"] for r in found if r["split"].endswith(split)} for split in ("-fg", "query", "gallery")
    }
    assert not groups["-fg"] & (groups["query"] | groups["gallery"])
    named = rows(
        things,
        text.replace('"gallery-fg"\n', '"gallery-fg"\noverlaps = ["query", "gallery"]\n')
        + "queries = { number = 2 }\nsize = { number = 38 }\n",
        pairs,
    )
    assert len(members(named, "gallery")) == 38


def test_classification_takes_the_same_categories_from_both_sides() -> None:
    things = [Thing(f"a:{n:03}", held=n % 4 == 0, category=n % 7) for n in range(280)]
    text = TRAIN + CLASSIFICATION + "train_size = { number = 40 }\ntest_size = { number = 10 }\ncategories = 5\n"
    found = rows(things, text + 'overlaps = ["train"]\n')
    labels = {split: Counter(r["label"] for r in found if r["split"] == split) for split in ("learn", "exam")}
    assert labels["learn"].keys() == labels["exam"].keys()
    assert set(labels["learn"].values()) == {8}
    assert set(labels["exam"].values()) == {2}
    assert set(members(found, "learn")) <= set(members(found, "train"))
    with pytest.raises(RecipeError, match="split learn: the catalogue has 0 of the 40 products"):
        rows(things, text)
    with pytest.raises(RecipeError, match=r"split exam: the catalogue has \d of the 8 categories with samples"):
        rows(things, text.replace("= 5", "= 8") + 'overlaps = ["train"]\n')


def test_the_image_is_the_first_that_is_stored_or_one_at_random() -> None:
    images = [(), (2,), (1, 3, 4)]
    things = [Thing(f"a:{n:03}", images=images[n % 3]) for n in range(300)]
    main = {(n["product_id"], n["image_position"]) for n in rows(things, TRAIN)}
    assert main == {(thing.id, thing.images[0] if thing.images else -1) for thing in things}
    chosen = Counter(n["image_position"] for n in rows(things, 'image = "random"\n' + TRAIN))
    assert chosen[-1] == chosen[2] == 100
    assert chosen[1] + chosen[3] + chosen[4] == 100
    assert min(chosen.values()) > 20


@pytest.mark.parametrize(
    ("yields", "train", "test"),
    [("train", ["t:2", "t:3"], ["h:1", "h:2", "h:3"]), ("evaluation", ["t:1", "t:2", "t:3"], ["h:2", "h:3"])],
)
def test_a_merchant_on_both_sides_goes_to_one(yields: str, train: list[str], test: list[str]) -> None:
    things = [
        Thing("t:1", merchant="both"),
        Thing("t:2", merchant="one"),
        Thing("t:3"),
        Thing("h:1", held=True, merchant="both"),
        Thing("h:2", held=True, merchant="other"),
        Thing("h:3", held=True),
    ]
    text = f'[separate]\nmerchant = true\nyields = "{yields}"\n' + TRAIN
    found = rows(things, text + TRAIN.replace('"train"', '"test"\npool = "reserve"'))
    assert (members(found, "train"), members(found, "test")) == (train, test)


def test_a_shortage_says_what_the_separation_leaves() -> None:
    things = [Thing("t:1", merchant="a"), Thing("t:2", merchant="a"), Thing("h:1", held=True, merchant="a")]
    with pytest.raises(
        RecipeError, match=r"asks for\. Of its 3 products, separate leaves 0 to train and 1 held out\. Add"
    ):
        rows(things, "[separate]\nmerchant = true\n" + TRAIN)


def test_drawn_merchants_are_judged_in_proportion() -> None:
    things = [Thing(f"a:{n:04}", held=n % 2 == 0, merchant=f"m{n // 4}") for n in range(4000)]
    text = '[separate]\nmerchant = true\nyields = "draw"\nshare = 0.3\n' + TRAIN
    found = rows(things, text + TRAIN.replace('"train"', '"test"\npool = "reserve"'))
    sizes = Counter(row["split"] for row in found)
    assert abs(sizes["test"] / 2000 - 0.3) < 0.05
    assert sizes["train"] + sizes["test"] == 2000


def test_time_cuts_train_from_evaluation() -> None:
    things = [Thing(f"a:{n}", held=n % 2 == 0, day=n) for n in range(8)]
    text = "[separate]\ntime = 2026-01-05T00:00:00Z\n" + TRAIN
    found = rows(things, text + TRAIN.replace('"train"', '"test"\npool = "reserve"'))
    assert (members(found, "train"), members(found, "test")) == (["a:1", "a:3"], ["a:4", "a:6"])


def test_a_catalogue_says_which_column_is_wrong() -> None:
    products = catalogue([Thing("a:1")]).products
    with pytest.raises(RecipeError, match=r"catalogue\.products\.held_out must be of type bool; it is missing"):
        Catalogue(products.drop_columns("held_out"))
    wrong = products.set_column(0, "product_id", pa.array([1]))
    with pytest.raises(RecipeError, match=r"catalogue\.products\.product_id must be of type string; it is int64"):
        Catalogue(wrong)
    with pytest.raises(RecipeError, match=r"catalogue\.products\.merchant: the recipe separates by this column"):
        build(Catalogue(products.drop_columns("merchant")), recipe("[separate]\nmerchant = true\n" + TRAIN), 1)


def test_a_list_is_no_catalogue() -> None:
    with pytest.raises(RecipeError, match=r"catalogue\.products: this is not a table that Arrow can read"):
        Catalogue([["shop:1"]])  # type: ignore[arg-type]


def test_a_product_twice_in_a_catalogue_is_refused() -> None:
    with pytest.raises(RecipeError, match="product_id 'a:1' occurs more than once"):
        rows([Thing("a:1"), Thing("a:1")], TRAIN)


@pytest.mark.parametrize("convert", [pa.Table.to_pandas, duckdb.from_arrow])
def test_a_catalogue_takes_the_tables_of_other_libraries(convert: Callable[[pa.Table], ArrowStream]) -> None:
    given = catalogue([Thing(f"a:{n:02}", held=n < 8) for n in range(20)], [("a:00", "a:01", "matched")])
    wanted = recipe(TRAIN)
    tables = (given.products, given.matches, given.outside, given.categories)
    assert build(Catalogue(*map(convert, tables)), wanted, 1).equals(build(given, wanted, 1))


@pytest.mark.parametrize("column", ["product_id", "group_id", "held_out"])
def test_rows_that_name_no_product_are_refused(column: str) -> None:
    rows = [{"product_id": f"s:{n}", "group_id": f"s:{n}", "held_out": False, "images": []} for n in range(3)]
    products = pa.Table.from_pylist([{**row, column: None} if n else row for n, row in enumerate(rows)], PRODUCTS)
    with pytest.raises(RecipeError, match=rf"catalogue\.products\.{column} is null in 2 rows"):
        Catalogue(products)
