"""SQL over one version sees every table and the ledger, and nothing else."""

from pathlib import Path

import pyarrow as pa
import pytest

from core.engine import memory_limit
from core.errors import QueryError
from storage import Store
from storage.tables import TABLES
from storage.tags import TAGS_COLUMNS
from storage.views import VIEWS
from tests.storage.synthetic import commit, ids, products, spec, table


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) AS n FROM products",
        "FROM products SELECT count(*) AS n",
        "WITH p AS (SELECT * FROM products) SELECT count(*) AS n FROM p;",
        "SELECT count(*) AS n FROM ledger",
        "SELECT ? + 0 AS n",
    ],
)
def test_selects_of_every_form_answer(store: Store, query: str) -> None:
    snapshot = commit(store, {"products": products(ids(7))})
    params = [7] if "?" in query else None
    assert snapshot.sql(query, params).to_pylist() == [{"n": 7}]


@pytest.mark.parametrize("query", ["DESCRIBE products", "SHOW TABLES", "SUMMARIZE products", "VALUES (1)"])
def test_questions_about_the_catalogue_answer(store: Store, query: str) -> None:
    assert store.snapshot().sql(query).num_rows > 0


def test_the_catalogue_says_what_each_column_means(store: Store) -> None:
    query = "SELECT table_name, column_name, comment FROM duckdb_columns() WHERE NOT internal"
    rows = {(r["table_name"], r["column_name"]): r["comment"] for r in store.snapshot().sql(query).to_pylist()}
    wanted = {(name, c.name): c.meaning for name, spec in TABLES.items() for c in spec.columns}
    wanted |= {(name, c.name): c.meaning for name, view in VIEWS.items() if name != "ledger" for c in view.columns()}
    wanted |= {("tags", column.name): column.meaning for column in TAGS_COLUMNS}
    assert {key: value for key, value in rows.items() if key[0] != "ledger"} == wanted
    assert rows["ledger", "modalities"] == "how many are present"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("selec 1", "syntax error"),
        ("", "0 statements given"),
        ("SELECT 1; SELECT 2", "2 statements given"),
        ("SELECT nope FROM products", 'Referenced column "nope" not found'),
        ("SELECT 1 / 'a'", "Conversion Error"),
        ("SELECT error('late') FROM range(3)", "late"),
        ("PIVOT (SELECT 1 AS a, 2 AS b) ON a USING sum(b)", "PIVOT needs the names of its columns"),
        ("CREATE TABLE t AS SELECT 1", "CREATE is not allowed"),
        ("SET memory_limit = '100GB'", "SET is not allowed"),
        ("ATTACH 'x.db'", "ATTACH is not allowed"),
        ("EXPLAIN ANALYZE COPY (SELECT 1) TO '{root}/tables/x.csv'", "EXPLAIN is not allowed"),
        ("COPY (SELECT 1) TO '{root}/tables/x.csv'", "COPY is not allowed"),
        ("SELECT * FROM read_text('/etc/hostname')", "Permission Error"),
        ("SELECT * FROM read_text('{root}/secret.key')", "Permission Error"),
        ("SELECT * FROM read_text('{root}/tables/../secret.key')", "Permission Error"),
        ("SELECT * FROM '{root}/secret.key'", "does not exist"),
        ("SELECT * FROM glob('/etc/*')", "Permission Error"),
        ("SELECT * FROM rows", "Table with name rows does not exist"),
    ],
)
def test_anything_else_gives_one_clear_line(store: Store, query: str, message: str) -> None:
    (store.root / "secret.key").write_text("secret")
    rows = pa.table({"a": [1]})
    with pytest.raises(QueryError, match=message) as raised:
        store.snapshot().sql(query.format(root=store.root))
    assert "\n" not in str(raised.value)
    assert rows.num_rows == 1
    assert not (store.root / "tables" / "x.csv").exists()


def test_large_results_come_in_batches(store: Store) -> None:
    reader = store.snapshot().batches("SELECT range AS i FROM range(1_000_000)")
    sizes = [batch.num_rows for batch in reader]
    assert sum(sizes) == 1_000_000
    assert len(sizes) > 1


def test_connections_have_a_memory_limit_and_utc(store: Store) -> None:
    with memory_limit(1_000), store.snapshot().connection() as connection:
        query = "SELECT current_setting('memory_limit'), current_setting('TimeZone')"
        assert connection.execute(query).fetchall() == [("953.6 MiB", "UTC")]


def test_a_snapshot_is_not_disturbed_by_later_commits(store: Store) -> None:
    snapshot = commit(store, {"products": products(ids(3)), "specs": table("specs", [spec("shop:1")])})
    commit(store, {"products": products([]), "specs": table("specs", [])})
    assert snapshot.table("products").num_rows == 3
    assert snapshot.sql("SELECT count(*) AS n FROM specs").to_pylist() == [{"n": 1}]


def test_partitions_hold_the_same_products_in_every_table(store: Store) -> None:
    names = ids(40)
    snapshot = commit(store, {"products": products(names), "specs": table("specs", [spec(n) for n in names])})
    assert snapshot.partitions("products") == snapshot.partitions("specs") == (0, 1, 2, 3)
    seen: list[str] = []
    for bucket in snapshot.partitions("products"):
        ours = snapshot.table("products", ["product_id"], only=[bucket]).column(0).to_pylist()
        assert snapshot.table("specs", ["product_id"], only=[bucket]).column(0).to_pylist() == ours
        seen += ours
    assert sorted(seen) == sorted(names)


def test_a_workspace_can_be_moved(store: Store, tmp_path: Path) -> None:
    commit(store, {"products": products(ids(3))})
    moved = store.root.rename(tmp_path / "elsewhere")
    assert Store.open(moved).snapshot().table("products").num_rows == 3
