"""Queries of people are stopped at their limits, from outside; the server and other queries go on."""

import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from core.errors import QueryError
from core.processes.pool import PoolProcess
from tests.webapp.conftest import Filled
from webapp import query_processes
from webapp.query_processes import QueryProcesses
from webapp.requests import Stop

AS_LARGE_AS_MEMORY = [
    "select list_aggregate(range(1000000000), 'sum')",
    "select length(repeat('x', 3000000000))",
    "select len(list_transform(range(100000000), lambda x: x * 2))",
    "with recursive t(n, s) as (select 1, 'x' union all select n + 1, s || s from t) select max(length(s)) from t",
    "select string_agg(repeat('y', 1000000), '') from range(100000)",
    "select list(x.range) from range(1000000000) x",
]
ENDLESS = [
    "with recursive t(n) as (select 1 union all select n + 1 from t) select count(*) from t",
    "select count(*) from range(1000000) a, range(1000000) b, range(1000000) c where a.range + b.range + c.range = 7",
    "select levenshtein(repeat('a', 300000), repeat('b', 300000))",
    "select lpad('x', 900000000, 'y')",
]


@pytest.fixture
def queries() -> Iterator[QueryProcesses]:
    processes = QueryProcesses()
    yield processes
    processes.close()


@pytest.mark.parametrize("query", AS_LARGE_AS_MEMORY)
def test_value_as_large_as_memory_is_refused(filled: Filled, queries: QueryProcesses, query: str) -> None:
    with pytest.raises(QueryError, match="too much memory"):
        queries.run(filled.store.snapshot(), query, Stop())
    assert queries.run(filled.store.snapshot(), "select 1", Stop()).rows == (("1",),)


@pytest.mark.parametrize("query", ENDLESS)
def test_endless_query_is_stopped(
    filled: Filled, queries: QueryProcesses, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    queries.run(filled.store.snapshot(), "select 1", Stop())
    monkeypatch.setattr(query_processes, "MAX_SECONDS", 0.5)
    said = "busy"
    for _ in range(100):  # while the process of the query starts
        if "busy" in said:
            with pytest.raises(QueryError) as error:
                queries.run(filled.store.snapshot(), query, Stop())
            said = str(error.value)
    assert "took too long" in said or "too much memory" in said
    assert any(all(map(_is_idle, psutil.Process().children())) for _ in range(300))  # a new process starts first


def test_query_whose_client_left_is_killed(filled: Filled, queries: QueryProcesses) -> None:
    stop, ended = Stop(), threading.Event()

    def ask() -> None:
        with pytest.raises(QueryError):
            queries.run(filled.store.snapshot(), ENDLESS[2], stop)
        ended.set()

    thread = threading.Thread(target=ask)
    thread.start()
    stop.set()
    thread.join()
    assert ended.is_set()


def test_query_without_a_free_process_is_refused_in_time(
    filled: Filled, queries: QueryProcesses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query_processes, "MAX_SECONDS", 1.0)
    faults: list[str] = []

    def ask() -> None:
        try:
            queries.run(filled.store.snapshot(), ENDLESS[2], Stop())
        except QueryError as error:
            faults.append(str(error).partition(".")[0])

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(faults) == 6
    assert "sql: other queries keep this server busy" in faults


def test_folders_for_spilled_data_go_with_the_processes(
    filled: Filled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    processes = QueryProcesses()
    processes.run(filled.store.snapshot(), "select 1", Stop())
    assert len(list(tmp_path.glob("m5data-query-*"))) == 1
    processes.close()
    assert list(tmp_path.glob("m5data-query-*")) == []


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("select timestamp 'infinity', timestamptz '-infinity'", ("infinity", "-infinity")),
        ("select date '290000-01-01', date '-infinity'", ("290000-01-01", "-infinity")),
        ("select interval '5000 years'", ("5000 years",)),
        ("select [date '290000-01-01'], {'a': timestamp 'infinity'}", ("[290000-01-01]", "{'a': infinity}")),
        ("select 'inf'::double, 'nan'::float", ("inf", "nan")),
    ],
)
def test_odd_values_are_texts(filled: Filled, queries: QueryProcesses, query: str, shown: tuple[str, ...]) -> None:
    assert queries.run(filled.store.snapshot(), query, Stop()).rows == (shown,)


@pytest.mark.parametrize(
    "rows", ["('a', 'inf'::double), ('b', 1)", "('a', 'nan'::double), ('b', 1)", "('a', 1e308), ('b', 1.7e308)"]
)
def test_charts_of_odd_numbers_fail_nothing(filled: Filled, queries: QueryProcesses, rows: str) -> None:
    result = queries.run(filled.store.snapshot(), f"VALUES {rows}", Stop())
    assert len(result.rows) == 2
    assert not any("inf" in label or "nan" in label for _, label, _ in result.bars)


def _is_idle(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE or process.cpu_percent(0.1) < 50
    except psutil.NoSuchProcess:
        return True


def test_start_of_a_process_counts_towards_the_limit(
    filled: Filled, queries: QueryProcesses, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as slow:
        slow.setattr(query_processes, "MAX_SECONDS", 0.1)
        slow.setattr(PoolProcess, "is_ready", lambda *_: False)
        with pytest.raises(QueryError, match="other queries keep this server busy"):
            queries.run(filled.store.snapshot(), "select 1", Stop())
    assert queries.run(filled.store.snapshot(), "select 1", Stop()).rows == (("1",),)
