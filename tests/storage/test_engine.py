"""Engines side by side, and one after the other: a database that is lent again keeps nothing of its last user."""

import os
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from storage.engine import memory_limit, open_engine, reuse_engine, side_by_side
from storage.query import confine, confined_engine, engine_key, give_back


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
    engine = reuse_engine()
    engine.execute("CREATE TABLE a AS SELECT 1; CREATE TEMP TABLE b AS SELECT 1; CREATE VIEW c AS SELECT 1")
    engine.execute("CREATE SCHEMA s; CREATE MACRO one() AS 1; SET VARIABLE v = 1; SET preserve_insertion_order = false")
    engine.register("d", pa.table({"x": [1]}))
    fresh = "SELECT current_setting('preserve_insertion_order'), getvariable('v'), current_database()"
    del engine
    engine = reuse_engine()
    assert engine.execute("SELECT table_name FROM information_schema.tables").fetchall() == []
    assert engine.execute(fresh).fetchall() == [(True, None, "memory")]
    for query in ("FROM a", "FROM b", "FROM c", "FROM d", "SELECT one()", "CREATE TABLE s.x AS SELECT 1"):
        with pytest.raises(duckdb.CatalogException):
            engine.execute(query)


def test_engines_in_use_share_nothing() -> None:
    engines = [reuse_engine() for _ in range(3)]
    for number, engine in enumerate(engines):
        engine.execute("CREATE TABLE t AS SELECT ? AS n", [number])
    assert [engine.execute("FROM t").fetchall() for engine in engines] == [[(0,)], [(1,)], [(2,)]]


def test_a_confined_engine_is_never_lent_again(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n", encoding="utf-8")
    engine = reuse_engine()
    confine(engine, tmp_path / "tables")
    with pytest.raises(duckdb.PermissionException):
        engine.execute(f"FROM '{tmp_path}/a.csv'")
    del engine
    for engine in [reuse_engine() for _ in range(5)]:
        assert engine.execute(f"FROM '{tmp_path}/a.csv'").fetchall() == [(1,)]


def test_a_confined_engine_that_was_given_back_is_empty_and_still_confined(tmp_path: Path) -> None:
    outside = tmp_path / "a.csv"
    outside.write_text("x\n1\n", encoding="utf-8")
    inside, elsewhere = engine_key(tmp_path / "tables"), engine_key(tmp_path / "others")
    engine = confined_engine(inside)
    engine.execute("CREATE TABLE a AS SELECT 1; CREATE VIEW b AS SELECT 1")
    give_back(engine, inside)
    assert confined_engine(elsewhere) is not engine
    assert confined_engine(inside) is engine
    assert confined_engine(inside) is not engine
    assert engine.execute("SELECT table_name FROM information_schema.tables").fetchall() == []
    with pytest.raises(duckdb.PermissionException):
        engine.execute(f"FROM '{outside}'")


def test_each_engine_has_the_limit_of_its_opening(tmp_path: Path) -> None:
    of_it = "SELECT current_setting('memory_limit'), current_setting('temp_directory')"
    with memory_limit(100):
        engine = reuse_engine(tmp_path)
        assert engine.execute(of_it).fetchall() == [("95.3 MiB", str(tmp_path))]
        assert engine.execute("SELECT max(b) FROM (SELECT md5(range::TEXT) AS b FROM range(1000))").fetchall() != []
        del engine
    engine = reuse_engine()
    limit, folder = engine.execute(of_it).fetchall()[0]
    assert (limit, folder == str(tmp_path)) == ("953.6 MiB", False)
