"""One thing that was checked, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

__all__ = ["Check", "check_none"]


@dataclass(frozen=True, slots=True)
class Check:
    """One check of a dataset version."""

    name: str
    """Short name, unique within its report."""
    ok: bool
    detail: str
    """One line: what was looked at or, where it failed, how many rows are wrong and which."""


def check_none(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    wrong: str,
    *,
    promise: str,
    params: Mapping[str, object] | None = None,
) -> Check:
    """Check that a query finds nothing.

    Args:
        connection: Where the tables are.
        name: Name of the check.
        wrong: SELECT of one text column, a row each thing that is wrong, in words.
        promise: What holds when it finds nothing.
        params: Values of the query's ``$names``.
    """
    query = f"SELECT count(*), list_sort(coalesce(min(what, 3), [])) FROM ({wrong}) AS wrong(what)"  # noqa: S608
    count, examples = connection.execute(query, dict(params or {})).fetchall()[0]
    if not count:
        return Check(name, ok=True, detail=promise)
    more = f" and {count - len(examples):,} more" if count > len(examples) else ""
    return Check(name, ok=False, detail=f"wanted: {promise}; {count:,} wrong: {'; '.join(examples)}{more}")
