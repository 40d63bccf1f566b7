"""A user's SQL: one SELECT that reads the workspace's tables and nothing else, and only the buckets it needs."""

import json
import os
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from m5data.errors import QueryError
from storage.engine import limit_mb, open_engine, text
from storage.tables import TABLES, bucket_of

__all__ = [
    "EngineKey",
    "Scope",
    "confine",
    "confined_engine",
    "engine_key",
    "give_back",
    "query_errors",
    "read",
    "scope_of",
]

_MOST_IDLE = 4
EngineKey = tuple[Path, int]
"""Folder and memory limit of a confined engine."""
_IDLE: dict[int, dict[EngineKey, duckdb.DuckDBPyConnection]] = {}
"""Process -> its confined engines without a user, each empty."""
_EMPTY = """ATTACH ':memory:' AS idle; USE idle; DETACH memory; ATTACH ':memory:' AS memory; USE memory; DETACH idle"""


def engine_key(folder: Path) -> EngineKey:
    """Return the key of engines that read files below ``folder`` alone, with the memory limit of now."""
    return folder, limit_mb()


def confined_engine(key: EngineKey) -> duckdb.DuckDBPyConnection:
    """Return a confined engine; one that was given back, if there is one, for to open one takes 12 ms."""
    idle = _IDLE.get(os.getpid(), {}).pop(key, None)
    if idle is not None:
        return idle
    engine = open_engine()
    engine.execute("SET enable_external_file_cache = false")  # a file that was damaged since is read anew
    confine(engine, key[0])
    return engine


def give_back(engine: duckdb.DuckDBPyConnection, key: EngineKey) -> None:
    """Empty a confined engine on which nothing is registered and whose results are read, and keep it for later."""
    with suppress(duckdb.Error):
        engine.execute(_EMPTY)
        idle = _IDLE.setdefault(os.getpid(), {})
        idle[key] = engine
        for oldest in list(idle)[:-_MOST_IDLE]:
            idle.pop(oldest, None)


def confine(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Restrict ``connection`` for good to files below ``folder``.

    DuckDB could still write there, and ``EXPLAIN ANALYZE`` runs what it explains, so ``read`` accepts only a SELECT.
    """
    connection.execute(f"SET allowed_directories = [{text(f'{folder}/')}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def read(connection: duckdb.DuckDBPyConnection, query: str, params: Sequence[object] | None) -> pa.RecordBatchReader:
    """Start one SELECT (also WITH, FROM, VALUES, DESCRIBE, SHOW, SUMMARIZE) and return a reader of its result.

    Raises:
        QueryError: The SQL is wrong, not exactly one statement, or not a SELECT.
    """
    with query_errors():
        statements = connection.extract_statements(query)
        if len(statements) != 1:
            raise QueryError(f"sql: {len(statements)} statements given. Give exactly one.")
        if statements[0].type != duckdb.StatementType.SELECT:
            kind = statements[0].type.name
            raise QueryError(f"sql: {kind} is not allowed, because this connection only reads. Use a SELECT.")
        reader = connection.sql(statements[0], params=params).to_arrow_reader()
        return _with_distinct_names(reader)


def _with_distinct_names(reader: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """Return a reader whose columns have different names: the second ``a`` becomes ``a_2``."""
    names: list[str] = []
    for name in reader.schema.names:
        number, fresh = 1, name
        while fresh in names:
            number += 1
            fresh = f"{name}_{number}"
        names.append(fresh)
    if names == reader.schema.names:
        return reader
    schema = pa.schema([field.with_name(name) for field, name in zip(reader.schema, names, strict=True)])
    return pa.RecordBatchReader.from_batches(schema, (batch.rename_columns(names) for batch in reader))


@contextmanager
def query_errors() -> Iterator[None]:
    """Raise DuckDB's errors inside the block as QueryError."""
    try:
        yield
    except duckdb.InterruptException:
        raise QueryError("sql: the query was stopped, because it took too long. Narrow it or add a LIMIT.") from None
    except duckdb.Error as error:
        raise QueryError(f"sql: {_one_line(str(error))}") from error


def _one_line(message: str) -> str:
    """Return DuckDB's message in one line, without its drawing of the place in the query."""
    return " ".join(message.partition("\n\nLINE ")[0].split())


_CATALOGUE = frozenset({"SHOW_REF", "TABLE_FUNCTION"})
"""Nodes that may read any table: DESCRIBE, SHOW, duckdb_columns()."""

Scope = dict[str, list[int] | None]
"""Table -> the buckets that can hold matching rows; None: all."""


def scope_of(engine: duckdb.DuckDBPyConnection, query: str, buckets: int, given: Collection[str] = ()) -> Scope | None:
    """Return the tables and buckets that a query reads; None where it reads a view or the catalogue, or is wrong.

    A table is narrowed to one bucket where the query names it once, alone in its FROM, with a condition that its
    bucket column equals a text.

    Args:
        engine: Any connection.
        query: SQL.
        buckets: Of the workspace.
        given: Names of tables that are the caller's own.
    """
    parsed = json.loads(engine.execute("SELECT json_serialize_sql($1::VARCHAR)", [query]).fetchall()[0][0])
    nodes = list(_nodes(parsed))
    if parsed["error"] or len(parsed["statements"]) != 1 or any(str(node.get("type")) in _CATALOGUE for node in nodes):
        return None
    times = Counter(node["table_name"].lower() for node in nodes if node.get("type") == "BASE_TABLE")
    names = times.keys() - _ctes(nodes) - {*given}
    if not names or not names <= TABLES.keys() or not TABLES.keys().isdisjoint(_ctes(nodes)):
        return None
    narrowed = dict(found for node in nodes if (found := _narrowed(node, buckets)))
    return {name: narrowed.get(name) if times[name] == 1 else None for name in sorted(names)}


def _ctes(nodes: list[dict[str, Any]]) -> set[str]:
    return {entry["key"].lower() for node in nodes if "cte_map" in node for entry in node["cte_map"]["map"]}


def _nodes(value: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _nodes(part)


def _narrowed(node: dict[str, Any], buckets: int) -> tuple[str, list[int]] | None:
    source, condition = node.get("from_table"), node.get("where_clause")
    if not source or not condition or source.get("type") != "BASE_TABLE" or source["table_name"].lower() not in TABLES:
        return None
    table = source["table_name"].lower()
    column = TABLES[table].bucket_of
    wanted = {bucket_of(text, buckets) for text in _equal_to(condition, column)}
    return (table, sorted(wanted)) if len(wanted) == 1 else None


def _equal_to(condition: dict[str, Any], column: str | None) -> Iterator[str]:
    """Yield the texts that ``column`` must equal at the same time."""
    if condition["type"] == "CONJUNCTION_AND":
        for part in condition["children"]:
            yield from _equal_to(part, column)
    elif condition["type"] == "COMPARE_EQUAL":
        for one, other in (("left", "right"), ("right", "left")):
            name, text = condition[one].get("column_names", [""])[-1], condition[other].get("literal", {})
            if name.lower() == column and text.get("kind") == "STRING":
                yield text["text"]
