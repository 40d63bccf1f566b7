"""The SQL page: read-only, bounded, and inert."""

import io

import pyarrow.parquet as pq
import pytest

from tests.webapp.conftest import Filled, Site
from tests.webapp.test_hostile_texts import check_inert
from webapp import query_processes, requests, sql_routes
from webapp.query_result import MAX_ROWS, run_query


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give queries enough time on a busy machine."""
    monkeypatch.setattr(query_processes, "MAX_SECONDS", 600.0)


def test_a_query_is_shown_as_a_table_and_a_chart(filled: Filled) -> None:
    result = run_query(filled.store.snapshot(), "VALUES ('a', 2), ('b', 1), (NULL, 0.5)")
    assert result.rows == (("a", "2.0"), ("b", "1.0"), (None, "0.5"))
    assert result.bars == (("a", "2", 20), ("b", "1", 10), ("NULL", "0.5", 5))
    cut = run_query(filled.store.snapshot(), "FROM range(100000)")
    assert (len(cut.rows), cut.more, cut.bars) == (MAX_ROWS, True, ())


def test_what_is_refused_is_explained_as_text(site: Site) -> None:
    client = site.signed_in("rita", "reviewer").client
    for query, message in (
        ("DROP TABLE products", "not allowed"),
        ("SELECT * FROM read_text('/etc/hostname')", "Permission Error"),
        ("SELEC 1", "syntax error"),
        ("SELECT '<script>window.hacked=1</script>'::INTEGER", "&lt;script&gt;"),
    ):
        answer = client.get("/sql", params={"query": query})
        assert answer.status_code == 200, query
        assert message in answer.text
        check_inert(answer.text)


def test_results_hold_hostile_texts_as_text_and_annotators_see_none(site: Site) -> None:
    query = {"query": "SELECT caption, count(*) AS n FROM products GROUP BY 1"}
    answer = site.signed_in("rita", "reviewer").client.get("/sql", params=query)
    assert answer.status_code == 200
    check_inert(answer.text)
    ann = site.signed_in("ann").client
    assert (ann.get("/sql", params=query).status_code, ann.get("/sql/columns").status_code) == (403, 403)


HOSTILE_ROWS = "FROM (VALUES ('=1+1', -1), ('a', 2), ('-20 °C', 3), (NULL, 4)) AS t(\"+name\", n) ORDER BY n"


def test_csv_file_has_all_rows_and_no_formula(site: Site) -> None:
    client = site.signed_in("rita", "reviewer").client
    answer = client.get("/sql/file", params={"query": HOSTILE_ROWS, "format": "csv"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="query-v1.csv"'
    assert answer.content.decode("utf-8-sig") == '"\'+name","n"\n"\'=1+1",-1\n"a",2\n"\'-20 °C",3\n,4\n'
    assert answer.content.startswith(b"\xef\xbb\xbf")
    lines = client.get("/sql/file", params={"query": "FROM range(1200)", "format": "csv"}).text.splitlines()
    assert (len(lines), lines[-1]) == (1201, "1199")


def test_parquet_file_has_the_values_as_they_are(site: Site) -> None:
    client = site.signed_in("rita", "reviewer").client
    answer = client.get("/sql/file", params={"query": HOSTILE_ROWS, "format": "parquet"})
    assert answer.headers["content-disposition"] == 'attachment; filename="query-v1.parquet"'
    rows = pq.read_table(io.BytesIO(answer.content)).to_pydict()
    assert rows == {"+name": ["=1+1", "a", "-20 °C", None], "n": [-1, 2, 3, 4]}


def test_files_are_refused_as_the_page_refuses(site: Site) -> None:
    client = site.signed_in("rita", "reviewer").client
    for query, message in (
        ("DROP TABLE products", "not allowed"),
        ("SELECT * FROM read_text('/etc/hostname')", "Permission Error"),
        ("SELECT repeat('x', 1000) AS x, range FROM range(50000)", "the file would exceed 32 MB"),
    ):
        answer = client.get("/sql/file", params={"query": query, "format": "csv"})
        assert "content-disposition" not in answer.headers
        assert message in answer.text
    assert client.get("/sql/file", params={"query": "SELECT 1", "format": "exe"}).status_code == 400
    asked = {"query": "SELECT 1", "format": "csv"}
    assert site.signed_in("ann").client.get("/sql/file", params=asked).status_code == 403
    assert site.new_client().get("/sql/file", params=asked).status_code == 401


def test_completion_knows_each_column_and_its_meaning(site: Site) -> None:
    found = site.signed_in("rita", "reviewer").client.get("/sql/columns").json()
    assert found["specs"]["value"] == "value as published, contact details masked"
    assert {"products", "ledger", "catalogue"} <= found.keys()


def test_the_examples_run_and_an_empty_result_says_so(site: Site, filled: Filled) -> None:
    for query in sql_routes.EXAMPLES.values():
        assert run_query(filled.store.snapshot(), query).columns
    page = site.signed_in("rita", "reviewer").client.get("/sql", params={"query": "FROM products WHERE false"}).text
    assert "No row meets the conditions." in page


def test_more_queries_than_may_wait_are_refused_at_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "_QUERYING", 0)
    answer = site.signed_in("rita", "reviewer").client.get("/sql", params={"query": "SELECT 1"})
    assert answer.status_code == 503
