"""Tables on disk: sorted files, a log without row content, and commits that other writers cannot break."""

import json
import os
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError

from core.errors import DataError
from core.table_spec import BUCKET
from storage import Store
from storage.tables import TABLES
from storage.tables.data_files import DataFile
from storage.tables.delta import DeltaLog
from tests.storage.synthetic import NOON, NOTHING, commit, data_files, ids, is_sorted, product, products, table


def log_text(store: Store, name: str) -> str:
    return "".join(path.read_text() for path in (store.root / "tables" / name / "_delta_log").glob("*.json"))


def test_rows_are_sorted_across_row_groups(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "w", buckets=2)
    with duckdb.connect() as connection, store.stage("specs", settings="s") as stage:
        query = """SELECT 'shop:' || (i * 7919 % 300_000) // 3 AS product_id, (i * 7919 % 3)::INT AS position,
                   'p' AS property, 'v' AS value, NULL::VARCHAR AS property_norm, NULL::VARCHAR AS value_norm,
                   NULL::VARCHAR AS unit FROM range(300_000) r(i)"""
        stage.write("specs", connection.sql(query))
        stage.commit(NOTHING)
    files = list(data_files(store, "specs"))
    assert [pq.ParquetFile(path).num_row_groups for path in files] == [2, 2]
    assert all(is_sorted(path, ("product_id", "position")) for path in files)
    assert store.snapshot().table("specs", ["product_id"]).num_rows == 300_000


def test_files_declare_which_columns_hold_no_null(store: Store) -> None:
    commit(store, {"products": products(ids(3))})
    declared = {field.name for field in TABLES["products"].schema if not field.nullable}
    for path in data_files(store, "products"):
        assert declared <= {field.name for field in pq.read_schema(path) if not field.nullable}


def test_the_log_holds_no_content_of_rows(store: Store) -> None:
    names = [f"shop:secret-{number}" for number in range(9)]
    commit(store, {"products": products(names, "a telltale caption")})
    log = log_text(store, "products")
    assert "telltale" not in log
    assert "secret" not in log
    adds = [json.loads(line)["add"] for line in log.splitlines() if line.startswith('{"add"')]
    assert sum(json.loads(add["stats"])["numRecords"] for add in adds) == 9
    assert {key for add in adds for key in json.loads(add["stats"])} == {"numRecords"}


def test_delta_lake_s_own_reader_agrees(store: Store) -> None:
    commit(store, {"products": products(ids(30))})
    commit(store, {"products": products(ids(20), "changed")})
    foreign = pa.table(DeltaTable(store.root / "tables" / "products").to_pyarrow_table())
    assert foreign.schema.names == [*products([]).schema.names, BUCKET]
    assert (
        foreign.drop_columns([BUCKET]).sort_by("product_id").equals(products(ids(20), "changed").sort_by("product_id"))
    )


def test_a_log_that_other_programs_wrote_to_is_read_as_they_read_it(store: Store) -> None:
    commit(store, {"products": products(ids(20))})
    commit(store, {"products": products(ids(10), "changed")})
    folder = store.root / "tables" / "products"
    more = products(["shop:more"]).append_column(
        pa.field(BUCKET, pa.int32(), nullable=False), pa.array([0], pa.int32())
    )
    write_deltalake(folder, more, mode="append")
    DeltaTable(folder).delete("product_id = 'shop:more'")
    DeltaTable(folder).alter.set_table_properties({"delta.enableDeletionVectors": "true"}, raise_if_not_exists=False)
    log = DeltaLog(folder, TABLES["products"])
    for version in range(DeltaTable(folder).version() + 1):
        table = DeltaTable(folder, version=version)
        assert sorted(str(folder / file.path) for file in log.files(version)) == sorted(table.file_uris())
        rows = pa.table(table.get_add_actions(flatten=True))["num_records"].to_pylist()
        assert sorted(file.rows for file in log.files(version)) == sorted(rows)


