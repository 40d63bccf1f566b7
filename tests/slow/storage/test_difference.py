"""The differences between any two versions are the differences of their rows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import Store
from storage.difference import ChangedRow, changed_rows
from tests.storage.synthetic import commit, ids, noon, product, table

Rows = dict[str, str]


def put(store: Store, rows: Rows, step: int) -> None:
    found = [product(name, caption) for name, caption in rows.items()]
    commit(store, {"products": table("products", found)}, settings=str(step))


_CATALOGUES = st.dictionaries(st.sampled_from(ids(6)), st.sampled_from(["a", "b"]), max_size=6)


@given(_CATALOGUES, _CATALOGUES)
def test_the_changes_are_those_of_the_rows(tmp_path_factory: pytest.TempPathFactory, old: Rows, new: Rows) -> None:
    store = Store.create(tmp_path_factory.mktemp("store"), buckets=2, clock=noon)
    put(store, old, 1)
    put(store, new, 2)
    expected = {ChangedRow("added", (name,)) for name in new.keys() - old.keys()}
    expected |= {ChangedRow("removed", (name,)) for name in old.keys() - new.keys()}
    expected |= {ChangedRow("changed", (name,)) for name in old.keys() & new.keys() if old[name] != new[name]}
    assert set(changed_rows(store.snapshot(1), store.snapshot(2), "products")) == expected
