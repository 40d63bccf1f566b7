"""Rows in any order are read back as written, and equal rows make equal tables."""

from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.engine import bucket_of, bucket_sql
from storage import Store
from storage.tables import partition_writer
from tests.storage.synthetic import NOTHING, commit, data_files, is_sorted, spec, table

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
SPECS = st.dictionaries(st.tuples(TEXT, st.integers(0, 2**31 - 1)), TEXT, max_size=12)


def specs(rows: dict[tuple[str, int], str]) -> pa.Table:
    return table("specs", [spec(name, position, value) for (name, position), value in rows.items()])


def in_order(rows: dict[tuple[str, int], str]) -> pa.Table:
    return specs(dict(sorted(rows.items(), key=lambda item: (item[0][0].encode(), item[0][1]))))


@given(st.lists(TEXT, min_size=1, max_size=20), st.integers(1, 64))
def test_python_and_sql_agree_on_buckets(values: list[str], buckets: int) -> None:
    with duckdb.connect() as connection:
        connection.register("given", pa.table({"value": values}))
        rows = connection.execute(f"SELECT {bucket_sql('value', buckets)} FROM given").fetchall()
    assert [row[0] for row in rows] == [bucket_of(value, buckets) for value in values]


@settings(max_examples=15, deadline=None)
@given(SPECS, SPECS)
def test_two_versions_hold_exactly_what_was_written(
    first: dict[tuple[str, int], str], second: dict[tuple[str, int], str]
) -> None:
    with TemporaryDirectory() as folder:
        store = Store.create(Path(folder), buckets=3)
        for rows in (first, second):
            commit(store, {"specs": specs(rows)})
        assert store.snapshot(1).table("specs").equals(in_order(first))
        assert store.snapshot(2).table("specs").equals(in_order(second))
        assert all(is_sorted(path, ("product_id", "position")) for path in data_files(store, "specs"))
        changed = store.snapshot(1).files("specs") != store.snapshot(2).files("specs")
        assert changed == (first != second)
        assert (store.snapshot(1).tables == store.snapshot(2).tables) == (first == second)


SOURCES = st.sampled_from(["a", "a-b", "ab", "b"])
WRITES = st.lists(st.tuples(SOURCES, st.dictionaries(st.integers(0, 9), TEXT, max_size=4)), min_size=1, max_size=6)


def write_source(store: Store, source: str, rows: dict[tuple[str, int], str]) -> None:
    with store.stage(f"ingest-{source}", settings=str(rows)) as stage:
        stage.write("specs", specs(rows), only=range(2), within=[f"{source}:"])
        stage.commit(NOTHING)


@settings(max_examples=8, deadline=None)
@given(WRITES, st.sampled_from([0, 1 << 20]))
def test_a_source_s_rows_are_replaced_and_those_of_others_stay(
    writes: list[tuple[str, dict[int, str]]], small: int
) -> None:
    held: dict[tuple[str, int], str] = {}
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(partition_writer, "_SMALL", small)
        store = Store.create(Path(folder), buckets=2)
        for source, values in writes:
            rows = {(f"{source}:{number}", number): value for number, value in values.items()}
            write_source(store, source, rows)
            held = {key: value for key, value in held.items() if not key[0].startswith(f"{source}:")} | rows
            assert store.snapshot().table("specs").equals(in_order(held))
            assert all(is_sorted(path, ("product_id", "position")) for path in data_files(store, "specs"))
        commit(store, {"specs": specs(held)})
        assert store.snapshot(len(writes)).tables == store.snapshot().tables  # equal rows, in whichever files


def test_large_files_of_other_sources_are_not_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partition_writer, "_SMALL", 0)
    store = Store.create(tmp_path / "w", buckets=2)
    for source in ("a", "a-b", "b"):
        write_source(store, source, {(f"{source}:{number}", 0): "red" for number in range(20)})
    before = set(data_files(store, "specs"))
    write_source(store, "a", {(f"a:{number}", 0): "blue" for number in range(20)})
    after = set(data_files(store, "specs"))
    assert len(before) == 6
    assert {path.name.partition("%3A")[0] for path in before - after} == {"a"}
    assert len(after - before) == len(before - after) == 2
