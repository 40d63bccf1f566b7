"""A user's SQL: one SELECT that reads the workspace's tables and nothing else, and only the buckets it needs."""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import duckdb
import pyarrow as pa

from core.engine import bucket_of, quote
from core.errors import QueryError
from core.table_spec import sql_type
from storage.tables import TABLES

__all__ = ["NORMS", "Reads", "names_of", "plan_reads", "query_errors", "read", "select_of"]

NORMS = ("property_norm", "value_norm", "unit")
"""Columns of ``specs`` whose values are stored in ``spec_norms`` and ``properties``."""


def select_of(connection: duckdb.DuckDBPyConnection, query: str) -> duckdb.Statement:
    """Return the one SELECT (also WITH, FROM, VALUES, DESCRIBE, SHOW, SUMMARIZE) of a query.

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
        if kind == "MULTI":  # DuckDB looks for the columns by a statement of its own
            raise QueryError("sql: PIVOT needs the names of its columns here. Give them: PIVOT … ON x IN ('a', 'b').")
        raise QueryError(f"sql: {kind} is not allowed, because this connection only reads. Use a SELECT.")
    return statements[0]


def read(
    connection: duckdb.DuckDBPyConnection, select: duckdb.Statement, params: Sequence[object] | None
) -> pa.RecordBatchReader:
    """Start a SELECT and return a reader of its result.

    Raises:
        QueryError: DuckDB refuses it.
    """
    with query_errors():
        return _with_distinct_names(connection.sql(select, params=params).to_arrow_reader())


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


_CATALOGUE = frozenset({"SHOW_REF", "TABLE_FUNCTION"})
"""Nodes that may read any table: DESCRIBE, SHOW, duckdb_columns()."""


def names_of(
    engine: duckdb.DuckDBPyConnection,
    query: str,
    given: Collection[str] = (),
    views: Mapping[str, Callable[[], str]] = MappingProxyType({}),
) -> frozenset[str] | None:
    """Return the tables and views that a query names, with those that the views name; None: it may read any.

    Args:
        engine: Any connection.
        query: SQL.
        given: Names of the caller's own tables.
        views: Views over tables and each other: name -> function that returns the SQL.
    """
    nodes = _parsed(engine, query)
    if nodes is None or any(str(node.get("type")) in _CATALOGUE for node in nodes):
        return None
    ctes = {entry["key"].lower() for node in nodes if "cte_map" in node for entry in node["cte_map"]["map"]}
    names = {node["table_name"].lower() for node in nodes if node.get("type") == "BASE_TABLE"} - ctes - {*given}
    known = {*TABLES, *views}
    if not names or not names <= known or not known.isdisjoint(ctes):
        return None
    for name in names & views.keys():
        names |= names_of(engine, views[name](), views=views) or known
    return frozenset(names)


def _parsed(engine: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]] | None:
    """Return the nodes of one statement; None: it is wrong, or DuckDB cannot serialise it."""
    parsed = json.loads(engine.execute("SELECT json_serialize_sql($1::VARCHAR)", [query]).fetchall()[0][0])
    return None if parsed["error"] or len(parsed["statements"]) != 1 else list(_nodes(parsed))


def _nodes(value: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _nodes(part)


@dataclass(frozen=True, slots=True)
class Reads:
    """Which rows and columns of the tables a query needs."""

    buckets: Mapping[str, frozenset[int]] = field(default_factory=dict)
    """Table -> buckets that hold every row it can use; tables that are missing here are needed whole."""
    norms: bool = True
    """Whether it needs the normalised values of ``specs``."""


def plan_reads(
    probe: duckdb.DuckDBPyConnection,
    query: str,
    params: Sequence[object] | None,
    buckets: int,
    views: Mapping[str, str] = MappingProxyType({}),
    names: Collection[str] | None = None,
) -> Reads:
    """Return what a query needs, by DuckDB's own plan of it over empty tables.

    A table is needed in some buckets only if every scan of it in the plan has a filter that its bucket column equals
    a string. The plan is made without rules that look at rows, so it holds for the buckets as for the whole tables.

    Args:
        probe: An empty engine for plans (``Engines.lend``), in which the caller's own tables are registered.
        query: One SELECT (``select_of``).
        params: Values of its parameters.
        buckets: Number of the workspace's buckets.
        views: View -> its SQL, each after those that it reads.
        names: Tables and views to define; None: all.
    """
    for name, spec in TABLES.items():
        if names is None or name in names:
            columns = ", ".join(f"{quote(column.name)} {sql_type(column.type)}" for column in spec.columns)
            probe.execute(f"CREATE TABLE {quote(name)} ({columns})")
    for name, sql in views.items():
        if names is None or name in names:
            probe.execute(f"CREATE VIEW {quote(name)} AS {sql}")
    with suppress(duckdb.Error):  # the query is wrong, which running it says, or cannot be explained
        plan = probe.execute(f"EXPLAIN (FORMAT json) {query}", params).fetchall()[0][1]
        return _reads(list(_scans(json.loads(plan))), buckets)
    return Reads()


def _scans(nodes: list[dict[str, Any]]) -> Iterator[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """Yield table, projected columns and filters of each scan of a plan."""
    for node in nodes:
        info = node["extra_info"]
        if "Table" in info:
            yield info["Table"].rpartition(".")[2], _texts(info.get("Projections")), _texts(info.get("Filters"))
        yield from _scans(node["children"])


def _texts(value: str | list[str] | None) -> tuple[str, ...]:
    return () if value is None else (value,) if isinstance(value, str) else tuple(value)


def _reads(scans: Sequence[tuple[str, tuple[str, ...], tuple[str, ...]]], buckets: int) -> Reads:
    owners: dict[str, list[str | None]] = {}
    for table, _, filters in scans:
        owners.setdefault(table, []).append(_owner(table, filters))
    narrowed = {
        table: frozenset(bucket_of(owner, buckets) for owner in found if owner is not None)
        for table, found in owners.items()
        if None not in found
    }
    used = [text for table, columns, filters in scans if table == "specs" for text in (*columns, *filters)]
    return Reads(narrowed, any(norm in text for text in used for norm in NORMS))


def _owner(table: str, filters: Sequence[str]) -> str | None:
    """Return the string that the table's bucket column must equal; None: there is none."""
    column = TABLES[table].bucket_of if table in TABLES else None
    if column is None or any(text.count("'") % 2 for text in filters):  # DuckDB cut a filter at a line break
        return None
    equal = re.compile(rf"\(?{column} = '((?:[^']|'')*)'\)?")
    found = (equal.fullmatch(text) for text in filters)
    return next((match[1].replace("''", "'") for match in found if match), None)
