"""The run of a stage: writes, commits and spool."""

from datetime import timedelta

import duckdb
import pyarrow as pa
import pytest

from core.engine import bucket_of
from core.errors import DataError, WorkspaceError
from core.records import Reject
from core.stage import StageReport
from storage import Store
from storage.tables import partition_writer
from tests.storage.synthetic import NOON, NOTHING, commit, ids, leftovers, product, products, spec, table


def test_rows_come_back_sorted_and_typed_whatever_their_order(store: Store) -> None:
    rows = products(ids(30))
    snapshot = commit(store, {"products": rows.take(list(reversed(range(30))))})
    assert snapshot.table("products").equals(rows.sort_by("product_id"))
    assert snapshot.table("products", ["caption", "product_id"]).column_names == ["caption", "product_id"]


def test_nothing_is_seen_before_the_commit_nor_left_without_one(store: Store) -> None:
    with store.stage("records", settings="s") as stage:
        stage.write("products", products(ids(5)))
        assert store.snapshot().number == 0
    assert store.snapshot().number == 0
    assert leftovers(store) == []


def test_an_error_inside_a_stage_leaves_the_tables_as_they_were(store: Store) -> None:
    before = commit(store, {"products": products(ids(5))})
    with pytest.raises(DataError), store.stage("records", settings="s") as stage:  # noqa: PT012
        stage.write("products", products(ids(9)))
        stage.write("specs", products(ids(9)))
    assert store.snapshot().number == before.number
    assert leftovers(store) == []


def test_equal_rows_are_not_written_again(store: Store) -> None:
    first = commit(store, {"products": products(ids(20))})
    second = commit(store, {"products": products(reversed(ids(20)))})
    assert second.number == 2
    assert second.tables == first.tables
    assert second.files("products") == first.files("products")


def test_rows_equal_but_for_observed_columns_keep_their_old_values(store: Store) -> None:
    first = commit(store, {"products": products(ids(20))})
    second = commit(store, {"products": products(ids(20), seen=NOON + timedelta(days=1))})
    assert second.tables == first.tables
    assert second.table("products").equals(first.table("products"))


def test_a_changed_row_rewrites_its_own_bucket_alone(store: Store) -> None:
    names = ids(40)
    first = commit(store, {"products": products(names)})
    rows = [product(name, "another caption" if name == names[7] else "a caption") for name in names]
    second = commit(store, {"products": table("products", rows)})
    old, new = set(first.files("products")), set(second.files("products"))
    assert {file.partition for file in old ^ new} == {bucket_of(names[7], 4)}
    assert second.table("products").equals(table("products", rows).sort_by("product_id"))


@pytest.mark.parametrize("count", [19, 21])
def test_a_row_that_went_or_came_is_a_change(store: Store, count: int) -> None:
    commit(store, {"products": products(ids(20))})
    second = commit(store, {"products": products(ids(count))})
    assert second.table("products").equals(products(ids(count)).sort_by("product_id"))


def test_null_and_empty_text_differ(store: Store) -> None:
    commit(store, {"products": table("products", [product("shop:1", None)])})
    second = commit(store, {"products": table("products", [product("shop:1", "")])})
    assert second.table("products", ["caption"]).to_pylist() == [{"caption": ""}]


def test_a_table_can_become_empty(store: Store) -> None:
    commit(store, {"products": products(ids(5))})
    snapshot = commit(store, {"products": products([])})
    assert snapshot.table("products").num_rows == 0
    assert snapshot.tables["products"] == 1


def test_a_relation_is_written_like_a_table(store: Store) -> None:
    commit(store, {"products": products(ids(20))})
    with store.stage("specs", settings="s") as stage, stage.before.connection() as connection:
        query = """SELECT product_id, 0 AS position, 'colour' AS property, 'red' AS value,
                          NULL::VARCHAR AS property_norm, NULL::VARCHAR AS value_norm, NULL::VARCHAR AS unit
                   FROM products"""
        stage.write("specs", connection.sql(query))
        stage.commit(NOTHING)
    expected = table("specs", [spec(name) for name in sorted(ids(20))])
    assert store.snapshot().table("specs").equals(expected)


