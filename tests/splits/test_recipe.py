"""A recipe file is read strictly, and its errors are named."""

from importlib import resources
from pathlib import Path

import pytest

from core.errors import SettingsError
from splits import load_recipe, parse_recipe, recipe_names
from splits.recipe import deepest_level, names_of, sizes_of

TRAIN = '[[splits]]\nkind = "sample"\nname = "train"\nsize = { share = 1.0 }\n'


@pytest.mark.parametrize("name", recipe_names())
def test_every_shipped_recipe_loads_under_its_own_name(name: str) -> None:
    assert load_recipe(name).name == name


def test_the_m5product_recipe_has_the_numbers_of_the_paper() -> None:
    recipe = load_recipe("m5product")
    sizes = {split: size.number for block in recipe.splits for split, size in sizes_of(block)}
    assert sizes == {
        "query-fg": 1_991,
        "gallery-fg": 117_858,
        "query-c": 24_410,
        "gallery-c": 1_197_905,
        "train": 4_423_160,
        "subset": None,
        "classification-train": 18_526,
        "classification-test": 4_632,
    }
    fields = [block.model_dump() for block in recipe.splits]
    assert fields[1]["matched"]["number"] == 249_614
    assert fields[4]["categories"] == 1_805
    assert sum(number for number in sizes.values() if number) == 5_788_482


def test_a_recipe_knows_its_sides_and_overlaps() -> None:
    recipe = load_recipe("m5product")
    trained = {name for name, side in recipe.sides.items() if side == "train"}
    assert trained == {"train", "subset", "classification-train"}
    assert frozenset(("subset", "train")) in recipe.overlaps
    assert frozenset(("classification-test", "gallery-c")) in recipe.overlaps
    assert frozenset(("gallery-fg", "gallery-c")) not in recipe.overlaps
    assert [names_of(block) for block in recipe.splits][:2] == [("query-fg", "gallery-fg"), ("query-c", "gallery-c")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name =", "r.toml: this is not valid TOML: Invalid value"),
        (TRAIN, "r.toml: name is missing; add this key"),
        ('name = "A b"\n' + TRAIN, "r.toml: name String should match pattern"),
        (
            'name = "a"\nsplits = []',
            "none may be 'unused'; this recipe has no split",
        ),
        (
            'name = "a"\n' + TRAIN.replace('"train"', '"a-b"', 1) + TRAIN.replace('"train"', '"a_b"', 1),
            "splits: datasets loads 'a_b' under the same name as a-b. Rename it.",
        ),
        (
            'name = "a"\n' + TRAIN.replace('"train"', '"all"', 1),
            "splits: datasets loads 'all' under the same name as all, which datasets uses for all splits together",
        ),
        ('name = "a"\n' + TRAIN * 2, "splits: names must differ, and none may be 'unused'; this recipe has ['train']"),
        ('name = "a"\n' + TRAIN.replace("train", "unused"), "has ['unused']"),
        (
            'name = "a"\nlabel = "klass"\n' + TRAIN,
            "label must be 'class', 'sub_class', 'subsub_class' or 'deepest'; it is",
        ),
        ('name = "a"\n' + TRAIN + "foo = 1", "splits.0.foo (1) is not a key of recipes; remove it"),
        (
            'name = "a"\n' + TRAIN.replace("share = 1.0", "share = 1.5"),
            "splits.0.size.share must be less than or equal",
        ),
        ('name = "a"\n' + TRAIN.replace("share = 1.0", 'number = "3"'), "splits.0.size.number must be a valid integer"),
        ('name = "a"\n' + TRAIN.replace("share = 1.0", ""), "splits.0.size: give either number or share"),
        (
            'name = "a"\n' + TRAIN.replace('"sample"', '"samples"'),
            "splits.0.kind must be one of sample, retrieval, classification, not 'samples'",
        ),
        (
            'name = "a"\n' + TRAIN.replace("share = 1.0", 'share = 1.0, of = "test"'),
            "splits.0.of must be pool, catalogue or a split further up, not 'test'",
        ),
        ('name = "a"\n' + TRAIN + 'inside = "all"', "splits.0.inside must name a split further up, not 'all'"),
        ('name = "a"\n' + TRAIN + 'overlaps = ["test"]', "splits.0.overlaps must name other splits of this recipe"),
        ('name = "a"\n' + TRAIN + "[separate]\ntime = 2026-01-01", "separate.time "),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_recipe(text, "r.toml")
    assert message in str(caught.value)
    assert str(caught.value).startswith("r.toml: ")
    assert "\n" not in str(caught.value)


def test_an_inside_split_needs_a_split_of_samples() -> None:
    text = (
        'name = "a"\n[[splits]]\nkind = "retrieval"\nquery = "q"\ngallery = "g"\ntruth = "category"\n'
        "queries = { number = 1 }\nsize = { number = 1 }\n" + TRAIN + 'inside = "g"\n'
    )
    with pytest.raises(SettingsError, match=r"train\.inside must name a split of kind sample; 'g' is none"):
        parse_recipe(text, "r.toml")


def test_matched_needs_distractors() -> None:
    text = (
        'name = "a"\n[[splits]]\nkind = "retrieval"\nquery = "q"\ngallery = "g"\ntruth = "category"\n'
        "queries = { number = 1 }\nsize = { number = 1 }\nmatched = { number = 1 }\ndistractors = false\n"
    )
    with pytest.raises(SettingsError, match=r"splits\.0: matched cannot be given with distractors = false"):
        parse_recipe(text, "r.toml")


def test_a_file_is_named_as_its_recipe(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('name = "own"\n' + TRAIN)
    assert load_recipe(path) == load_recipe("own.toml", tmp_path)
    path.rename(tmp_path / "other.toml")
    with pytest.raises(SettingsError, match="name must be 'other', as the file is named, not 'own'"):
        load_recipe(tmp_path / "other.toml")


def test_a_missing_or_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no such recipe file"):
        load_recipe(tmp_path / "none.toml")
    (tmp_path / "gbk.toml").write_bytes('name = "美妆"'.encode("gbk"))
    with pytest.raises(SettingsError, match="the recipe cannot be read"):
        load_recipe(tmp_path / "gbk.toml")


def test_a_file_named_like_a_shipped_recipe_must_hold_that_recipe(tmp_path: Path) -> None:
    path = tmp_path / "demo.toml"
    text = (resources.files("splits") / "recipes" / "demo.toml").read_text(encoding="utf-8")
    path.write_text(text, encoding="utf-8")
    assert load_recipe(path) == load_recipe("demo")
    path.write_text(text.replace('require = ["label"]', "require = []"), encoding="utf-8")
    with pytest.raises(SettingsError, match="a shipped recipe is named 'demo', too"):
        load_recipe(path)


@pytest.mark.parametrize(
    ("class_", "sub_class", "subsub_class", "level"),
    [
        ([100], [], [], "class"),  # a flat shop
        ([100], [60, 40], [13], "sub_class"),  # few products have a third level
        ([100], [60, 40], [30, 30], "subsub_class"),
        ([100], [40, 20] + [1] * 40, [1] * 100, "sub_class"),  # categories with one product teach nothing
        ([4, 4], [2, 2, 4], [], "sub_class"),  # too small for categories of ten
        ([], [], [], "class"),
    ],
)
def test_the_deepest_level_with_enough_products(
    class_: list[int], sub_class: list[int], subsub_class: list[int], level: str
) -> None:
    assert deepest_level({"class": class_, "sub_class": sub_class, "subsub_class": subsub_class}) == level