def test_one_commit_replaces_just_the_changed_partitions(store: Store) -> None:
    rows = [product(name) for name in ids(40)]
    commit(store, {"products": table("products", rows)})
    rows[0]["caption"] = "changed"
    commit(store, {"products": table("products", rows)})
    entry = store.root / "tables" / "products" / "_delta_log" / f"{1:020}.json"
    kinds = [next(iter(json.loads(line))) for line in entry.read_text().splitlines()]
    assert sorted(kinds) == ["add", "commitInfo", "remove"]


def test_another_writer_s_commit_in_between_is_taken_back(store: Store) -> None:
    commit(store, {"products": products(ids(20))})
    with store.stage("records", settings="s") as stage:
        stage.write("products", products(ids(20), "changed"))
        foreign = products(["shop:foreign"]).append_column(
            pa.field(BUCKET, pa.int32(), nullable=False), pa.array([0], pa.int32())
        )
        write_deltalake(store.root / "tables" / "products", foreign, mode="append")
        stage.commit(NOTHING)
    assert store.snapshot().table("products").equals(products(ids(20), "changed").sort_by("product_id"))


def test_another_writer_s_commit_while_nobody_wrote_is_rolled_back(store: Store) -> None:
    before = commit(store, {"products": products(ids(20))})
    DeltaTable(store.root / "tables" / "products").delete()
    assert store.snapshot().table("products").num_rows == 20
    with store.lock():
        pass
    assert pa.table(DeltaTable(store.root / "tables" / "products").to_pyarrow_table()).num_rows == 20
    assert store.snapshot().tables == before.tables
    head = len(list((store.root / "tables" / "products" / "_delta_log").iterdir()))
    with store.lock():
        pass
    assert len(list((store.root / "tables" / "products" / "_delta_log").iterdir())) == head


@pytest.mark.parametrize(("conflicts", "attempts"), [(2, 3), (99, 5)])
def test_commit_conflicts_are_retried_a_bounded_number_of_times(
    store: Store, monkeypatch: pytest.MonkeyPatch, conflicts: int, attempts: int
) -> None:
    commit(store, {"products": products(ids(5))})
    original = DeltaTable.create_write_transaction
    calls: list[int] = []

    def conflicting(self: DeltaTable, *args: object, **options: object) -> None:
        calls.append(1)
        if len(calls) <= conflicts:
            raise CommitFailedError("a concurrent transaction")
        original(self, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(DeltaTable, "create_write_transaction", conflicting)
    if conflicts < attempts:
        assert commit(store, {"products": products(ids(6))}).table("products").num_rows == 6
    else:
        with pytest.raises(DataError, match="5 commits in a row conflicted with another writer's"):
            commit(store, {"products": products(ids(6))})
        assert store.snapshot().table("products").num_rows == 5
    assert len(calls) == attempts


def test_everything_is_synced_in_an_order_that_survives_a_power_cut(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    sync = os.fsync

    def recording(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        synced.append(str(path.relative_to(store.root)))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", recording)
    snapshot = commit(store, {"products": products(ids(20))})
    log = f"tables/products/_delta_log/{0:020}.json"
    for file in snapshot.files("products"):
        data, folder = f"staging/tables/products/{file.path}", f"tables/products/{Path(file.path).parent}"
        assert synced.index(data) < synced.index(folder) < synced.index(log)
        assert "tables/products" in synced[: synced.index(log)]
    folders = ("tables/products/_delta_log", "tables/products", "tables")
    version = next(name for name in synced if name.startswith("versions/.00000001"))
    assert all(synced.index(log) < len(synced) - 1 - synced[::-1].index(f) < synced.index(version) for f in folders)
    assert synced[synced.index(version) + 1] == "versions"


def test_a_long_history_stays_readable_over_checkpoints(tmp_path: Path) -> None:
    log = DeltaLog(tmp_path / "labels", TABLES["labels"])
    steps = [DataFile(f"bucket=0/{step}.parquet", 0, size=1, rows=step) for step in range(53)]
    assert [log.converge([file], NOON) for file in steps] == list(range(53))
    checkpoints = [path.name for path in (tmp_path / "labels" / "_delta_log").glob("*.parquet")]
    assert checkpoints == [f"{50:020}.checkpoint.parquet"]
    assert [log.files(version) for version in (0, 49, 50, 51, 52)] == [(steps[n],) for n in (0, 49, 50, 51, 52)]
