from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extract.duplicates import EXACT_RULES, exact_joins, group_exact, prepare
from extract.text import normalise


@dataclass(frozen=True)
class Product:
    caption: str | None = None
    images: tuple[str, ...] = ()
    specs: tuple[tuple[str, str], ...] = ()
    failed: tuple[str, ...] = field(default=())
    pixels: tuple[str | None, ...] = ()
    """Pixel hash of each image; None: it cannot be decoded. Empty: each file has a different one."""


def database(products: Mapping[str, Product]) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("CREATE TABLE products (product_id VARCHAR, caption VARCHAR)")
    connection.execute("CREATE TABLE specs (product_id VARCHAR, property VARCHAR, value VARCHAR)")
    connection.execute(
        "CREATE TABLE media (product_id VARCHAR, kind VARCHAR, state VARCHAR, sha256 VARCHAR, position INT)"
    )
    connection.execute("CREATE TABLE images (product_id VARCHAR, position INT, pixels VARCHAR)")
    for name, product in products.items():
        connection.execute("INSERT INTO products VALUES (?, ?)", [name, product.caption])
        for line in product.specs:
            connection.execute("INSERT INTO specs VALUES (?, ?, ?)", [name, *line])
        for place, sha256 in enumerate(product.images):
            connection.execute("INSERT INTO media VALUES (?, 'image', 'ok', ?, ?)", [name, sha256, place])
            pixels = product.pixels[place] if product.pixels else f"of {sha256}"
            if pixels:
                connection.execute("INSERT INTO images VALUES (?, ?, ?)", [name, place, pixels])
        for sha256 in product.failed:
            connection.execute("INSERT INTO media VALUES (?, 'image', 'failed', ?, 99)", [name, sha256])
        connection.execute("INSERT INTO media VALUES (?, 'video', 'ok', 'film', 0)", [name])
    return connection


def joined(*products: Product) -> set[str]:
    """Return the rules by which products named a, b, … are all joined."""
    named = {chr(ord("a") + place): product for place, product in enumerate(products)}
    with closing(database(named)) as connection:
        prepare(connection)
        rows = exact_joins(connection).to_pylist()
    rules = {row["rule"] for row in rows}
    for rule in rules:
        assert [row["product_id"] for row in rows if row["rule"] == rule] == sorted(named)
        assert len({row["key"] for row in rows if row["rule"] == rule}) == 1
    return rules


SAME_FILES = {"exact_content", "exact_pixels"}
RED = (("颜色", "红"), ("尺码", "XL"))


def test_same_pictures_and_table_are_the_same_content() -> None:
    assert joined(Product("甲", ("1", "2"), RED), Product("乙", ("2", "1"), RED)) == SAME_FILES


def test_same_pixels_in_other_files_are_the_same_content() -> None:
    one = Product("甲", ("1", "2"), RED, pixels=("p", "q"))
    assert joined(one, Product("乙", ("3", "4"), RED, pixels=("q", "p"))) == {"exact_pixels"}
    assert joined(one, Product("乙", ("3", "4"), RED, pixels=("q", "r"))) == set()


def test_pictures_that_cannot_be_decoded_count_by_their_bytes() -> None:
    one = Product("甲", ("1", "2"), RED, pixels=("p", None))
    assert joined(one, Product("乙", ("2", "3"), RED, pixels=(None, "p"))) == {"exact_pixels"}
    assert joined(one, Product("乙", ("1", "3"), RED, pixels=("p", None))) == set()


def test_same_words_without_images_are_the_same_text() -> None:
    assert joined(Product("女鞋 ＸＬ", (), RED), Product("女鞋  xl😀", (), RED)) == {"exact_text"}


def test_same_words_with_the_same_pixels_are_the_same_text() -> None:
    one = Product("女鞋 ＸＬ", ("1",), RED, pixels=("p",))
    assert joined(one, Product("女鞋  xl😀", ("2",), RED, pixels=("p",))) == {"exact_pixels", "exact_text"}


@pytest.mark.parametrize(
    "other",
    [
        Product("女鞋", ("2",), RED),
        Product("女鞋", ("1", "2"), RED),
        Product("女鞋", (), RED),
        Product("女鞋", (), RED, failed=("1",)),
        Product("女鞋", ("2",), RED, pixels=(None,)),
    ],
)
def test_same_words_with_other_images_are_not_the_same(other: Product) -> None:
    assert joined(Product("女鞋", ("1",), RED), other) == set()


def test_images_that_are_not_stored_prove_nothing() -> None:
    assert joined(Product("女鞋", (), RED, failed=("1",)), Product("女鞋", (), RED, failed=("1",))) == set()
    assert joined(Product("女鞋", (), RED, failed=("1",)), Product("女鞋", (), RED)) == set()


def test_all_the_same_is_joined_by_both_rules() -> None:
    assert joined(Product("甲", ("1",), RED), Product("甲", ("1",), RED)) == {*SAME_FILES, "exact_text"}


def test_lines_of_a_table_are_compared_normalised_and_without_order() -> None:
    other = (("尺码", "ｘｌ"), ("颜色", " 红 "), ("颜色", "红"))
    assert joined(Product("甲", (), RED), Product("甲", (), other)) == {"exact_text"}


