"""The result of one check of a dataset version."""

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

__all__ = ["Check", "check_none"]


@dataclass(frozen=True, slots=True)
class Check:
    """One check and its result."""

    name: str
    """Short name, unique within its report."""
    ok: bool
    detail: str
    """One line: the promise that holds or, for a failed check, how many rows break it and which."""
    complete: bool = True
    """False if something was left out; ``detail`` names it."""


def check_none(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    wrong: str,
    *,
    promise: str,
    params: Mapping[str, object] | None = None,
) -> Check:
    """Check that a query returns no rows.

    Args:
        connection: Connection with the tables.
        name: Name of the check.
        wrong: SELECT of one text column: one row per violation, in words.
        promise: Statement that holds if it returns no rows.
        params: Values of the query's ``$names``.
    """
    query = f"SELECT count(*), list_sort(coalesce(min(what, 3), [])) FROM ({wrong}) AS wrong(what)"  # noqa: S608
    count, examples = connection.execute(query, dict(params or {})).fetchall()[0]
    if not count:
        return Check(name, ok=True, detail=promise)
    more = f" and {count - len(examples):,} more" if count > len(examples) else ""
    return Check(name, ok=False, detail=f"must hold: {promise}; {count:,} wrong: {'; '.join(examples)}{more}")
