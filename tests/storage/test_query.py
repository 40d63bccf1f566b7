"""A query opens only the files that can hold its answer."""

from pathlib import Path

import pytest

from core.errors import QueryError
from storage import Store
from storage.engine import open_engine
from storage.query import reads_norms, scope_of
from storage.tables import bucket_of
from tests.storage.synthetic import commit, ids, is_sorted, products, spec, table

BUCKETS = 4
HOME = bucket_of("shop:1", BUCKETS)


@pytest.mark.parametrize(
    ("query", "scope"),
    [
        ("select * from specs where product_id = 'shop:1'", {"specs": [HOME]}),
        ("select value from specs s where 'shop:1' = s.Product_ID and position > 1 order by 1", {"specs": [HOME]}),
        (
            "select * from (select * from specs where product_id = 'shop:1') join products using (product_id)",
            {"products": None, "specs": [HOME]},
        ),
        ("select * from specs where product_id = 'shop:1' or position = 0", {"specs": None}),
        ("select * from specs where product_id <> 'shop:1'", {"specs": None}),
        ("select * from specs where product_id = 'shop:1' and product_id = 'shop:0'", {"specs": None}),
        ("select * from specs where not (product_id = 'shop:1')", {"specs": None}),
        ("select * from specs where property = 'shop:1'", {"specs": None}),
        ("select * from specs where product_id = $1", {"specs": None}),
        ("select (select count(*) from specs), * from specs where product_id = 'shop:1'", {"specs": None}),
        ("with specs as (select 'shop:1' as product_id) from specs where product_id = 'shop:1'", None),
        ("select count(*) from products", {"products": None}),
        ("select * from specs using sample 5", {"specs": None}),
        ("select * from ledger where product_id = 'shop:1'", None),
        ("with a as (from specs) from a join products using (product_id)", {"products": None, "specs": None}),
        ("select * from SPECS where product_id = 'shop:1'", {"specs": [HOME]}),
        ("select * from specs, duckdb_columns()", None),
        ("describe specs", None),
        ("show tables", None),
        ("selec", None),
        ("select 1; select 2", None),
    ],
)
def test_what_a_query_reads(query: str, scope: dict[str, list[int] | None] | None) -> None:
    with open_engine() as engine:
        assert scope_of(engine, query, BUCKETS) == scope


@pytest.mark.parametrize(
    ("query", "reads"),
    [
        ("select position * 2, count(*) from specs group by all", False),
        ("select s.property from specs s where value = '*'", False),
        ("select * from specs", True),
        ("select s.* exclude (value) from specs s", True),
        ("select columns(*) from specs", True),
        ("select s from specs s", True),
        ("from specs", True),
        ("with a as (from specs) select count(*) from a", True),
        ("summarize specs", True),
        ("pivot specs on property using count(*)", True),
        ("select count(Value_Norm) from specs", True),
        ("select number from spec_numbers", True),
    ],
)
def test_normalised_values_are_joined_where_a_query_may_read_them(query: str, *, reads: bool) -> None:
    with open_engine() as engine:
        assert reads_norms(engine, query) == reads


def test_a_view_reads_the_tables_of_its_own_query() -> None:
    views = {"lines": lambda: "from specs join products using (product_id)", "few": lambda: "from lines limit 1"}
    with open_engine() as engine:
        scope = scope_of(engine, "from few, specs where product_id = 'shop:1'", BUCKETS, views=views)
    assert scope == {"few": None, "lines": None, "products": None, "specs": None}


def test_a_lookup_of_one_product_reads_one_file(store: Store) -> None:
    """The query is answered after every other file was removed."""
    names = ids(40)
    commit(store, {"products": products(names), "specs": table("specs", [spec(n, i) for n in names for i in (0, 1)])})
    asked = f"select position, value from specs where product_id = '{names[7]}' order by position"
    own = bucket_of(names[7], BUCKETS)
    for file in store.snapshot().files("specs"):
        path = store.root / "tables/specs" / file.path
        assert is_sorted(path, ("product_id", "position"))
        if file.partition != own:
            path.unlink()
    assert store.snapshot().sql(asked).to_pylist() == [{"position": i, "value": "red"} for i in (0, 1)]
    with pytest.raises(QueryError, match="No files found"):
        store.snapshot().sql("select count(*) from specs")


def test_each_partition_is_one_file_however_often_it_is_written(store: Store) -> None:
    for count in (10, 20, 30):
        commit(store, {"products": products(ids(count))})
        files = store.snapshot().files("products")
        assert [file.partition for file in files] == sorted({bucket_of(name, BUCKETS) for name in ids(count)})
        assert sum(file.rows for file in files) == count
        assert all(is_sorted(Path(store.root / "tables/products" / file.path), ("product_id",)) for file in files)


def test_columns_of_one_name_get_different_ones(store: Store) -> None:
    found = store.snapshot().sql("select 1 as a, 2 as a, 3 as a_2, 4 as b")
    assert found.to_pylist() == [{"a": 1, "a_2": 2, "a_2_2": 3, "b": 4}]
