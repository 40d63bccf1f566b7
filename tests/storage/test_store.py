"""Workspaces are created once and opened often, and all their versions stay readable."""

from pathlib import Path

import pytest

from core.errors import DataError, WorkspaceError
from storage import Store
from storage.tables import TABLES
from tests.storage.synthetic import NOON, commit, ids, leftovers, products


def test_a_new_store_holds_empty_tables_with_their_schemas(store: Store) -> None:
    snapshot = store.snapshot()
    assert (snapshot.number, snapshot.created, dict(snapshot.tables), dict(snapshot.stages)) == (0, None, {}, {})
    for name, spec in TABLES.items():
        assert snapshot.table(name).equals(spec.schema.empty_table(), check_metadata=True)


def test_create_refuses_a_folder_that_holds_a_store(store: Store) -> None:
    with pytest.raises(WorkspaceError, match="already a workspace"):
        Store.create(store.root)


def test_create_finishes_what_a_killed_create_began(store: Store) -> None:
    (store.root / "versions" / "00000000.json").unlink()
    with pytest.raises(WorkspaceError, match="it has no dataset version"):
        Store.open(store.root)
    assert Store.create(store.root).snapshot().number == 0


def test_create_accepts_a_folder_with_other_files(tmp_path: Path) -> None:
    (tmp_path / "m5data.toml").touch()
    assert Store.create(tmp_path).snapshot().number == 0


@pytest.mark.parametrize("name", ["st*r", "what?", "a[b]"])
def test_create_refuses_a_path_that_duckdb_would_expand(tmp_path: Path, name: str) -> None:
    with pytest.raises(WorkspaceError, match="reads as a pattern"):
        Store.create(tmp_path / name)
    assert not (tmp_path / name).exists()


def test_open_refuses_what_is_no_workspace(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(WorkspaceError, match="not a workspace: it has no dataset version"):
            Store.open(folder)


def test_open_finds_what_another_store_committed(store: Store) -> None:
    commit(store, {"products": products(ids(5))})
    other = Store.open(store.root)
    assert other.snapshot().number == 1
    assert other.snapshot().created == NOON
    assert other.snapshot().table("products").equals(products(ids(5)))


def test_a_path_with_quotes_and_spaces_works(tmp_path: Path) -> None:
    store = Store.create(tmp_path / 'it\'s a "shop" 店')
    commit(store, {"products": products(ids(3))})
    assert store.snapshot().sql("SELECT count(*) AS n FROM products").to_pylist() == [{"n": 3}]


def test_every_version_stays_readable(store: Store) -> None:
    for count in range(1, 4):
        commit(store, {"products": products(ids(count))}, settings=str(count))
    sizes = [store.snapshot(version).table("products").num_rows for version in range(4)]
    assert sizes == [0, 1, 2, 3]
    assert leftovers(store) == []


def test_a_version_that_is_none_is_named(store: Store) -> None:
    commit(store, {})
    with pytest.raises(WorkspaceError, match="dataset version 7 does not exist; versions are 0 to 1"):
        store.snapshot(7)


def test_an_unknown_table_or_column_is_named(store: Store) -> None:
    with pytest.raises(DataError, match="there is no table 'prodcts'"):
        store.snapshot().table("prodcts")
    with pytest.raises(DataError, match="table products has no column captoin"):
        store.snapshot().table("products", ["captoin"])
