"""The SQL page: read-only, bounded, and inert."""

import pytest

from tests.webapp.conftest import Filled, Site
from tests.webapp.test_hostile_texts import check_inert
from webapp import query_processes, sql_routes
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


def test_completion_knows_each_column_and_its_meaning(site: Site) -> None:
    found = site.signed_in("rita", "reviewer").client.get("/sql/columns").json()
    assert found["specs"]["value"] == "value as published, contact details masked"
    assert {"products", "ledger", "catalogue"} <= found.keys()


def test_the_examples_run_and_an_empty_result_says_so(site: Site, filled: Filled) -> None:
    for query in sql_routes.EXAMPLES.values():
        assert run_query(filled.store.snapshot(), query).columns
    page = site.signed_in("rita", "reviewer").client.get("/sql", params={"query": "FROM products WHERE false"}).text
    assert "No row meets the conditions." in page