def test_some_buckets_can_be_written_alone(store: Store) -> None:
    names = ids(40)
    commit(store, {"products": products(names)})
    ours = [name for name in names if bucket_of(name, 4) in {1, 3}]
    with store.stage("records", settings="s") as stage:
        stage.write("products", products(ours[:5], "new"), only=[1, 3])
        stage.commit(NOTHING)
    rows = [product(name) for name in names if name not in ours] + [product(name, "new") for name in ours[:5]]
    assert store.snapshot().table("products").equals(table("products", rows).sort_by("product_id"))


def test_rows_outside_the_partitions_named_are_refused(store: Store) -> None:
    with store.stage("records", settings="s") as stage:
        wrong = [name for name in ids(40) if bucket_of(name, 4) != 2]
        with pytest.raises(DataError, match=r"table products: rows of the partitions .* came, only \[2\]"):
            stage.write("products", products(wrong), only=[2])


def test_writing_back_what_was_pinned_takes_an_earlier_write_back(store: Store) -> None:
    first = commit(store, {"products": products(ids(8))})
    with store.stage("records", settings="s") as stage:
        stage.write("products", products(ids(8), "changed"))
        stage.write("products", products(ids(8)))
        stage.commit(NOTHING)
    assert store.snapshot().tables == first.tables
    assert leftovers(store) == []


def test_rejects_replace_those_of_the_same_stage_alone(store: Store) -> None:
    for name, items in (("crawl", ["a", "b", "b"]), ("extract", ["c"]), ("crawl", ["d"])):
        with store.stage(name, settings="s") as stage:
            stage.reject(Reject(item, "robots", "by rule") for item in items)
            stage.commit(StageReport(name, len(items), 0, {"robots": len(items)}))
    rows = store.snapshot().sql("SELECT stage, item FROM rejects ORDER BY ALL").to_pylist()
    assert rows == [{"stage": "crawl", "item": "d"}, {"stage": "extract", "item": "c"}]
    assert store.snapshot(1).table("rejects", ["item"]).to_pydict() == {"item": ["a", "b", "b"]}


def test_no_rejects_clear_the_stage_s_partition(store: Store) -> None:
    for rejects in ([Reject("a", "robots")], []):
        with store.stage("crawl", settings="s") as stage:
            stage.reject(rejects)
            stage.commit(NOTHING)
    assert store.snapshot().table("rejects").num_rows == 0


def test_partition_values_may_hold_any_text(store: Store) -> None:
    name = "a b/../c='d'%2F 中"
    with store.stage(name, settings="s") as stage:
        stage.reject([Reject("a", "robots")])
        stage.commit(NOTHING)
    assert store.snapshot().table("rejects", ["stage"]).to_pydict() == {"stage": [name]}
    assert leftovers(store) == []


def test_a_stage_is_unchanged_until_settings_extra_or_inputs_change(store: Store) -> None:
    def is_unchanged(settings: str = "s", extra: str = "", caption: str = "a caption") -> bool:
        with store.stage("dedup", settings=settings, extra=extra, reads=["products", "specs"]) as stage:
            unchanged = stage.unchanged
            stage.commit(StageReport("dedup", 1, 1))
        commit(store, {"products": products(ids(5), caption)})
        return unchanged

    commit(store, {"products": products(ids(5))})
    assert [is_unchanged(), is_unchanged(), is_unchanged("t"), is_unchanged("t", "e")] == [False, True, False, False]
    assert [is_unchanged("t", "e", "b"), is_unchanged("t", "e", "b"), is_unchanged("t", "e", "b")] == [
        True,
        False,
        True,
    ]


