import shutil
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from core.engine import open_engine
from core.stage import StageReport
from storage import Store
from storage.erasure import Edit, among, history, rewrite_tables
from storage.erasure.tables import replace_files
from storage.tables import TABLES
from tests.storage.synthetic import commit, ids, leftovers, noon, product, products, spec, table

GONE = "shop:1"


def cut(store: Store, *edits: Edit) -> dict[str, int]:
    with store.lock(), closing(open_engine()) as engine:
        return rewrite_tables(engine, store.root, edits or [Edit("products", among("product_id", [GONE]))])


def names(store: Store, version: int) -> list[str]:
    found: list[str] = store.snapshot(version).table("products")["product_id"].to_pylist()
    return found


def fill(store: Store, versions: int) -> None:
    for step in range(versions):
        commit(store, {"products": products(ids(4), f"caption {step}")}, settings=str(step))


@pytest.mark.parametrize("versions", [1, 3, 53])
def test_every_version_is_without_the_row_and_as_it_was_otherwise(store: Store, versions: int) -> None:
    fill(store, versions)
    captions = [store.snapshot(n + 1).table("products")["caption"][0] for n in range(versions)]
    assert cut(store) == {"products": versions}
    for number in range(1, versions + 1):
        rows = store.snapshot(number).table("products")
        assert rows["product_id"].to_pylist() == ["shop:0", "shop:2", "shop:3"]
        assert set(rows["caption"]) == {captions[number - 1]}
    assert leftovers(store) == [] or all("checkpoint" in name for name in leftovers(store))


def test_other_readers_of_delta_lake_see_the_same(store: Store) -> None:
    fill(store, 2)
    cut(store)
    for version in (0, 1):
        found = DeltaTable(store.root / "tables/products", version=version).to_pyarrow_table(columns=["product_id"])
        assert sorted(found["product_id"].to_pylist()) == ["shop:0", "shop:2", "shop:3"]


def test_files_without_it_and_a_second_time_stay_untouched(store: Store) -> None:
    commit(store, {"products": products(ids(4)), "specs": table("specs", [spec("shop:0")])})
    before = {path.name for path in (store.root / "tables").rglob("*.parquet")}
    assert cut(store) == {"products": 1}
    after = {path.name for path in (store.root / "tables").rglob("*.parquet")}
    assert (len(before - after), len(after - before)) == (1, 1)
    assert cut(store) == {}
    assert {path.name for path in (store.root / "tables").rglob("*.parquet")} == after


def test_a_file_without_any_row_left_goes(store: Store) -> None:
    commit(store, {"products": products([GONE])})
    cut(store)
    assert names(store, 1) == []
    assert list((store.root / "tables/products").rglob("*.parquet")) == []


def test_later_commits_go_on_from_there(store: Store) -> None:
    fill(store, 2)
    cut(store)
    with store.stage("more", settings="") as stage:
        stage.write("products", products(["shop:0", "shop:9"]))
        stage.commit(StageReport("more", 0, 0))
    assert [names(store, n) for n in (2, 3)] == [["shop:0", "shop:2", "shop:3"], ["shop:0", "shop:9"]]


def test_values_change_and_rows_keep_their_order(store: Store) -> None:
    rows = [product(name) for name in ids(4)]
    commit(store, {"products": table("products", rows)})
    edit = Edit("products", "false", among("product_id", ["shop:2"]), {"caption": "'other ' || product_id"})
    cut(store, edit)
    found = store.snapshot().table("products")
    assert names(store, 1) == ids(4)
    assert found["caption"].to_pylist()[2] == "other shop:2"


def test_partitions_by_value_are_rewritten_where_they_lie(store: Store) -> None:
    reject = {"item": "x", "reason": "r", "detail": ""}
    for stage in ("ein ü&b", "b"):
        with store.stage(stage, settings="") as run:
            rows = [{"stage": stage, **reject}, {"stage": stage, **reject, "item": "y"}]
            run.write("rejects", table("rejects", rows), only=stage)
            run.commit(StageReport(stage, 2, 0, {"r": 2}))
    cut(store, Edit("rejects", "item = 'x'"))
    assert store.snapshot().table("rejects").select(["stage", "item"]).to_pylist() == [
        {"stage": "b", "item": "y"},
        {"stage": "ein ü&b", "item": "y"},
    ]


def test_each_version_reads_right_between_any_two_changes_of_the_log(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, 4)
    whole, less = ids(4), ["shop:0", "shop:2", "shop:3"]
    seen: list[list[list[str]]] = []

    def look(path: Path, data: bytes) -> None:
        path.write_bytes(data)
        seen.append([names(Store(store.root, clock=noon), n) for n in range(1, 5)])

    monkeypatch.setattr("storage.erasure.tables.replace_file", look)
    cut(store)
    assert len(seen) >= 4
    assert all(rows in (whole, less) for moment in seen for rows in moment)
    assert seen[-1] == [less] * 4


def test_a_kill_between_the_files_and_the_log_is_repeated(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(store, 3)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("storage.erasure.tables.replace_files", killed)
        with pytest.raises(KeyboardInterrupt):
            cut(store)
    assert names(store, 3) == ids(4)
    assert cut(store) == {"products": 3}
    assert names(store, 1) == ["shop:0", "shop:2", "shop:3"]
    assert leftovers(store) == []


def test_half_a_file_that_a_killed_take_down_left_is_not_read_and_goes(store: Store) -> None:
    fill(store, 2)
    (whole, *_) = sorted((store.root / "tables/products").glob("*/*.parquet"))
    half = whole.with_name("half.parquet")
    half.write_bytes(whole.read_bytes()[:3])
    with history(store.root) as engine:
        assert engine.execute("SELECT count(*) FROM products").fetchall() == [(8,)]
    assert cut(store) == {"products": 2}
    assert not half.exists()


def test_replacing_nothing_leaves_the_log(store: Store) -> None:
    fill(store, 2)
    folder = store.root / "tables/products"
    shutil.copytree(folder / "_delta_log", store.root / "before")
    replace_files(folder, {})
    for path in (store.root / "before").iterdir():
        assert (folder / "_delta_log" / path.name).read_bytes() == path.read_bytes()


def test_rows_of_an_older_file_without_added_columns_can_be_changed(store: Store) -> None:
    commit(store, {"products": products(ids(3))})
    added = [column.name for column in TABLES["products"].columns if column.may_lack]
    before = store.snapshot().table("products").to_pylist()
    for file in (store.root / "tables/products").rglob("*.parquet"):
        pq.write_table(pq.read_table(file, partitioning=None).drop_columns(added), file)
    cut(store, Edit("products", among("product_id", [GONE]), "true", {"brand": "'no brand'"}))
    assert added
    assert store.snapshot().table("products").to_pylist() == [
        {**row, "brand": "no brand"} for row in before if row["product_id"] != GONE
    ]
