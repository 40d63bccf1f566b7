"""A user's SQL: one SELECT that reads the workspace's tables and nothing else, and only the buckets it needs."""

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import duckdb
import pyarrow as pa

from core.errors import QueryError
from storage.tables import TABLES, bucket_of

__all__ = ["Scope", "query_errors", "read", "reads_norms", "scope_of"]


def read(connection: duckdb.DuckDBPyConnection, query: str, params: Sequence[object] | None) -> pa.RecordBatchReader:
    """Start one SELECT (also WITH, FROM, VALUES, DESCRIBE, SHOW, SUMMARIZE) and return a reader of its result.

    Nothing else is allowed: DuckDB could write where it may read, and ``EXPLAIN ANALYZE`` runs what it explains.

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
    """Return DuckDB's message in one line, without its excerpt of the query."""
    return " ".join(message.partition("\n\nLINE ")[0].split())


_NORMS = re.compile("property_norm|value_norm|unit|spec_numbers|spec_values|product_text", re.IGNORECASE)
"""Names of normalised columns, and of views that have them."""
_CATALOGUE = frozenset({"SHOW_REF", "TABLE_FUNCTION"})
"""Nodes that may read any table: DESCRIBE, SHOW, duckdb_columns()."""

Scope = dict[str, list[int] | None]
"""Table or view -> the buckets that can hold matching rows; None: all."""


def scope_of(
    engine: duckdb.DuckDBPyConnection,
    query: str,
    buckets: int,
    given: Collection[str] = (),
    views: Mapping[str, Callable[[], str]] = MappingProxyType({}),
) -> Scope | None:
    """Return the tables and buckets that a query reads; None if it reads DuckDB's catalogue, or is wrong.

    A table is narrowed to one bucket if the query names it once, alone in its FROM, with a condition that its
    bucket column equals a string.

    Args:
        engine: Any connection.
        query: SQL.
        buckets: Number of the workspace's buckets.
        given: Names of the caller's own tables.
        views: Views over tables and each other: name -> function that returns the SQL. Those that are read are in the
            scope, as are all buckets of their tables.
    """
    nodes = _parsed(engine, query)
    if nodes is None or any(str(node.get("type")) in _CATALOGUE for node in nodes):
        return None
    times = Counter(node["table_name"].lower() for node in nodes if node.get("type") == "BASE_TABLE")
    names = times.keys() - _ctes(nodes) - {*given}
    known = {*TABLES, *views}
    if not names or not names <= known or not known.isdisjoint(_ctes(nodes)):
        return None
    narrowed = dict(found for node in nodes if (found := _narrowed(node, buckets)))
    scope = {name: narrowed.get(name) if times[name] == 1 else None for name in sorted(names)}
    for name in names & views.keys():
        scope |= dict.fromkeys(scope_of(engine, views[name](), buckets, views=views) or known)
    return scope


def reads_norms(engine: duckdb.DuckDBPyConnection, query: str) -> bool:
    """Return whether a query may read normalised values from ``specs``: only then are they joined."""
    nodes = _parsed(engine, query)
    if nodes is None or _NORMS.search(query):
        return True
    names = {(node["alias"] or node["table_name"]).lower() for node in nodes if node.get("type") == "BASE_TABLE"}
    columns = (node["column_names"][-1].lower() for node in nodes if node.get("class") == "COLUMN_REF")
    return any(node.get("class") == "STAR" for node in nodes) or not names.isdisjoint(
        columns
    )  # a table's name selects its row


def _parsed(engine: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]] | None:
    """Return the nodes of one statement; None: it is wrong, or DuckDB cannot serialise it."""
    parsed = json.loads(engine.execute("SELECT json_serialize_sql($1::VARCHAR)", [query]).fetchall()[0][0])
    return None if parsed["error"] or len(parsed["statements"]) != 1 else list(_nodes(parsed))


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
    """Yield the strings that ``column`` must equal, all at the same time."""
    if condition["type"] == "CONJUNCTION_AND":
        for part in condition["children"]:
            yield from _equal_to(part, column)
    elif condition["type"] == "COMPARE_EQUAL":
        for one, other in (("left", "right"), ("right", "left")):
            name, text = condition[one].get("column_names", [""])[-1], condition[other].get("literal", {})
            if name.lower() == column and text.get("kind") == "STRING":
                yield text["text"]