def test_a_stage_that_reads_what_it_writes_is_unchanged_next_time(store: Store) -> None:
    report = StageReport("download", 3, 2, {"http_404": 1}, seconds=1.5)
    for _ in range(2):
        with store.stage("download", settings="s", reads=["products"]) as stage:
            if stage.unchanged:
                break
            stage.write("products", products(ids(5)))
            stage.commit(report)
    assert store.snapshot().number == 1
    assert stage.report_unchanged() == StageReport("download", 3, 2, {"http_404": 1}, seconds=1.5, unchanged=True)


def test_a_stage_that_never_ran_has_no_report(store: Store) -> None:
    with store.stage("dedup", settings="s") as stage:
        assert not stage.unchanged
        with pytest.raises(DataError, match="stage dedup: it never ran"):
            stage.report_unchanged()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (products(ids(2)).drop_columns(["caption"]), "table products: its columns are product_id, source"),
        (products(["shop:1", "shop:1"]), r"more than one row has the key \(product_id\) = \('shop:1',\)"),
        (
            products(ids(1)).drop_columns(["masked"]).append_column("masked", pa.array([1.5])),
            "table products: Float value 1.500000 was truncated",
        ),
        (products(ids(1)).set_column(1, "source", pa.array([None], pa.string())), "'source' with null values"),
        (
            products(ids(1)).set_column(5, "category", pa.array([["a", None]])),
            "column category holds a list with a NULL",
        ),
    ],
)
def test_bad_tables_are_refused_by_name(store: Store, rows: pa.Table, message: str) -> None:
    with store.stage("records", settings="s") as stage, pytest.raises(DataError, match=message):
        stage.write("products", rows)
    assert leftovers(store) == []


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("NULL", 'NOT NULL constraint failed: incoming."source"'),
        ("error('boom')", "boom"),
    ],
)
def test_bad_relations_are_refused_by_name(store: Store, source: str, message: str) -> None:
    commit(store, {"products": products(ids(2))})
    with store.stage("records", settings="s") as stage, stage.before.connection() as connection:
        relation = connection.sql(f"SELECT * REPLACE ({source} AS source) FROM products")
        with pytest.raises(DataError, match=message):
            stage.write("products", relation)


def test_a_relation_whose_numbers_would_be_rounded_is_refused(store: Store) -> None:
    with store.stage("records", settings="s") as stage, stage.before.connection() as connection:
        relation = connection.sql("SELECT * REPLACE (1.5 AS masked) FROM products")
        with pytest.raises(DataError, match="column masked is DECIMAL"):
            stage.write("products", relation)


def test_a_commit_leaves_large_files_of_objects_as_they_are(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partition_writer, "_SMALL", 1)
    for payloads in (range(20), range(20, 30)):
        with store.stage("extract", settings="s") as stage, store.objects.writer("derived") as writer:
            for payload in payloads:
                writer.put(bytes([payload]), mime="image/jpeg")
            writer.flush()
            stage.commit(NOTHING)
    before, after = (store.snapshot(version).files("objects") for version in (1, 2))
    assert {*before} < {*after}
    assert store.snapshot().table("objects", ["sha256"]).num_rows == 30


def test_new_objects_are_published_with_the_commit(store: Store) -> None:
    for payload in (b"one", b"two", b"one"):
        with store.stage("extract", settings="s") as stage, store.objects.writer("derived") as writer:
            sha256 = writer.put(payload, mime="text/plain")
            writer.flush()
            stage.commit(NOTHING)
    counts = [store.snapshot(version).table("objects").num_rows for version in range(4)]
    assert counts == [0, 1, 2, 2]
    assert store.snapshot(3).tables == store.snapshot(2).tables
    assert sha256 in store.snapshot().table("objects", ["sha256"]).column("sha256").to_pylist()


def test_a_stage_is_committed_once(store: Store) -> None:
    with store.stage("records", settings="s") as stage:
        stage.commit(NOTHING)
        with pytest.raises(DataError, match="stage records: committed twice"):
            stage.commit(NOTHING)
    assert store.snapshot().number == 1


