"""Notes on splits say what a catalogue gave, what stayed empty and why; the recipe small fits small shops."""

import pytest

from splits import build
from splits.certificate import verify
from splits.outlook import describe_splits
from splits.recipe import load_recipe
from splits.record import stored_recipes
from splits.settings import SplitSettings
from splits.splits_stage import run
from tests.splits.conftest import Fill
from tests.splits.synthetic import Thing, catalogue
from tests.splits.test_splits_stage import tables


def shop(products: int, classes: int) -> list[Thing]:
    """Return products of which every fourth is held out, in classes of equal size."""
    return [Thing(f"s:{n:04}", held=n % 4 == 0, category=10 * (n // 4 % classes)) for n in range(products)]


def notes_on(things: list[Thing], recipe: str) -> tuple[str, ...]:
    found, loaded = catalogue(things), load_recipe(recipe)
    loaded = loaded.model_copy(update={"label": "class"})
    return describe_splits(found, loaded, build(found, loaded, 0))


def test_notes_of_default_on_a_small_shop_advise_small() -> None:
    assert notes_on(shop(40, 5), "default") == (
        "recipe default: 40 products: train 30, subset 3",
        "query-fg and gallery-fg: empty: no pair has been judged; begin with m5data annotate candidates",
        "query-c and gallery-c: empty: needs a class of 10 products or more, and the largest has 8",
        (
            "classification-train and classification-test: empty: needs a class of 10 products or more, and the "
            "largest has 8"
        ),
        (
            "unused: 10 of 40 products, in no split of the recipe; 10 are held out for evaluation "
            "(splits.reserve_share), and are never trained on"
        ),
        'splits.recipe = "small" in m5data.toml makes more of a catalogue of 40 products',
    )


def test_notes_of_small_on_the_same_shop() -> None:
    assert notes_on(shop(40, 5), "small") == (
        (
            "recipe small: 40 products: query-c 2, gallery-c 8, train 30, subset 7, classification-train 30, "
            "classification-test 10"
        ),
        "query-fg and gallery-fg: empty: no pair has been judged; begin with m5data annotate candidates",
    )


@pytest.mark.parametrize(("products", "classes"), [(30, 3), (38, 4), (100, 8), (300, 14), (1000, 26), (3000, 45)])
def test_small_uses_every_product_and_its_certificate_holds(products: int, classes: int, fill: Fill) -> None:
    store = fill(tables(shop(products, classes)))
    report = run(store, SplitSettings(recipe="small", reserve_share=0.3))
    assert [note for note in report.notes if note.startswith(("unused", "query-c", "classification"))] == []
    (made,) = stored_recipes(store.snapshot())
    assert [check for check in verify(store.snapshot(), made.recipe, made.seed).checks if not check.ok] == []
