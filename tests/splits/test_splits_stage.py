"""The stage reads the tables, decides the reserve, and writes splits with a record of how they were made."""

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from core.errors import MissingInputError, RecipeError, SettingsError
from splits import stored_recipes, verify
from splits.settings import SplitSettings
from splits.splits_stage import run
from storage import Store
from tests.splits.conftest import Fill
from tests.splits.synthetic import Thing, stored

DEMO = SplitSettings(recipe="demo", seed=7)

THINGS = [Thing(f"shop:{n:03}", category=n % 5, images=(0, 2), merchant=f"m{n % 40}") for n in range(200)]
PAIRS = [(f"shop:{n:03}", f"shop:{n + 100:03}", "matched") for n in range(60)]


def tables(things: list[Thing] = THINGS) -> dict[str, pa.Table]:
    found = stored(things, PAIRS)
    return {name: table for name, table in found.items() if name != "reserve"}


def splits_of(store: Store, recipe: str = "demo") -> list[dict[str, object]]:
    return list(store.snapshot().sql(f"SELECT * FROM splits WHERE recipe = '{recipe}' ORDER BY ALL").to_pylist())


def test_a_run_fills_every_split_and_its_certificate_holds(fill: Fill) -> None:
    store = fill(tables())
    report = run(store, DEMO)
    assert (report.read, report.kept, report.dropped) == (200, 200, {})
    counts = store.snapshot().sql("SELECT split, count(*) AS n FROM splits GROUP BY 1 ORDER BY 1").to_pydict()
    assert counts["split"] == [
        "classification-test",
        "classification-train",
        "gallery-c",
        "gallery-fg",
        "query-c",
        "query-fg",
        "subset",
        "train",
        "unused",
    ]
    (made,) = stored_recipes(store.snapshot())
    certificate = verify(store.snapshot(), made.recipe, made.seed)
    assert [check for check in certificate.checks if not check.ok] == []
    assert (made.recipe.name, made.seed, certificate.version) == ("demo", 7, 2)


def test_a_second_run_does_nothing(fill: Fill) -> None:
    store = fill(tables())
    first = run(store, DEMO)
    assert run(store, DEMO) == replace(first, unchanged=True)
    assert store.snapshot().number == 2


def test_recipes_live_side_by_side(fill: Fill) -> None:
    store = fill(tables())
    run(store, DEMO)
    demo = splits_of(store)
    run(store, SplitSettings(recipe="mep3m"))
    assert splits_of(store) == demo
    assert [made.recipe.name for made in stored_recipes(store.snapshot())] == ["demo", "mep3m"]


def test_products_that_lack_what_the_recipe_requires_are_rejects(fill: Fill, tmp_path: Path) -> None:
    things = [
        replace(THINGS[0], category=-1),
        replace(THINGS[1], caption=" "),
        replace(THINGS[2], images=()),
        replace(THINGS[3], category=-1, caption=None),
        replace(THINGS[4], kept=False, group="shop:005"),
        *THINGS[5:],
    ]
    recipe = tmp_path / "strict.toml"
    recipe.write_text(
        'name = "strict"\nrequire = ["label", "caption", "image"]\n'
        '[[splits]]\nkind = "sample"\nname = "train"\nsize = { share = 1.0 }\n'
    )
    store = fill(tables(things))
    report = run(store, SplitSettings(recipe=str(recipe)))
    assert (report.read, report.kept) == (199, 195)
    assert report.dropped == {"no_caption": 1, "no_image": 1, "no_label": 2}
    rejects = store.snapshot().sql("SELECT item, reason, detail FROM rejects WHERE stage = 'splits'").to_pylist()
    detail = "recipe strict requires it"
    assert rejects == [
        {"item": "shop:000", "reason": "no_label", "detail": detail},
        {"item": "shop:001", "reason": "no_caption", "detail": detail},
        {"item": "shop:002", "reason": "no_image", "detail": detail},
        {"item": "shop:003", "reason": "no_label", "detail": detail},
    ]
    (made,) = stored_recipes(store.snapshot())
    assert verify(store.snapshot(), made.recipe, made.seed).ok


def test_what_is_held_out_stays_so_when_products_come_and_groups_merge(fill: Fill) -> None:
    store = fill(tables())
    run(store, DEMO)
    held = {row["product_id"] for row in splits_of(store) if str(row["split"]).startswith(("query", "gallery"))}
    trained = {row["product_id"] for row in splits_of(store) if row["split"] == "train"}
    merged = [replace(thing, group=f"shop:{int(thing.id[-3:]) // 2 * 2:03}") for thing in THINGS]
    fill(tables([*merged, *(Thing(f"shop:{n}", category=n % 5) for n in range(300, 400))]))
    run(store, DEMO)
    now = splits_of(store)
    assert not held & {row["product_id"] for row in now if row["split"] in {"train", "subset", "classification-train"}}
    assert not trained & {row["product_id"] for row in now if str(row["split"]).startswith(("query", "gallery"))}
    (made,) = stored_recipes(store.snapshot())
    certificate = verify(store.snapshot(), made.recipe, made.seed)
    assert [check for check in certificate.checks if not check.ok] == []
    assert "group" in {loss.reason for loss in certificate.exclusions}