def test_stages_run_one_after_the_other(store: Store) -> None:
    with (
        store.stage("records", settings="s"),
        pytest.raises(WorkspaceError, match="stage dedup: stage records of this process has not ended"),
        store.stage("dedup", settings="s"),
    ):
        pass


def test_the_connection_of_before_stays_usable_while_writing(store: Store) -> None:
    commit(store, {"products": products(ids(3))})
    with store.stage("records", settings="s") as stage, stage.before.connection() as connection:
        stage.write("products", connection.table("products"))
        assert isinstance(connection, duckdb.DuckDBPyConnection)
        assert connection.execute("SELECT count(*) FROM products").fetchall() == [(3,)]


TABLES = {"rows": pa.table({"a": [1, 2]}), "none": pa.table({"b": pa.array([], pa.string())})}


def test_what_was_put_is_there_for_the_next_run_until_the_commit(store: Store) -> None:
    with pytest.raises(KeyboardInterrupt), store.stage("extract", settings="s") as stage:  # noqa: PT012
        stage.spool.put("bucket 1", "inputs", TABLES)
        stage.spool.put("bucket 2", "inputs", {"rows": products(["shop:1"])})
        raise KeyboardInterrupt
    with store.stage("extract", settings="s") as stage:
        assert stage.spool.get("bucket 1", "inputs") == TABLES
        assert stage.spool.get("bucket 2", "inputs") == {"rows": products(["shop:1"])}
        assert stage.spool.get("bucket 3", "inputs") is None
        stage.commit(NOTHING)
        assert stage.spool.get("bucket 1", "inputs") is None
    assert leftovers(store) == []
    assert list(store.root.glob("spool/**/*.*")) == []


def test_spool_of_a_committed_stage_is_swept_after_a_kill(store: Store) -> None:
    with store.stage("extract", settings="s") as stage:
        stage.spool.put("1", "inputs", TABLES)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(stage.spool, "clear", lambda: None)
            stage.commit(NOTHING)
    with store.lock():
        assert list(store.root.glob("spool/**/*.*")) == []


def test_a_stale_fingerprint_is_ignored_and_replaced(store: Store) -> None:
    with store.stage("extract", settings="s") as stage:
        stage.spool.put("1", "old", TABLES)
        assert stage.spool.get("1", "new") is None
        stage.spool.put("1", "new", {"rows": pa.table({"a": [3]})})
        assert stage.spool.get("1", "old") is None
        assert stage.spool.get("1", "new") == {"rows": pa.table({"a": [3]})}
    assert len(list(store.root.glob("spool/**/*.arrow"))) == 1


def test_stages_do_not_see_each_other_s_spool(store: Store) -> None:
    with store.stage("extract", settings="s") as stage:
        stage.spool.put("1", "inputs", TABLES)
    with store.stage("dedup", settings="s") as stage:
        assert stage.spool.get("1", "inputs") is None
        stage.commit(NOTHING)
    with store.stage("extract", settings="s") as stage:
        assert stage.spool.get("1", "inputs") == TABLES


def test_partition_names_may_hold_any_text(store: Store) -> None:
    with store.stage("extract", settings="s") as stage:
        for name in ("../../escape", "a/b", "中", "x" * 500):
            stage.spool.put(name, "line\nbreak", {"rows\n": TABLES["rows"]})
            assert stage.spool.get(name, "line\nbreak") == {"rows\n": TABLES["rows"]}


def test_a_half_written_spool_file_is_swept(store: Store) -> None:
    with store.stage("extract", settings="s") as stage:
        stage.spool.put("1", "inputs", TABLES)
    (kept,) = store.root.glob("spool/**/*.arrow")
    kept.with_name(".abc.arrow.99.tmp").write_bytes(b"half")
    with store.lock():
        assert leftovers(store) == []
