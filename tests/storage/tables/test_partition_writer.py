"""Whatever rows come, in whatever order: what is read is what was written, and equal is equal."""

from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from storage import Store
from storage.tables import bucket_of, bucket_sql
from tests.storage.synthetic import commit, data_files, is_sorted, spec, table

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