def test_variants_that_share_a_stock_photo_stay_apart() -> None:
    blue = (("颜色", "蓝"), ("尺码", "XL"))
    assert joined(Product("鞋", ("1", "2"), RED), Product("鞋", ("1", "2"), blue)) == set()


def test_pictures_without_tables_need_the_same_caption() -> None:
    assert joined(Product("红鞋", ("1",)), Product("蓝鞋", ("1",))) == set()
    assert joined(Product("红鞋", ("1",)), Product("红鞋 ", ("1",))) == SAME_FILES


def test_one_product_without_a_table_is_not_the_same_content() -> None:
    assert joined(Product("甲", ("1",), RED), Product("甲", ("1",))) == set()


def test_part_of_the_pictures_is_not_the_same_content() -> None:
    assert joined(Product("甲", ("1",), RED), Product("乙", ("1", "2"), RED)) == set()


def test_pictures_that_failed_do_not_count() -> None:
    assert joined(Product("甲", ("1",), RED, failed=("2",)), Product("乙", ("1",), RED, failed=("3",))) == SAME_FILES
    assert joined(Product("甲", (), RED, failed=("1",)), Product("乙", (), RED, failed=("1",))) == set()


@pytest.mark.parametrize("caption", [None, "", "😀 "])
def test_empty_captions_are_not_the_same_text(caption: str | None) -> None:
    assert joined(Product(caption, ("1",), RED), Product(caption, ("2",), RED)) == set()
    assert joined(Product(caption, ("1",)), Product(caption, ("1",))) == set()


def test_same_caption_without_tables_is_not_the_same_text() -> None:
    assert joined(Product("甲", ("1",)), Product("甲", ("2",))) == set()


SHOWN = {"1": "p", "2": "p", "3": None}
PRODUCTS = st.builds(
    lambda images, **rest: Product(images=images, pixels=tuple(SHOWN[image] for image in images), **rest),
    caption=st.sampled_from([None, "", "甲", "甲 ", "乙"]),
    images=st.lists(st.sampled_from("123"), max_size=2).map(tuple),
    specs=st.lists(st.sampled_from([*RED, ("颜色", "红 ")]), max_size=2).map(tuple),
)


def joins_by_definition(named: Mapping[str, Product]) -> Iterator[tuple[str, str]]:
    def same(rule: str, one: Product, other: Product) -> bool:
        captions = [normalise(product.caption or "") for product in (one, other)]
        tables = [{(normalise(name), normalise(value)) for name, value in product.specs} for product in (one, other)]
        pixels = [{SHOWN[image] or image for image in product.images} for product in (one, other)]
        if rule == "exact_text":
            same_words = captions[0] == captions[1] and tables[0] == tables[1]
            return bool(captions[0] and tables[0]) and same_words and pixels[0] == pixels[1]
        shown = [
            {SHOWN[image] or image if rule == "exact_pixels" else image for image in product.images}
            for product in (one, other)
        ]
        if not shown[0] or shown[0] != shown[1] or tables[0] != tables[1]:
            return False
        return bool(tables[0]) or bool(captions[0] and captions[0] == captions[1])

    for name, product in named.items():
        for rule in EXACT_RULES:
            if any(same(rule, product, other) for key, other in named.items() if key != name):
                yield name, rule


@given(st.lists(PRODUCTS, max_size=8))
@settings(max_examples=50, deadline=None)
def test_joins_are_those_of_comparing_all_pairs(products: list[Product]) -> None:
    named = {f"shop:{place}": product for place, product in enumerate(products)}
    with closing(database(named)) as connection:
        prepare(connection)
        found = [(row["product_id"], row["rule"]) for row in exact_joins(connection).to_pylist()]
    assert found == list(joins_by_definition(named))


Join = tuple[str, str, str]


def grouped(joins: list[Join]) -> list[tuple[object, ...]]:
    names = ("product_id", "rule", "key")
    columns = {name: pa.array([join[place] for join in joins], pa.string()) for place, name in enumerate(names)}
    return [tuple(row.values()) for row in group_exact(pa.table(columns)).to_pylist()]


def test_nothing_joined_makes_no_group() -> None:
    assert grouped([]) == []


def test_smallest_id_names_a_group_and_is_kept() -> None:
    assert grouped([("s:b", "exact_text", "1"), ("n:z", "exact_text", "1")]) == [
        ("n:z", "n:z", "exact_text", True, 2),
        ("s:b", "n:z", "exact_text", False, 2),
    ]


def test_different_rules_chain_into_one_group_and_the_strongest_is_kept() -> None:
    assert grouped(
        [
            ("a", "exact_text", "1"),
            ("b", "exact_text", "1"),
            ("b", "exact_content", "2"),
            ("c", "exact_content", "2"),
        ]
    ) == [
        ("a", "a", "exact_text", True, 3),
        ("b", "a", "exact_content", False, 3),
        ("c", "a", "exact_content", False, 3),
    ]


def test_equal_keys_of_different_rules_join_nothing() -> None:
    assert grouped(
        [
            ("a", "exact_text", "1"),
            ("d", "exact_text", "1"),
            ("b", "exact_content", "1"),
            ("c", "exact_content", "1"),
        ]
    ) == [
        ("a", "a", "exact_text", True, 2),
        ("b", "b", "exact_content", True, 2),
        ("c", "b", "exact_content", False, 2),
        ("d", "a", "exact_text", False, 2),
    ]
