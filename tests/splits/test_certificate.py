"""Every planted leak is found and named; sound splits pass."""

import json
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from splits import Certificate, Recipe, build, parse_recipe
from splits.builder import SCHEMA
from splits.certificate import certify
from storage.tables import TABLES
from tests.splits.synthetic import Pair, Thing, catalogue, connect, record, stored

RECIPE = """
name = "small"
[separate]
merchant = true
yields = "train"

[[splits]]
kind = "retrieval"
query = "query-fg"
gallery = "gallery-fg"
truth = "match"
queries = { number = 2 }
size = { number = 6 }
near_duplicates = "remove"

[[splits]]
kind = "retrieval"
query = "query-c"
gallery = "gallery-c"
truth = "category"
queries = { number = 2 }
size = { number = 8 }
matched = { number = 4 }
min_category = 3

[[splits]]
kind = "sample"
name = "train"
size = { number = 20 }

[[splits]]
kind = "sample"
name = "subset"
inside = "train"
size = { number = 5 }

[[splits]]
kind = "classification"
train = "learn"
test = "exam"
train_size = { number = 6 }
test_size = { number = 3 }
categories = 3
overlaps = ["train", "subset", "query-c", "gallery-c", "query-fg", "gallery-fg"]
"""

SEED = 5
THINGS = [
    *(Thing(f"h:{n:02}", held=True, category=n % 5, images=(0, 1), merchant=f"judge{n % 7}") for n in range(40)),
    *(Thing(f"t:{n:02}", category=n % 5, images=(1, 2), merchant=f"train{n % 7}") for n in range(40)),
]
PAIRS: list[Pair] = [("h:00", "h:01", "matched"), ("h:02", "h:03", "matched"), ("h:02", "h:30", "undecided")]

Row = dict[str, Any]
Change = Callable[[list[Row]], None]


def _recipe() -> Recipe:
    return parse_recipe(RECIPE, "small.toml")


def _rows() -> list[Row]:
    return list(build(catalogue(THINGS, PAIRS), _recipe(), SEED).to_pylist())


def _certify(
    rows: list[Row], things: list[Thing] = THINGS, pairs: list[Pair] = PAIRS, more: Mapping[str, pa.Table] | None = None
) -> Certificate:
    """Certify rows as if the builder had made them, so that their digest does not give them away."""
    ordered = sorted(rows, key=lambda row: (row["split"], row["product_id"]))
    table = pa.Table.from_pylist(ordered, schema=SCHEMA)
    tables = stored(things, pairs) | record(table, _recipe(), SEED) | dict(more or {})
    with closing(connect(tables)) as connection:
        return certify(connection, _recipe(), SEED, 9, {"splits": 4})


def _failed(certificate: Certificate) -> dict[str, str]:
    return {check.name: check.detail for check in certificate.checks if not check.ok}


def _first(rows: list[Row], split: str, role: str | None = None) -> Row:
    return next(row for row in rows if row["split"] == split and role in {None, row["role"]})


def test_sound_splits_pass_every_check() -> None:
    certificate = _certify(_rows())
    assert _failed(certificate) == {}
    assert certificate.ok
    assert [check.name for check in certificate.checks] == [
        "recipe",
        "content",
        "order",
        "catalogue",
        "names",
        "conservation",
        "disjoint",
        "group_names",
        "groups",
        "gtins",
        "matches",
        "tasks",
        "reserve",
        "evaluation",
        "inside:subset",
        "merchants",
        "labels",
        "roles",
        "images",
        "queries:query-fg",
        "matched:gallery-fg",
        "distractors:gallery-fg",
        "near_duplicates:gallery-fg",
        "queries:query-c",
        "matched:gallery-c",
        "distractors:gallery-c",
        "size:query-fg",
        "size:gallery-fg",
        "size:query-c",
        "size:gallery-c",
        "matched_size:gallery-c",
        "min_category:query-c",
        "size:train",
        "size:subset",
        "size:learn",
        "size:exam",
        "coverage:exam",
        "categories:exam",
    ]
    assert (certificate.seed, certificate.version, certificate.tables) == (SEED, 9, {"splits": 4})
    summary = {split.split: split for split in certificate.splits}
    assert (summary["gallery-c"].matched, summary["gallery-c"].distractors) == (4, 4)
    assert [(one.reason, one.products) for one in certificate.exclusions] == [("size", 40)]


