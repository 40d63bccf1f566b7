"""Engines used concurrently and in turn: a reused database keeps nothing of its last user."""

import os
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from core.engine import Engines, memory_limit, open_engine, side_by_side
from core.memory import usual_query_mb


@pytest.mark.parametrize(("limit", "at_once"), [(400, 1), (1_100, 2), (9_000, 4)])
def test_calls_side_by_side_share_the_limit_of_memory(
    limit: int, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: set(range(8)))
    found: list[str] = []

    def look(_item: int) -> None:
        with closing(open_engine()) as engine:
            found.extend(engine.execute("SELECT current_setting('memory_limit')").fetchall()[0])

    with memory_limit(limit):
        side_by_side(look, range(6))
    with memory_limit(min(limit // at_once, 1_000)), closing(open_engine()) as engine:
        expected = engine.execute("SELECT current_setting('memory_limit')").fetchall()[0][0]
    assert found == [expected] * 6


def test_an_engine_has_nothing_of_the_one_before() -> None:
    pool = Engines()
    engine = pool.lend()
    engine.execute("CREATE TABLE a AS SELECT 1; CREATE TEMP TABLE b AS SELECT 1; CREATE VIEW c AS SELECT 1")
    engine.execute("CREATE SCHEMA s; CREATE MACRO one() AS 1; SET VARIABLE v = 1; SET preserve_insertion_order = false")
    engine.register("d", pa.table({"x": [1]}))
    fresh = "SELECT current_setting('preserve_insertion_order'), getvariable('v'), current_database()"
    del engine
    engine = pool.lend()
    assert engine.execute("SELECT table_name FROM information_schema.tables").fetchall() == []
    assert engine.execute(fresh).fetchall() == [(True, None, "memory")]
    for query in ("FROM a", "FROM b", "FROM c", "FROM d", "SELECT one()", "CREATE TABLE s.x AS SELECT 1"):
        with pytest.raises(duckdb.CatalogException):
            engine.execute(query)


def test_engines_in_use_share_nothing() -> None:
    pool = Engines()
    engines = [pool.lend() for _ in range(3)]
    for number, engine in enumerate(engines):
        engine.execute("CREATE TABLE t AS SELECT ? AS n", [number])
    assert [engine.execute("FROM t").fetchall() for engine in engines] == [[(0,)], [(1,)], [(2,)]]


@pytest.mark.parametrize("first", [False, True])
def test_an_engine_is_confined_exactly_when_it_was_asked_for(tmp_path: Path, *, first: bool) -> None:
    outside = tmp_path / "a.csv"
    outside.write_text("x\n1\n", encoding="utf-8")
    engines = Engines()
    for is_inside in (first, not first, first, not first):
        engine = engines.lend(inside=tmp_path / "tables" if is_inside else None)
        assert engine.execute("SELECT current_setting('TimeZone')").fetchall() == [("UTC",)]
        if is_inside:
            for query in (f"FROM '{outside}'", "SET TimeZone = 'Asia/Tokyo'", "SET enable_external_access = true"):
                with pytest.raises(duckdb.Error):
                    engine.execute(query)
        else:
            assert engine.execute(f"FROM '{outside}'").fetchall() == [(1,)]
        del engine


def test_a_confined_engine_has_nothing_of_the_one_before(tmp_path: Path) -> None:
    engines = Engines()
    engine = engines.lend(inside=tmp_path)
    engine.execute("CREATE TABLE a AS SELECT 1; CREATE VIEW b AS SELECT 1; CREATE TEMP TABLE c AS SELECT 1")
    engine.register("d", pa.table({"x": [1]}))
    del engine
    engine = engines.lend(inside=tmp_path)
    assert engine.execute("SELECT table_name FROM information_schema.tables").fetchall() == []
    for name in "abcd":
        with pytest.raises(duckdb.CatalogException):
            engine.execute(f"FROM {name}")


def test_each_engine_has_the_limit_of_its_opening(tmp_path: Path) -> None:
    of_it = "SELECT current_setting('memory_limit'), current_setting('temp_directory')"
    engines = Engines()
    with memory_limit(100):
        engine = engines.lend(tmp_path)
        assert engine.execute(of_it).fetchall() == [("95.3 MiB", str(tmp_path))]
        assert engine.execute("SELECT max(b) FROM (SELECT md5(range::TEXT) AS b FROM range(1000))").fetchall() != []
        del engine
    engine = engines.lend()
    limit, folder = engine.execute(of_it).fetchall()[0]
    with memory_limit(usual_query_mb()):
        assert limit == engines.lend().execute(of_it).fetchall()[0][0]
    assert folder != str(tmp_path)
