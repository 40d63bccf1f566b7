from collections.abc import Mapping, Sequence
from contextlib import closing

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from extract.duplicates import group_exact, near_video_pairs, prepare, prepare_near
from extract.settings import DedupSettings

CAPTION = "云步 夏季透气网面轻便女士运动鞋 深海蓝 YB-201"
NO_JOINS = pa.table({name: pa.array([], pa.string()) for name in ("product_id", "rule", "key")})
SETTINGS = DedupSettings()

Film = Sequence[int]
"""Hash of the frame of each second."""


def film(seed: int, seconds: int = 10) -> list[int]:
    return [int(phash) for phash in np.random.default_rng(seed).integers(-(2**63), 2**63 - 1, seconds)]


def near(
    shown: Mapping[str, Mapping[str, Film]], settings: DedupSettings = SETTINGS, captions: Mapping[str, str] = {}
) -> list[tuple[object, ...]]:
    """Return the pairs of products, given the films of each by name."""
    with closing(duckdb.connect()) as connection:
        connection.execute("CREATE TABLE products (product_id VARCHAR, caption VARCHAR)")
        connection.execute("CREATE TABLE frames (product_id VARCHAR, video_sha256 VARCHAR, second INT, phash BIGINT)")
        for product, films in shown.items():
            connection.execute("INSERT INTO products VALUES (?, ?)", [product, captions.get(product, CAPTION)])
            rows = [[product, name, second, phash] for name, one in films.items() for second, phash in enumerate(one)]
            connection.executemany("INSERT INTO frames VALUES (?, ?, ?, ?)", rows)
        prepare(connection)
        connection.register("exact", group_exact(NO_JOINS))
        prepare_near(connection)
        near_video_pairs(connection, settings)
        return connection.sql("FROM near_pairs ORDER BY ALL").fetchall()


def recompressed(one: Film, bits: int = 6) -> list[int]:
    return [phash ^ ((1 << bits) - 1) for phash in one]


def test_a_recompressed_video_is_near() -> None:
    assert near({"b": {"x": film(1)}, "a": {"y": recompressed(film(1))}}) == [("a", "b", "near_video", 0.0)]
    assert near({"b": {"x": film(1)}, "a": {"y": recompressed(film(1), 7)}}) == []


def test_other_videos_are_not_near() -> None:
    assert near({"a": {"x": film(1)}, "b": {"y": film(2)}}) == []


def test_the_same_file_is_near_with_the_share_of_one() -> None:
    assert near({"a": {"x": film(1)}, "b": {"x": film(1)}}) == [("a", "b", "near_video", 0.0)]


def test_a_copy_cut_at_its_end_is_near() -> None:
    assert near({"a": {"x": film(1)}, "b": {"y": film(1)[:9]}}) == [("a", "b", "near_video", pytest.approx(0.1))]


def test_frames_count_at_the_same_second_alone() -> None:
    assert near({"a": {"x": film(1)}, "b": {"y": [*film(9, 1), *film(1)[:9]]}}) == []


def test_one_second_that_stands_for_both_is_enough_to_be_compared() -> None:
    one = film(1, 40)
    other = [*film(2, 8), *one[8:]]  # of seconds 1, 2, 4, 8, 16 and 32 the last three
    assert near({"a": {"x": one}, "b": {"y": other}}) == [("a", "b", "near_video", pytest.approx(0.2))]


def test_share_of_the_longer_video_decides() -> None:
    half = [*film(1)[:8], *film(5)[8:]]
    assert near({"a": {"x": film(1)}, "b": {"y": half}}) == [("a", "b", "near_video", pytest.approx(0.2))]
    assert near({"a": {"x": film(1)}, "b": {"y": half}}, DedupSettings(video_frames=0.81)) == []
    longer = [*film(1), *film(6)]
    assert near({"a": {"x": film(1)}, "b": {"y": longer}}) == []


def test_videos_that_tell_nothing_join_nothing() -> None:
    assert near({"a": {"x": [5] * 10}, "b": {"x": [5] * 10}}) == []
    assert near({"a": {"x": film(1, 2)}, "b": {"x": film(1, 2)}}) == []
    shared = {name: {"x": film(1)} for name in "abcd"}
    assert near(shared, DedupSettings(most_sharers=3)) == []
    assert len(near(shared, DedupSettings(most_sharers=4))) == 6


def test_near_videos_under_unlike_words_are_no_pair() -> None:
    assert near({"a": {"x": film(1)}, "b": {"x": film(1)}}, captions={"b": "山野集 高山绿茶 250g"}) == []


def test_one_product_with_two_near_videos_is_no_pair() -> None:
    assert near({"a": {"x": film(1), "y": recompressed(film(1))}}) == []
