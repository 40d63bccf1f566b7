import pytest
from hypothesis import given
from hypothesis import strategies as st

from m5data.errors import DataError
from storage import Store
from storage.difference import ChangedRow, TableChange, changed_rows, table_changes
from tests.storage.synthetic import commit, ids, noon, product, products, spec, table

Rows = dict[str, str]


def put(store: Store, rows: Rows, step: int) -> None:
    given = [product(name, caption) for name, caption in rows.items()]
    commit(store, {"products": table("products", given)}, settings=str(step))


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
    with pytest.raises(DataError, match="wanted a table, got 'nothing'"):
        list(changed_rows(store.snapshot(0), store.snapshot(0), "nothing"))


_CATALOGUES = st.dictionaries(st.sampled_from(ids(6)), st.sampled_from(["a", "b"]), max_size=6)


@given(_CATALOGUES, _CATALOGUES)
def test_the_changes_are_those_of_the_rows(tmp_path_factory: pytest.TempPathFactory, old: Rows, new: Rows) -> None:
    store = Store.create(tmp_path_factory.mktemp("store"), buckets=2, clock=noon)
    put(store, old, 1)
    put(store, new, 2)
    wanted = {ChangedRow("added", (name,)) for name in new.keys() - old.keys()}
    wanted |= {ChangedRow("removed", (name,)) for name in old.keys() - new.keys()}
    wanted |= {ChangedRow("changed", (name,)) for name in old.keys() & new.keys() if old[name] != new[name]}
    assert set(changed_rows(store.snapshot(1), store.snapshot(2), "products")) == wanted
