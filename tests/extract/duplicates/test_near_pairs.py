from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from extract.duplicates import (
    alike,
    group_exact,
    near_image_pairs,
    near_text_pairs,
    near_video_pairs,
    prepare,
    prepare_near,
    text_keys_sql,
)
from extract.settings import DedupSettings
from extract.text import normalise

CAPTION = "云步 夏季透气网面轻便女士运动鞋 深海蓝 YB-201"
REWORDED = "女士运动鞋 轻便 YB-201 云步 透气网面 深海蓝 夏季"
LINES = [("品牌", "云步"), ("型号", "YB-201"), ("颜色", "深海蓝"), ("材质", "网面"), ("鞋底", "橡胶")]
SETTINGS = DedupSettings()
COMPARED = f"""
CREATE TEMP VIEW compared AS SELECT product_id, {text_keys_sql("caption")} AS text_keys, TRUE AS anew FROM products
"""
NO_JOINS = pa.table({name: pa.array([], pa.string()) for name in ("product_id", "rule", "key")})


@dataclass(frozen=True)
class Product:
    caption: str | None
    hashes: tuple[int, ...] = ()
    lines: Sequence[tuple[str, str]] = ()
    blank_share: float = 0.3
    source: str = "s"


def database(products: Mapping[str, Product]) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("CREATE TABLE products (product_id VARCHAR, source VARCHAR, caption VARCHAR)")
    connection.execute("CREATE TABLE specs (product_id VARCHAR, property VARCHAR, value VARCHAR)")
    connection.execute("CREATE TABLE images (product_id VARCHAR, position INT, phash BIGINT, blank_share DOUBLE)")
    for name, product in products.items():
        connection.execute("INSERT INTO products VALUES (?, ?, ?)", [name, product.source, product.caption])
        for line in product.lines:
            connection.execute("INSERT INTO specs VALUES (?, ?, ?)", [name, *line])
        for position, phash in enumerate(product.hashes):
            image = [name, position, phash, product.blank_share]
            connection.execute("INSERT INTO images VALUES (?, ?, ?, ?)", image)
    prepare(connection)
    connection.register("exact", group_exact(NO_JOINS))
    connection.execute(COMPARED)
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
    assert by_image(many, DedupSettings(max_sharers=3)) == []
    assert len(by_image(many, DedupSettings(max_sharers=4))) == 6


def test_common_looks_are_no_pair() -> None:
    # a and d have four neighbours each, b and c three, e two.
    looks = {"a": 0b0000, "b": 0b0001, "c": 0b0010, "d": 0b0100, "e": 0b1111_1100}
    many = {name: Product(CAPTION, (look,)) for name, look in looks.items()}
    assert len(by_image(many, DedupSettings(max_near=5))) == 8
    assert by_image(many, DedupSettings(max_near=4)) == [("b", "c", "near_image", 2.0)]


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


def test_tables_of_two_shops_are_compared_by_their_values() -> None:
    renamed = [(f"{name}名", value) for name, value in LINES]
    listings = {"a": Product(CAPTION, (), LINES), "b": Product(f"{CAPTION} 现货", (), renamed)}
    assert by_text(listings) == []
    assert by_text({**listings, "b": replace(listings["b"], source="t")}) == [("a", "b", "near_text")]


def test_another_model_is_another_product() -> None:
    listings = {"a": Product(CAPTION, (), LINES), "b": Product(CAPTION.replace("YB-201", "YB-207"), (), LINES)}
    assert alike(*(normalise(one.caption or "") for one in listings.values())) > 0.8
    assert by_text(listings) == []


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ("YB-201 " + CAPTION[:-7], True),  # the same words in another order
        (CAPTION + " 现货速发", False),  # two words added to nine
        (CAPTION.replace("女士", "男士"), False),
    ],
)
def test_words_decide_where_a_table_is_missing(other: str, same: bool) -> None:  # noqa: FBT001
    found = by_text({"a": Product(CAPTION, (), LINES), "b": Product(other)}, DedupSettings(text_caption=0.7))
    assert found == ([("a", "b", "near_text")] if same else [])


def test_one_word_more_in_a_long_caption_changes_nothing() -> None:
    long = f"{CAPTION} 橡胶鞋底 防滑耐磨 春秋两季 户外徒步 休闲百搭"
    assert by_text({"a": Product(long), "b": Product(f"{long} 现货")}) == [("a", "b", "near_text")]
    assert by_text({"a": Product(long), "b": Product(f"{long} 2")}) == []


def test_stock_captions_are_no_pair() -> None:
    many = {f"p{number}": Product(CAPTION) for number in range(4)}
    assert by_text(many, DedupSettings(max_sharers=3)) == []
    assert len(by_text(many, DedupSettings(max_sharers=4))) == 6


def test_no_products_have_no_pairs() -> None:
    assert by_image({}) == []
    assert by_text({}) == []
    assert by_text({"a": Product(None), "b": Product(""), "c": Product("😀")}) == []


Film = Sequence[int]
"""Hash of the frame of each second."""