def test_the_order_of_rows_and_a_fresh_workspace_change_nothing(fill: Fill, tmp_path: Path) -> None:
    store = fill({name: table.take(list(range(len(table)))[::-1]) for name, table in tables().items()})
    run(store, DEMO)
    again = Store.create(tmp_path / "again", buckets=3)
    with again.stage("synthetic", settings="") as stage:
        for name, table in tables().items():
            stage.write(name, table)
        stage.commit(replace(run(store, DEMO), stage="synthetic"))
    run(again, DEMO)
    assert splits_of(again) == splits_of(store)
    query = "SELECT group_id, held_out FROM reserve ORDER BY 1"
    assert again.snapshot().sql(query) == store.snapshot().sql(query)


def test_the_recipe_seed_and_tables_are_recorded(fill: Fill) -> None:
    store = fill(tables())
    run(store, DEMO)
    (row,) = store.snapshot().table("recipes").to_pylist()
    assert (row["recipe"], row["seed"], row["version"]) == ("demo", 7, 1)
    assert json.loads(row["tables"]) == dict(store.snapshot(1).tables)
    assert set(json.loads(row["digest"])) == {row["split"] for row in splits_of(store)}


def test_products_without_deduplication_or_labels_are_refused(fill: Fill) -> None:
    store = fill({"products": tables()["products"]})
    with pytest.raises(MissingInputError, match="200 of 200 products are not in the table duplicates"):
        run(store, DEMO)
    store = fill({name: tables()[name] for name in ("products", "duplicates")})
    with pytest.raises(MissingInputError, match="the table labels is empty"):
        run(store, DEMO)


def test_a_catalogue_too_small_leaves_everything_as_it_was(fill: Fill) -> None:
    store = fill(tables())
    with pytest.raises(RecipeError, match=r"split query-fg: the catalogue has \d+ of the 1,991 products"):
        run(store, SplitSettings(recipe="m5product"))
    assert (store.snapshot().number, splits_of(store)) == (1, [])


def test_one_product_short_is_said_as_it_is(fill: Fill, tmp_path: Path) -> None:
    recipe = tmp_path / "exact.toml"
    recipe.write_text('name = "exact"\n[[splits]]\nkind = "sample"\nname = "train"\nsize = { number = 120 }\n')
    settings = SplitSettings(recipe=str(recipe))
    things = [replace(thing, held=int(thing.id[-3:]) >= 120) for thing in THINGS]
    store = fill(stored(things))
    assert run(store, settings).kept == 200
    fill(stored(things[1:]))
    with pytest.raises(RecipeError) as raised:
        run(store, settings)
    assert str(raised.value) == (
        "recipe exact, split train: the catalogue has 119 of the 120 products that the recipe asks for. "
        "Add products, or ask for fewer."
    )


def test_an_unknown_recipe_is_refused(fill: Fill) -> None:
    with pytest.raises(SettingsError, match="Name one of default, demo, m5product, mep3m, small, or give the path"):
        run(fill(tables()), SplitSettings(recipe="m5"))


def test_a_recipe_file_is_looked_for_in_the_workspace(fill: Fill) -> None:
    store = fill(tables())
    (store.root / "own.toml").write_text(
        'name = "own"\n[[splits]]\nkind = "sample"\nname = "train"\nsize = { number = 10 }\n'
    )
    settings = SplitSettings(recipe="own.toml")
    run(store, settings)
    assert settings.recipe_name == "own"
    assert sum(row["split"] == "train" for row in splits_of(store, "own")) == 10


def flat() -> dict[str, pa.Table]:
    """Return the tables of a shop with one level of categories, in which twenty products have none."""
    found = tables([replace(thing, category=-1) if n % 10 == 9 else thing for n, thing in enumerate(THINGS)])
    labels = found["labels"].to_pylist()
    for row in labels:
        row |= {"class_id": row["sub_class_id"], "class_name": row["sub_class_name"]}
        row |= {"sub_class_id": -1, "sub_class_name": ""}
    return {**found, "labels": pa.Table.from_pylist(labels, schema=found["labels"].schema)}


def test_flat_shop_is_split_by_class_and_keeps_unlabelled_products(fill: Fill) -> None:
    store = fill(flat())
    assert run(store, SplitSettings(recipe="default")).kept == 200
    rows = splits_of(store, "default")
    assert {row["label_level"] for row in rows} == {"class", "match"}
    unlabelled = {f"shop:{n:03}" for n in range(9, 200, 10)}
    assert {row["split"] for row in rows if row["product_id"] in unlabelled} >= {"train"}
    assert {row["label"] for row in rows if row["split"] == "train" and row["product_id"] in unlabelled} == {None}
    assert not unlabelled & {row["product_id"] for row in rows if row["split"] in {"query-c", "gallery-c"}}
    (made,) = stored_recipes(store.snapshot())
    assert [check for check in verify(store.snapshot(), made.recipe, made.seed).checks if not check.ok] == []


def test_a_recipe_of_a_level_that_no_product_has_names_the_setting(fill: Fill) -> None:
    with pytest.raises(MissingInputError) as raised:
        run(fill(flat()), DEMO)
    assert str(raised.value) == (
        "splits: the recipe demo requires labels of the level sub_class, and no product has one (products with a "
        'label: class 180, sub_class 0, subsub_class 0). Set splits.recipe to a recipe with label = "deepest", such as '
        "default."
    )
