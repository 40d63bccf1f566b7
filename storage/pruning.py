"""Which tables, and which of their buckets, a query can touch: the others are not opened."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import duckdb

from storage.buckets import bucket_of
from storage.schemas import TABLES

__all__ = ["Scope", "scope_of"]

_CATALOGUE = frozenset({"SHOW_REF", "TABLE_FUNCTION"})
"""What may tell of any table: DESCRIBE, SHOW, duckdb_columns()."""

Scope = dict[str, list[int] | None]
"""Table -> the buckets that can hold an answer; None: all."""


def scope_of(engine: duckdb.DuckDBPyConnection, query: str, buckets: int) -> Scope | None:
    """Return what a query reads, None where that is not plain to see: a view, the catalogue, wrong SQL.

    A table is narrowed to one bucket where the query names it once, alone in its FROM, under a condition that its
    bucket's column is a given text.

    Args:
        engine: Any connection.
        query: SQL.
        buckets: Of the workspace.
    """
    parsed = json.loads(engine.execute("SELECT json_serialize_sql($1::VARCHAR)", [query]).fetchall()[0][0])
    nodes = list(_nodes(parsed))
    if parsed["error"] or len(parsed["statements"]) != 1 or any(node.get("type") in _CATALOGUE for node in nodes):
        return None
    times = Counter(node["table_name"].lower() for node in nodes if node.get("type") == "BASE_TABLE")
    names = times.keys() - _ctes(nodes)
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
    """Yield the texts that ``column`` must be equal to, all of them at once."""
    if condition["type"] == "CONJUNCTION_AND":
        for part in condition["children"]:
            yield from _equal_to(part, column)
    elif condition["type"] == "COMPARE_EQUAL":
        for one, other in (("left", "right"), ("right", "left")):
            name, text = condition[one].get("column_names", [""])[-1], condition[other].get("literal", {})
            if name.lower() == column and text.get("kind") == "STRING":
                yield text["text"]