def _copy(source: str, target: str) -> Change:
    return lambda rows: rows.append(_first(rows, source) | {"split": target, "role": _first(rows, target)["role"]})


def _set(place: str, **values: object) -> Change:
    def change(rows: list[Row]) -> None:
        split, _, role = place.partition("/")
        _first(rows, split, role or None).update(values)

    return change


def _drop(split: str) -> Change:
    return lambda rows: rows.remove(_first(rows, split))


def _drop_matches(rows: list[Row]) -> None:
    label = _first(rows, "query-c")["label"]
    for row in rows:
        if row["split"] == "gallery-c" and row["label"] == label:
            row["split"] = "unused"
            row["role"] = "sample"


def _distract(split: str) -> Change:
    return _set(f"{split}/gallery", role="distractor", label=None)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (_copy("train", "query-c"), {"disjoint", "groups", "matches", "evaluation", "merchants", "size:query-c"}),
        (_copy("gallery-c", "train"), {"disjoint", "groups", "matches", "reserve", "merchants", "size:train"}),
        (_copy("gallery-c", "gallery-fg"), {"disjoint", "tasks", "size:gallery-fg"}),
        (_copy("train", "unused"), {"disjoint"}),
        (_set("train", split="elsewhere"), {"names", "size:train"}),
        (_drop("unused"), {"conservation"}),
        (_drop_matches, {"queries:query-c", "size:gallery-c", "matched_size:gallery-c"}),
        (_distract("gallery-c"), {"distractors:gallery-c", "matched_size:gallery-c"}),
        (_distract("gallery-fg"), {"distractors:gallery-fg", "queries:query-fg"}),
        (_set("train", label="99"), {"labels"}),
        (_set("train", label_level="class"), {"labels"}),
        (_set("query-fg", label="h:39"), {"labels", "queries:query-fg", "matched:gallery-fg"}),
        (_set("train", role="gallery"), {"roles"}),
        (_set("train", image_position=0), {"images"}),
        (_set("train", group_id="t:99"), {"group_names"}),
        (_set("train", product_id="t:99", group_id="t:99"), {"catalogue", "conservation", "group_names", "labels"}),
        (_set("exam", split="unused"), {"size:exam", "disjoint"}),
    ],
)
def test_a_planted_row_is_found(change: Change, found: set[str]) -> None:
    rows = _rows()
    change(rows)
    failed = set(_failed(_certify(rows)))
    assert found <= failed


def test_the_wrong_row_is_named() -> None:
    rows = _rows()
    row = _first(rows, "train")
    rows.append(row | {"split": "unused"})
    failed = _failed(_certify(rows))
    assert f"1 wrong: {row['product_id']} in train and unused" in failed["disjoint"]


def test_a_subset_must_lie_inside_train() -> None:
    rows = _rows()
    taken = {row["product_id"] for row in rows if row["split"] == "train"}
    row = next(row for row in rows if row["split"] == "unused" and row["product_id"] not in taken)
    row["split"] = "subset"
    assert f"1 wrong: {row['product_id']} in subset" in _failed(_certify(rows))["inside:subset"]


def test_a_duplicate_group_over_both_sides_is_found() -> None:
    rows = _rows()
    judged, trained = _first(rows, "gallery-c")["product_id"], _first(rows, "train")["product_id"]
    things = [replace(t, group=judged) if t.id in {judged, trained} else t for t in THINGS]
    for row in rows:
        row["group_id"] = judged if row["product_id"] == trained else row["group_id"]
    failed = _failed(_certify(rows, things))
    assert {"groups", "matches", "reserve"} == set(failed)
    assert f"group {judged}: {trained} in " in failed["groups"]


def test_a_match_over_both_sides_is_found_even_by_way_of_a_third_product() -> None:
    rows = _rows()
    judged, trained = _first(rows, "gallery-c")["product_id"], _first(rows, "train")["product_id"]
    extra = Thing("x:00", category=-1)
    pairs = [*PAIRS, (judged, "x:00", "matched"), ("x:00", trained, "matched")]
    failed = _failed(_certify(rows, [*THINGS, extra], pairs))
    assert {"matches", "reserve"} <= set(failed)
    assert f"{trained} in " in failed["matches"]


def test_an_undecided_pair_between_query_and_distractor_is_found() -> None:
    rows = _rows()
    query, other = _first(rows, "query-fg")["product_id"], _first(rows, "gallery-fg", "distractor")["product_id"]
    failed = _failed(_certify(rows, pairs=[*PAIRS, (other, query, "undecided")]))
    assert list(failed) == ["distractors:gallery-fg"]
    assert other in failed["distractors:gallery-fg"]


