"""Invariants of splits, for any catalogue and recipe."""

import json
import random
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import pyarrow as pa
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from core.errors import RecipeError
from splits import Recipe, build
from splits.certificate import certify
from splits.recipe import Retrieval, Sample, sizes_of
from splits.splits_stage import Draw, read_source
from tests.splits.drawn import pairs, recipes, soften, things
from tests.splits.synthetic import NOON, Pair, Thing, catalogue, connect, record, stored, usable


def _examples(number: int) -> settings:
    """Return settings for ``number`` examples, or for as many as the profile ``search`` sets."""
    searched = settings().max_examples
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(max_examples=searched if searched > _USUAL else number, suppress_health_check=checks)


_USUAL = settings.get_profile("default").max_examples


@dataclass(frozen=True)
class Case:
    """A catalogue, a recipe that it satisfies, and its splits."""

    found: list[Thing]
    judged: list[Pair]
    recipe: Recipe
    table: pa.Table

    @property
    def rows(self) -> list[dict[str, Any]]:
        return list(self.table.to_pylist())


def _build(found: list[Thing], judged: list[Pair], recipe: Recipe) -> pa.Table | None:
    try:
        return build(catalogue(found, judged, recipe.require), recipe, seed=3)
    except RecipeError:
        return None


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a catalogue and a recipe that sets numbers or, if the catalogue is too small for them, shares."""
    found = draw(things())
    judged, recipe = draw(pairs(found)), draw(recipes())
    table = _build(found, judged, recipe)
    event(f"numbers hold: {table is not None}")
    if table is None:
        recipe = soften(recipe)
        table = build(catalogue(found, judged, recipe.require), recipe, seed=3)
    return Case(found, judged, recipe, table)


@given(cases())
@_examples(90)
def test_splits_keep_every_promise(case: Case) -> None:
    _assert_every_product_is_in_one_split_unless_the_recipe_lets_them_overlap(case)
    _assert_nothing_straddles_train_and_evaluation(case)
    _assert_splits_have_the_sizes_that_the_recipe_gives(case)
    _assert_queries_have_matches_and_distractors_none(case)
    _assert_the_truth_of_fine_retrieval_is_what_was_judged_the_same(case)
    _assert_what_is_separated_stays_apart(case)
    _assert_near_duplicates_are_left_out_where_the_recipe_says_so(case)
    _assert_queries_come_from_the_categories_that_the_recipe_allows(case)
    _assert_a_subset_lies_inside_and_has_every_class_that_fits(case)
    _assert_samples_show_the_image_that_the_recipe_chooses(case)


@given(cases())
@_examples(18)
def test_the_certificate_finds_nothing_wrong(case: Case) -> None:
    _assert_certified(case)


def test_a_product_without_a_label_is_not_replaced_by_its_near_duplicate() -> None:
    found = [
        Thing("s:00", group="s:00", held=True),
        Thing("s:01", group="s:01", held=True),
        Thing("s:02", group="s:01", held=True),
        Thing("s:12", group="s:00", held=True, category=-1),
    ]
    judged = [("s:12", "s:01", "matched"), ("s:01", "s:02", "matched")]
    fine = {"kind": "retrieval", "query": "q", "gallery": "g", "truth": "match", "size": {"share": 0.9}}
    recipe = Recipe.model_validate_json(json.dumps({"name": "drawn", "splits": [fine | {"queries": {"share": 0.4}}]}))
    case = Case(found, judged, recipe, build(catalogue(found, judged, recipe.require), recipe, seed=3))
    labels = {row["product_id"]: row["label"] for row in case.rows if row["label_level"] == "match"}
    assert labels["s:01"] == labels["s:02"] == "s:01"
    _assert_certified(case)


def _assert_certified(case: Case) -> None:
    """Assert that the stage, which reads the stored tables, builds the same splits, and that the certificate holds."""
    tables = stored(case.found, case.judged)
    if "label" not in case.recipe.require or len(tables["labels"]):  # otherwise the stage asks for the alignment first
        with closing(connect(tables)) as connection:
            source = read_source(connection, case.recipe, Draw(0.5, "salt", 2))
        assert build(source.catalogue, case.recipe, seed=3).equals(case.table)
    with closing(connect(tables | record(case.table, case.recipe, 3))) as connection:
        certificate = certify(connection, case.recipe, 3, 1, {})
    assert [check for check in certificate.checks if not check.ok] == []


@given(things(), st.data(), recipes(), st.randoms(use_true_random=False))
@_examples(25)
def test_the_order_of_rows_means_nothing(
    found: list[Thing], data: st.DataObject, recipe: Recipe, shuffler: random.Random
) -> None:
    judged, soft = data.draw(pairs(found)), soften(recipe)
    first = _build(found, judged, soft)
    second = _build(shuffler.sample(found, len(found)), shuffler.sample(judged, len(judged)), soft)
    assert first is not None
    assert first.equals(second)
    names = list(zip(first["split"].to_pylist(), first["product_id"].to_pylist(), strict=True))
    assert names == sorted(names)


def _assert_every_product_is_in_one_split_unless_the_recipe_lets_them_overlap(case: Case) -> None:
    places: dict[str, list[str]] = {t.id: [] for t in usable(case.found, case.recipe.require)}
    for row in case.rows:
        places[row["product_id"]].append(row["split"])
    for splits in places.values():
        assert splits, "in no split"
        assert len(splits) == len(set(splits))
        assert all(frozenset(two) in case.recipe.overlaps for two in combinations(splits, 2))


def _assert_nothing_straddles_train_and_evaluation(case: Case) -> None:
    clusters = _clusters(case.found, case.judged)
    held = {t.id for t in case.found if t.held}
    sides: dict[str, set[str]] = {}
    for row in case.rows:
        sides.setdefault(row["product_id"], set()).add(case.recipe.sides.get(row["split"], "none"))
    for product, own in sides.items():
        if "train" in own:
            assert not clusters[product] & held
            assert not any("evaluation" in sides.get(other, ()) for other in clusters[product])
        assert product in held or "evaluation" not in own


def _assert_splits_have_the_sizes_that_the_recipe_gives(case: Case) -> None:
    counts = Counter(row["split"] for row in case.rows)
    for block in case.recipe.splits:
        for split, size in sizes_of(block):
            assert counts[split] == size.number or (size.number is None and counts[split] >= size.least)


def _assert_queries_have_matches_and_distractors_none(case: Case) -> None:
    clusters = _clusters(case.found, case.judged)
    category = {t.id: str(t.category) for t in case.found}
    for block in case.recipe.splits:
        if not isinstance(block, Retrieval):
            continue
        asked = {row["product_id"]: row["label"] for row in case.rows if row["split"] == block.query}
        gallery = [row for row in case.rows if row["split"] == block.gallery]
        right = {row["label"] for row in gallery if row["role"] == "gallery"}
        assert right <= set(asked.values())
        assert not block.need_match or right == set(asked.values())
        for row in gallery:
            if row["role"] == "distractor":
                assert row["label"] is None
                assert block.truth == "match" or category[row["product_id"]] not in asked.values()
                assert block.truth == "category" or not clusters[row["product_id"]] & asked.keys()


def _assert_the_truth_of_fine_retrieval_is_what_was_judged_the_same(case: Case) -> None:
    names = _truth(case)
    for block in case.recipe.splits:
        if isinstance(block, Retrieval) and block.truth == "match":
            rows = [row for row in case.rows if row["split"] in (block.query, block.gallery)]
            labels = {row["product_id"]: row["label"] for row in rows if row["role"] != "distractor"}
            assert labels == {product: names.get(product) for product in labels}


def _assert_what_is_separated_stays_apart(case: Case) -> None:
    separate, facts = case.recipe.separate, {t.id: t for t in case.found}
    sides = [(case.recipe.sides.get(row["split"]), facts[row["product_id"]]) for row in case.rows]
    if separate.merchant:
        trained = {thing.merchant for side, thing in sides if side == "train"}
        judged = {thing.merchant for side, thing in sides if side == "evaluation"}
        assert trained & judged <= {None}
    if separate.time is not None:
        days = (separate.time - NOON).total_seconds() / 86_400
        assert all(thing.day < days for side, thing in sides if side == "train")
        assert all(thing.day >= days for side, thing in sides if side == "evaluation")


def _assert_near_duplicates_are_left_out_where_the_recipe_says_so(case: Case) -> None:
    for block in case.recipe.splits:
        if isinstance(block, Retrieval) and block.near_duplicates == "remove":
            asked = {row["group_id"] for row in case.rows if row["split"] == block.query}
            assert not asked & {row["group_id"] for row in case.rows if row["split"] == block.gallery}


def _assert_queries_come_from_the_categories_that_the_recipe_allows(case: Case) -> None:
    inside = usable(case.found, case.recipe.require)
    sizes, facts = Counter(t.category for t in inside), {t.id: t for t in inside}
    for block in case.recipe.splits:
        if not isinstance(block, Retrieval):
            continue
        asked = [facts[row["product_id"]] for row in case.rows if row["split"] == block.query]
        assert all(sizes[thing.category] >= block.min_category for thing in asked if block.min_category > 1)
        assert block.categories == "all" or all(thing.parent == 0 for thing in asked)


def _assert_a_subset_lies_inside_and_has_every_class_that_fits(case: Case) -> None:
    facts = {t.id: t.category for t in case.found}
    for block in case.recipe.splits:
        if not isinstance(block, Sample) or block.inside is None:
            continue
        inside = {row["product_id"] for row in case.rows if row["split"] == block.name}
        whole = {row["product_id"] for row in case.rows if row["split"] == block.inside}
        assert inside <= whole
        classes = {facts[product] for product in whole}
        if block.stratify and len(inside) >= len(classes):
            assert {facts[product] for product in inside} == classes


def _assert_samples_show_the_image_that_the_recipe_chooses(case: Case) -> None:
    images = {t.id: t.images for t in case.found}
    for row in case.rows:
        own = images[row["product_id"]]
        if case.recipe.image == "main" or not own:
            assert row["image_position"] == (own[0] if own else -1)
        else:
            assert row["image_position"] in own


def _truth(case: Case) -> Mapping[str, str]:
    """Return product -> smallest usable product that is judged the same, by brute force.

    A dropped duplicate is represented by the only kept product of its group. Clusters of matches
    that contain a mismatched pair are left out.
    """
    stand_in = {}
    for t in case.found:
        kept = [o.id for o in case.found if o.kept and o.group_id == t.group_id]
        stand_in[t.id] = kept[0] if len(kept) == 1 and not t.kept else t.id
    pairs = [(stand_in[a], stand_in[b], d) for a, b, d in case.judged if a in stand_in and b in stand_in]
    pairs = [(a, b, decision) for a, b, decision in pairs if a != b]
    same = {name: frozenset((name,)) for a, b, decision in pairs if decision == "matched" for name in (a, b)}
    for _ in case.found:
        for a, b, decision in pairs:
            if decision == "matched":
                union = same[a] | same[b]
                same |= dict.fromkeys(union, union)
    disputed = {
        name for a, b, decision in pairs if decision == "mismatched" for name in same.get(a, ()) if b in same[a]
    }
    inside = {t.id for t in usable(case.found, case.recipe.require)}
    return {name: min(same[name] & inside) for name in same.keys() & inside if name not in disputed}


def _clusters(found: list[Thing], judged: list[Pair]) -> Mapping[str, frozenset[str]]:
    """Return product -> all products to which groups and matches connect it, by brute force."""
    groups = {t.id: t.group_id for t in found}
    clusters = {t.id: frozenset(o.id for o in found if o.group_id == t.group_id) for t in found}
    for _ in found:
        for query, other, decision in judged:
            if decision == "matched" and query in groups and other in groups:
                union = clusters[query] | clusters[other]
                clusters |= {name: clusters[name] | union for name in union}
    return clusters
