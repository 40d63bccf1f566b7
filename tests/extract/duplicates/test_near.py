from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from extract.duplicates import group_exact, near_image_pairs, near_text_pairs, prepare, prepare_near
from extract.settings import DedupSettings

CAPTION = "云步 夏季透气网面轻便女士运动鞋 深海蓝 YB-201"
REWORDED = "女士运动鞋 轻便 YB-201 云步 透气网面 深海蓝 夏季"
LINES = [("品牌", "云步"), ("型号", "YB-201"), ("颜色", "深海蓝"), ("材质", "网面"), ("鞋底", "橡胶")]
SETTINGS = DedupSettings()
NO_JOINS = pa.table({name: pa.array([], pa.string()) for name in ("product_id", "rule", "key")})


@dataclass(frozen=True)
class Product:
    caption: str | None
    hashes: tuple[int, ...] = ()
    lines: Sequence[tuple[str, str]] = ()
    blank_share: float = 0.3


def database(products: Mapping[str, Product]) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("CREATE TABLE products (product_id VARCHAR, caption VARCHAR)")
    connection.execute("CREATE TABLE specs (product_id VARCHAR, property VARCHAR, value VARCHAR)")
    connection.execute("CREATE TABLE images (product_id VARCHAR, position INT, phash BIGINT, blank_share DOUBLE)")
    for name, product in products.items():
        connection.execute("INSERT INTO products VALUES (?, ?)", [name, product.caption])
        for line in product.lines:
            connection.execute("INSERT INTO specs VALUES (?, ?, ?)", [name, *line])
        for position, phash in enumerate(product.hashes):
            image = [name, position, phash, product.blank_share]
            connection.execute("INSERT INTO images VALUES (?, ?, ?, ?)", image)
    prepare(connection)
    connection.register("exact", group_exact(NO_JOINS))
    prepare_near(connection)
    return connection


def found_pairs(connection: duckdb.DuckDBPyConnection) -> list[tuple[object, ...]]:
    return connection.sql("FROM near_pairs ORDER BY ALL").fetchall()


def by_image(products: Mapping[str, Product], settings: DedupSettings = SETTINGS) -> list[tuple[object, ...]]:
    with closing(database(products)) as connection:
        near_image_pairs(connection, settings)
        return found_pairs(connection)


def by_text(products: Mapping[str, Product], settings: DedupSettings = SETTINGS) -> list[tuple[object, ...]]:
    with closing(database(products)) as connection:
        near_text_pairs(connection, settings)
        return [pair[:3] for pair in found_pairs(connection)]


def test_near_images_under_other_words_are_a_pair() -> None:
    assert by_image(
        {
            "b": Product(CAPTION, (0b0,)),
            "a": Product(REWORDED, (0b111111,)),  # six bits from b
            "c": Product(REWORDED, (0b1111111,)),  # seven bits from b, one from a
            "d": Product(CAPTION, (0b0,)),
        }
    ) == [
        ("a", "b", "near_image", 6.0),
        ("a", "c", "near_image", 1.0),
        ("a", "d", "near_image", 6.0),
        ("b", "d", "near_image", 0.0),
    ]


def test_near_images_under_unlike_words_are_no_pair() -> None:
    assert by_image({"a": Product(CAPTION, (5,)), "b": Product("山野集 高山绿茶 250g", (5,))}) == []
    assert by_image({"a": Product(None, (5,)), "b": Product(None, (5,))}) == []


def test_only_the_main_image_counts() -> None:
    assert by_image({"a": Product(CAPTION, (5, -1)), "b": Product(CAPTION, (-1, 5))}) == []


def test_empty_pictures_are_no_pair() -> None:
    assert by_image({name: Product(CAPTION, (5,), blank_share=0.99) for name in "ab"}) == []


def test_stock_pictures_are_no_pair() -> None:
    many = {f"p{number}": Product(CAPTION, (5,)) for number in range(4)}
    assert by_image(many, DedupSettings(most_sharers=3)) == []
    assert len(by_image(many, DedupSettings(most_sharers=4))) == 6


def test_common_looks_are_no_pair() -> None:
    # a and d have four neighbours each, b and c three, e two.
    looks = {"a": 0b0000, "b": 0b0001, "c": 0b0010, "d": 0b0100, "e": 0b1111_1100}
    many = {name: Product(CAPTION, (look,)) for name, look in looks.items()}
    assert len(by_image(many, DedupSettings(most_near=5))) == 8
    assert by_image(many, DedupSettings(most_near=4)) == [("b", "c", "near_image", 2.0)]


def test_near_captions_are_a_pair() -> None:
    assert by_text(
        {
            "b": Product(CAPTION, (), LINES),
            "a": Product(f"{CAPTION} 现货", (), LINES),
            "c": Product(REWORDED, (), LINES),
        }
    ) == [("a", "b", "near_text")]


def test_variants_with_other_tables_are_no_pair() -> None:
    other = [*LINES[:2], ("颜色", "曜石黑"), *LINES[3:]]
    listings = {"a": Product(CAPTION, (), LINES), "b": Product(f"{CAPTION} 现货", (), other)}
    assert by_text(listings) == []  # four of six lines in common
    assert by_text(listings, DedupSettings(text_table=0.6)) == [("a", "b", "near_text")]


def test_captions_decide_where_a_table_is_missing() -> None:
    assert by_text({"a": Product(CAPTION, (), LINES), "b": Product(f"{CAPTION} 现货")}) == [("a", "b", "near_text")]


def test_stock_captions_are_no_pair() -> None:
    many = {f"p{number}": Product(CAPTION) for number in range(4)}
    assert by_text(many, DedupSettings(most_sharers=3)) == []
    assert len(by_text(many, DedupSettings(most_sharers=4))) == 6


def test_no_products_have_no_pairs() -> None:
    assert by_image({}) == []
    assert by_text({}) == []
    assert by_text({"a": Product(None), "b": Product(""), "c": Product("😀")}) == []