def test_a_near_duplicate_of_a_query_in_its_gallery_is_found() -> None:
    rows = _rows()
    query, other = _first(rows, "query-fg")["product_id"], _first(rows, "gallery-fg", "gallery")["product_id"]
    things = [replace(t, group=query) if t.id in {query, other} else t for t in THINGS]
    for row in rows:
        row["group_id"] = query if row["product_id"] == other else row["group_id"]
    assert set(_failed(_certify(rows, things))) == {"near_duplicates:gallery-fg"}


def test_a_label_that_changed_since_is_found() -> None:
    rows = _rows()
    trained = _first(rows, "train")["product_id"]
    things = [replace(t, category=44) if t.id == trained else t for t in THINGS]
    assert "labels" in _failed(_certify(rows, things))


def test_a_changed_row_is_found_by_its_digest_alone() -> None:
    table = pa.Table.from_pylist(_rows(), schema=SCHEMA)
    rows = table.to_pylist()
    row = _first(rows, "train")
    same = next(
        other
        for other in rows
        if other["split"] == "unused" and other["label"] == row["label"] and other["product_id"].startswith("t:")
    )
    row["split"], same["split"] = same["split"], row["split"]
    changed = pa.Table.from_pylist(sorted(rows, key=lambda row: (row["split"], row["product_id"])), schema=SCHEMA)
    tables = stored(THINGS, PAIRS) | record(table, _recipe(), SEED)
    tables["splits"] = record(changed, _recipe(), SEED)["splits"]
    with closing(connect(tables)) as connection:
        failed = _failed(certify(connection, _recipe(), SEED, 1, {}))
    assert failed["content"].startswith("rows differ from those that were built in train (20 rows built, 20")


def test_rows_out_of_order_are_found() -> None:
    table = pa.Table.from_pylist(_rows(), schema=SCHEMA)
    tables = stored(THINGS, PAIRS) | record(table, _recipe(), SEED)
    tables["splits"] = tables["splits"].take([1, 0, *range(2, len(table))])
    with closing(connect(tables)) as connection:
        failed = _failed(certify(connection, _recipe(), SEED, 1, {}))
    assert list(failed) == ["order"]


def test_another_recipe_or_seed_than_was_built_is_found() -> None:
    table = pa.Table.from_pylist(_rows(), schema=SCHEMA)
    tables = stored(THINGS, PAIRS) | record(table, _recipe(), SEED)
    with closing(connect(tables)) as connection:
        assert list(_failed(certify(connection, _recipe(), SEED + 1, 1, {}))) == ["recipe"]
    without = tables | {"recipes": TABLES["recipes"].schema.empty_table()}
    with closing(connect(without)) as connection:
        failed = _failed(certify(connection, _recipe(), SEED, 1, {}))
    assert failed == {"recipe": "the table recipes has 0 rows for small, instead of one"}


def test_what_the_reserve_costs_is_counted_and_named() -> None:
    pairs: list[Pair] = [*PAIRS, ("h:05", "t:00", "matched"), ("h:05", "t:01", "matched")]
    things = [replace(t, group="h:06") if t.id == "t:02" else t for t in THINGS]
    rows = list(build(catalogue(things, pairs), _recipe(), SEED).to_pylist())
    certificate = _certify(rows, things, pairs)
    assert _failed(certificate) == {}
    exclusions = {one.reason: (one.products, one.examples) for one in certificate.exclusions}
    assert exclusions["group"] == (1, ("t:02",))
    assert exclusions["match"] == (2, ("t:00", "t:01"))


def test_merchants_on_both_sides_are_counted() -> None:
    things = [replace(t, merchant="both") if t.id in {"h:05", "t:00", "t:01"} else t for t in THINGS]
    rows = list(build(catalogue(things, PAIRS), _recipe(), SEED).to_pylist())
    certificate = _certify(rows, things)
    assert _failed(certificate) == {}
    exclusions = {one.reason: set(one.examples) for one in certificate.exclusions}
    assert {"t:00", "t:01"} <= exclusions["merchant"]


def test_the_digest_is_stored_as_json() -> None:
    table = pa.Table.from_pylist(_rows(), schema=SCHEMA)
    (row,) = record(table, _recipe(), SEED)["recipes"].to_pylist()
    assert set(json.loads(row["digest"])) == {row["split"] for row in _rows()}
