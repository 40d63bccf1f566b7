"""Differences between two versions are counted by table and listed by key."""

import pytest

from core.errors import DataError
from storage import Store
from storage.difference import TableChange, changed_rows, table_changes
from tests.storage.synthetic import commit, ids, product, products, spec, table


def test_counts_by_table_and_keys_of_one(store: Store) -> None:
    commit(store, {"products": products(ids(3)), "specs": table("specs", [spec("shop:0")])}, settings="1")
    rows = [product("shop:0"), product("shop:1", "other"), product("shop:9")]
    commit(store, {"products": table("products", rows)}, settings="2")
    old, new = store.snapshot(1), store.snapshot(2)
    assert table_changes(old, new) == [TableChange("products", 1, 1, 1)]
    assert sorted((row.change, row.key[0]) for row in changed_rows(old, new, "products")) == [
        ("added", "shop:9"), ("changed", "shop:1"), ("removed", "shop:2"),
    ]  # fmt: skip
    assert list(changed_rows(old, new, "specs")) == []
    assert table_changes(new, new) == []


def test_from_the_empty_version_everything_is_added(store: Store) -> None:
    commit(store, {"products": products(ids(2))})
    assert table_changes(store.snapshot(0), store.snapshot(1)) == [TableChange("products", 2, 0, 0)]


def test_an_unknown_table_is_an_error(store: Store) -> None:
    with pytest.raises(DataError, match="there is no table 'nothing'"):
        list(changed_rows(store.snapshot(0), store.snapshot(0), "nothing"))
