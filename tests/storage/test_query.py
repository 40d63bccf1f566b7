"""A query opens only the files that can hold its answer."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from core.engine import Engines, bucket_of, open_engine
from core.errors import QueryError
from storage import Store
from storage.query import Reads, names_of, plan_reads
from tests.storage.random_queries import answers, fill, random_query, whole_tables
from tests.storage.synthetic import commit, ids, is_sorted, products, spec, table

BUCKETS = 4
HOME = bucket_of("shop:1", BUCKETS)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("select count(*) from products", {"products"}),
        ("select * from SPECS s where product_id = 'shop:1'", {"specs"}),
        ("select (select count(*) from specs), * from products", {"products", "specs"}),
        ("with a as (from specs) from a join products using (product_id)", {"products", "specs"}),
        ("with specs as (select 'shop:1' as product_id) from specs where product_id = 'shop:1'", None),
        ("select * from ledger where product_id = 'shop:1'", None),
        ("select * from specs, duckdb_columns()", None),
        ("describe specs", None),
        ("show tables", None),
        ("selec", None),
        ("select 1; select 2", None),
    ],
)
def test_names_of_a_query(query: str, names: set[str] | None) -> None:
    with open_engine() as engine:
        assert names_of(engine, query) == (names and frozenset(names))


def test_a_view_reads_the_tables_of_its_own_query() -> None:
    views = {"lines": lambda: "from specs join products using (product_id)", "few": lambda: "from lines limit 1"}
    with open_engine() as engine:
        names = names_of(engine, "from few, specs where product_id = 'shop:1'", views=views)
    assert names == frozenset(("few", "lines", "products", "specs"))


def needed(query: str, params: Sequence[object] | None = None) -> Reads:
    """Return what a query needs of the tables."""
    with closing(Engines().lend(inside=Path("/nowhere"), plans=True)) as probe:
        return plan_reads(probe, query, params, BUCKETS, {"lines": "select product_id, value from specs"})


@pytest.mark.parametrize(
    ("query", "tables"),
    [
        ("select position from specs where product_id = 'shop:1'", {"specs"}),
        ("select value from specs s where 'shop:1' = s.Product_ID and position > 1 order by 1", {"specs"}),
        ("select value from lines where product_id = 'shop:1'", {"specs"}),
        ("select value from specs where product_id = concat('shop', ':', 1)", {"specs"}),
        ("select value from specs where product_id like 'shop:1'", {"specs"}),
        ("with a as (from specs) select value from a where product_id = 'shop:1'", {"specs"}),
        (
            "select value from (from specs where product_id = 'shop:1') join products using (product_id)",
            {"specs", "products"},
        ),
        (
            "select value from products p left join specs s on s.product_id = 'shop:1' where p.product_id = 'shop:1'",
            {"specs", "products"},
        ),
        ("select value from specs where product_id = 'shop:1' union all select caption from products", {"specs"}),
        ("select (select count(*) from specs where p.product_id = 'shop:1') from products p", set()),
        ("select count(*) from products p, lateral (from specs where p.product_id = 'shop:1')", set()),
        ("select value from products p left join specs s on p.product_id = 'shop:1'", set()),
        ("select unit from specs where product_id = 'shop:1' or position = 0", set()),
        ("select unit from specs where product_id <> 'shop:1'", set()),
        ("select unit from specs where not (product_id = 'shop:1')", set()),
        ("select unit from specs where property = 'shop:1'", set()),
        ("select unit from specs where lower(product_id) = 'shop:1'", set()),
        ("select c from specs t(product_name, product_id, a, b, c) where product_id = 'shop:1'", set()),
        (
            "select position from (select position, 'shop:1' as product_id from specs) where product_id = 'shop:1'",
            set(),
        ),
        ("select s.unit from (from specs limit 3) s where product_id = 'shop:1'", set()),
        ("select unit from (from specs using sample 5) where product_id = 'shop:1'", set()),
        ("select position from specs where product_id = 'shop:1' union select position from specs", set()),
        ("select count(*) from specs", set()),
        ("select value from specs where product_id = 'x' || chr(10) || '(product_id = ''shop:1'')'", set()),
        ("selec", set()),
    ],
)
def test_tables_that_are_needed_in_one_bucket(query: str, tables: set[str]) -> None:
    assert needed(query).buckets == {table: {HOME} for table in tables}


def test_each_use_of_a_table_adds_its_bucket() -> None:
    query = "select value from specs where product_id = 'shop:1' union select value from specs where product_id = $1"
    assert needed(query, ["shop:0"]).buckets == {"specs": {HOME, bucket_of("shop:0", BUCKETS)}}


@pytest.mark.parametrize(
    ("query", "norms"),
    [
        ("select position * 2, count(*) from specs group by all", False),
        ("select s.property from specs s where value = '*'", False),
        ("with a as (from specs) select count(*) from a", False),
        ("select * from specs", True),
        ("select s.* exclude (value) from specs s", True),
        ("select columns('.*norm') from specs", True),
        ("select s from specs s", True),
        ("from specs", True),
        ("select e from specs t(a, b, c, d, e)", True),
        ("select count(*) from specs a natural join specs b", True),
        ("summarize specs", True),
        ("pivot specs on property using count(*)", True),
        ("select count(Value_Norm) from specs", True),
        ("select count(*) from specs where unit = 'mm'", True),
        ("select count(*) from specs where product_id = 'shop:1' and unit like 'm%'", True),
    ],
)
def test_normalised_values_are_joined_where_a_query_may_read_them(query: str, *, norms: bool) -> None:
    assert needed(query).norms == norms


def test_queries_answer_as_over_whole_tables(store: Store) -> None:
    snapshot, random = fill(store), Random(1)
    with whole_tables(snapshot) as whole:
        for query in [random_query(random) for _ in range(200)]:
            own, expected = answers(snapshot, whole, query)
            assert own == expected, query


def test_a_refused_statement_is_not_run_while_it_is_planned(store: Store, tmp_path: Path) -> None:
    target = tmp_path / "written.csv"
    with pytest.raises(QueryError, match="2 statements given"):
        store.snapshot().sql(f"select 1; copy (select 1) to '{target}'")
    assert not target.exists()


def test_a_correlated_condition_loses_no_row(store: Store) -> None:
    inner = "select count(*) from specs where p.product_id = 'shop:1'"
    query = f"select ({inner}) as n from products p where product_id = 'shop:1'"
    assert fill(store).sql(query).to_pylist() == [{"n": 15}]


def test_a_part_of_the_buckets_has_each_row_once(store: Store) -> None:
    """A query of one product, asked of each part, is answered by one of them."""
    snapshot = fill(store)
    query = "select product_id, position from specs where product_id = 'shop:1' and position = 0"
    parts = [snapshot.batches(query, buckets=[bucket]).read_all().num_rows for bucket in range(BUCKETS)]
    assert parts == [int(bucket == HOME) for bucket in range(BUCKETS)]


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
