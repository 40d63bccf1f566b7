"""The spool: what a killed stage had finished is there for its next run, and only for the same inputs."""

import pyarrow as pa
import pytest

from storage import Store
from tests.storage.synthetic import NOTHING, leftovers, products

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


def test_a_spool_whose_stage_committed_is_swept_also_where_the_process_died_in_between(store: Store) -> None:
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
