"""Routes of ``/sql``: one SELECT over the dataset's tables, with its result as a table and a simple chart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from core.errors import QueryError
from storage import Snapshot
from webapp.catalogue.product_card import plain
from webapp.catalogue.product_reader import ProductReader
from webapp.pages import Pages
from webapp.requests import Threads, visitor_of

__all__ = ["EXAMPLES", "MOST_ROWS", "MOST_SECONDS", "QueryResult", "SqlRoutes", "run_query"]

MOST_ROWS = 500
"""Maximum number of rows shown."""
MOST_SECONDS = 10.0
"""Seconds after which a query is stopped."""
_LONGEST_QUERY = 10_000
_LONGEST_VALUE = 400
_BARS = 60
_FIRST = "SELECT source, count(*) AS products\nFROM products\nGROUP BY source\nORDER BY products DESC"
EXAMPLES = {
    "changes": (
        "SELECT source AS shop, 'new product' AS what, count(*) AS changes\nFROM products\n"
        "WHERE first_seen > now() - INTERVAL 7 DAY\nGROUP BY 1\nUNION ALL\n"
        "SELECT split_part(product_id, ':', 1), field, count(*)\nFROM history\n"
        "WHERE changed_at > now() - INTERVAL 7 DAY\nGROUP BY 1, 2\nORDER BY changes DESC"
    ),
    "missing": "SELECT audio AS why, count(*) AS products\nFROM ledger WHERE audio <> 'present'\nGROUP BY 1",
    "rejects": "SELECT stage, reason, count(*) AS items\nFROM rejects GROUP BY ALL ORDER BY items DESC",
    "properties": (
        "SELECT property, count(DISTINCT product_id) AS products\nFROM spec_values\nGROUP BY 1 ORDER BY 2 DESC LIMIT 40"
    ),
}
"""Key of the page's text -> query that the page offers."""
_COLUMNS = "SELECT table_name, column_name, comment FROM duckdb_columns() WHERE NOT internal ORDER BY 1, column_index"


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The first rows of a result, as text."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]
    more: bool
    """Whether there are rows beyond ``MOST_ROWS``."""
    bars: tuple[tuple[str, str, int], ...]
    """Label, number, and length in twentieths of the longest; empty if the result cannot be charted."""


def run_query(snapshot: Snapshot, query: str) -> QueryResult:
    """Return the first rows of one SELECT, and a bar chart if each row is a text and a number.

    Raises:
        QueryError: The query is invalid, not a SELECT, or took longer than 10 seconds.
    """
    rows: list[tuple[object, ...]] = []
    reader = snapshot.batches(query, seconds=MOST_SECONDS)
    try:
        for batch in reader:
            first = batch.slice(0, MOST_ROWS + 1 - len(rows))
            rows += zip(*(column.to_pylist() for column in first.columns), strict=True)
            if len(rows) > MOST_ROWS:
                break
    finally:
        reader.close()
    shown = tuple(tuple(_text(value) for value in row) for row in rows[:MOST_ROWS])
    return QueryResult(tuple(reader.schema.names), shown, len(rows) > MOST_ROWS, _chart(rows))


class SqlRoutes:
    """Routes for the queries of reviewers."""

    def __init__(self, products: ProductReader, pages: Pages, threads: Threads) -> None:
        self._products, self._pages, self._threads = products, pages, threads
        self.routes: list[BaseRoute] = [Route("/sql", self.show), Route("/sql/columns", self.columns)]

    async def show(self, request: Request) -> Response:
        """Respond with the editor and, if there is a query, its result."""
        visitor_of(request, "reviewer")
        query = request.query_params.get("query", "").replace("\0", "")[:_LONGEST_QUERY]
        result, fault = None, ""
        if query.strip():
            try:
                result = await self._threads.read(run_query, self._products.newest(), query)
            except QueryError as error:
                fault = plain(str(error), _LONGEST_VALUE)
        return self._pages.render(
            request, "sql.html", query=query or _FIRST, result=result, fault=fault, most=MOST_ROWS, examples=EXAMPLES
        )

    async def columns(self, request: Request) -> Response:
        """Respond with each table's columns and their meaning, for completion."""
        visitor_of(request, "reviewer")
        return JSONResponse(await self._threads.read(_columns, self._products.newest()))


def _columns(snapshot: Snapshot) -> Mapping[str, Mapping[str, str]]:
    tables: dict[str, dict[str, str]] = {}
    for row in snapshot.sql(_COLUMNS).to_pylist():
        tables.setdefault(row["table_name"], {})[row["column_name"]] = row["comment"] or ""
    return tables


def _text(value: object) -> str | None:
    return None if value is None else plain(str(value), _LONGEST_VALUE)


def _chart(rows: Sequence[tuple[object, ...]]) -> tuple[tuple[str, str, int], ...]:
    if not 1 < len(rows) <= _BARS or any(len(row) != 2 or not _is_number(row[1]) for row in rows):
        return ()
    numbers = [float(str(row[1])) for row in rows]
    longest = max(numbers)
    if min(numbers) < 0 or longest <= 0:
        return ()
    return tuple(
        (_text(row[0]) or "NULL", f"{number:,.6g}", round(20 * number / longest))
        for row, number in zip(rows, numbers, strict=True)
    )


def _is_number(value: object) -> bool:
    return (isinstance(value, Real) or type(value).__name__ == "Decimal") and not isinstance(value, bool)