def film(seed: int, seconds: int = 10) -> list[int]:
    return [int(phash) for phash in np.random.default_rng(seed).integers(-(2**63), 2**63 - 1, seconds)]


def near(
    shown: Mapping[str, Mapping[str, Film]], settings: DedupSettings = SETTINGS, captions: Mapping[str, str] = {}
) -> list[tuple[object, ...]]:
    """Return the near pairs of products, given the videos of each by name."""
    with closing(duckdb.connect()) as connection:
        connection.execute("CREATE TABLE products (product_id VARCHAR, source VARCHAR, caption VARCHAR)")
        connection.execute("CREATE TABLE frames (product_id VARCHAR, video_sha256 VARCHAR, second INT, phash BIGINT)")
        for product, films in shown.items():
            connection.execute("INSERT INTO products VALUES (?, 's', ?)", [product, captions.get(product, CAPTION)])
            rows = [[product, name, second, phash] for name, one in films.items() for second, phash in enumerate(one)]
            connection.executemany("INSERT INTO frames VALUES (?, ?, ?, ?)", rows)
        prepare(connection)
        connection.register("exact", group_exact(NO_JOINS))
        connection.execute(COMPARED)
        prepare_near(connection)
        near_video_pairs(connection, settings)
        return connection.sql("FROM near_pairs ORDER BY ALL").fetchall()


def recompressed(one: Film, bits: int = 6) -> list[int]:
    return [phash ^ ((1 << bits) - 1) for phash in one]


def test_a_recompressed_video_is_near() -> None:
    assert near({"b": {"x": film(1)}, "a": {"y": recompressed(film(1))}}) == [("a", "b", "near_video", 0.0)]
    assert near({"b": {"x": film(1)}, "a": {"y": recompressed(film(1), 9)}}) == []


def test_other_videos_are_not_near() -> None:
    assert near({"a": {"x": film(1)}, "b": {"y": film(2)}}) == []


def test_the_same_file_is_near_with_the_share_of_one() -> None:
    assert near({"a": {"x": film(1)}, "b": {"x": film(1)}}) == [("a", "b", "near_video", 0.0)]


CUTS: dict[str, Callable[[list[int]], list[int]]] = {
    "its end": lambda one: one[:9],
    "its beginning": lambda one: one[2:],
    "something before it": lambda one: [*film(9, 7), *one],
    "something around it": lambda one: [*film(9, 4), *one, *film(8, 5)],
    "a logo in each frame": lambda one: recompressed(one[:2], 8) + recompressed(one[2:], 14),
}


@pytest.mark.parametrize("cut", CUTS)
def test_a_copy_is_near_whatever_was_cut_or_added(cut: str) -> None:
    assert near({"a": {"x": film(1)}, "b": {"y": CUTS[cut](film(1))}}) == [("a", "b", "near_video", 0.0)]


@pytest.mark.parametrize("speed", [0.95, 1.05])
def test_a_copy_at_another_speed_is_near(speed: float) -> None:
    one = film(1, 40)
    other = [one[min(round(second * speed), 39)] for second in range(int(40 / speed))]
    ((*pair, distance),) = near({"a": {"x": one}, "b": {"y": other}})
    assert pair == ["a", "b", "near_video"]
    assert 0 <= float(str(distance)) < 0.1


def test_frames_in_another_order_are_no_copy() -> None:
    assert near({"a": {"x": film(1)}, "b": {"y": film(1)[::-1]}}) == []


def test_share_of_the_shorter_video_decides() -> None:
    part = [*film(1)[:8], *film(5)[8:]]
    assert near({"a": {"x": film(1)}, "b": {"y": part}}) == [("a", "b", "near_video", pytest.approx(0.2))]
    assert near({"a": {"x": film(1)}, "b": {"y": part}}, DedupSettings(video_frames=0.81)) == []


def test_a_short_part_of_a_long_video_is_no_copy() -> None:
    assert len(near({"a": {"x": film(1)}, "b": {"y": [*film(1), *film(6, 20)]}})) == 1
    assert near({"a": {"x": film(1)}, "b": {"y": [*film(1), *film(6, 21)]}}) == []


def test_videos_that_tell_nothing_join_nothing() -> None:
    assert near({"a": {"x": [5] * 10}, "b": {"x": [5] * 10}}) == []
    assert near({"a": {"x": film(1, 2)}, "b": {"x": film(1, 2)}}) == []
    shared = {name: {"x": film(1)} for name in "abcd"}
    assert near(shared, DedupSettings(max_sharers=3)) == []
    assert len(near(shared, DedupSettings(max_sharers=4))) == 6


def test_near_videos_under_unlike_words_are_no_pair() -> None:
    assert near({"a": {"x": film(1)}, "b": {"x": film(1)}}, captions={"b": "山野集 高山绿茶 250g"}) == []


def test_one_product_with_two_near_videos_is_no_pair() -> None:
    assert near({"a": {"x": film(1), "y": recompressed(film(1))}}) == []
