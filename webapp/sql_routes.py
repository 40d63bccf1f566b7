"""Routes of ``/sql``: one SELECT over the dataset's tables, with its result as a table and a simple chart."""

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from core.errors import QueryError
from storage import Snapshot
from webapp.catalogue.product_card import plain
from webapp.catalogue.product_reader import ProductReader
from webapp.pages import Pages
from webapp.query_processes import QueryProcesses
from webapp.query_result import QueryResult
from webapp.requests import Threads, visitor_of

__all__ = ["EXAMPLES", "SqlRoutes"]

_MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
_LONGEST_QUERY = 10_000
_LONGEST_VALUE = 400
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


class SqlRoutes:
    """Routes for the queries of reviewers."""

    def __init__(self, products: ProductReader, pages: Pages, threads: Threads, queries: QueryProcesses) -> None:
        self._products, self._pages, self._threads, self._queries = products, pages, threads, queries
        self.routes: list[BaseRoute] = [
            Route("/sql", self.show),
            Route("/sql/file", self.download),
            Route("/sql/columns", self.columns),
        ]

    async def show(self, request: Request) -> Response:
        """Respond with the editor and, if there is a query, its result."""
        visitor_of(request, "reviewer")
        query, result, fault = _query_of(request), None, ""
        if query.strip():
            try:
                result = await self._threads.query(request, self._queries.run, self._products.newest(), query)
            except QueryError as error:
                fault = plain(str(error), _LONGEST_VALUE)
        else:
            await self._threads.read(self._queries.warm)
        return self._page(request, query, result, fault)

    async def download(self, request: Request) -> Response:
        """Respond with a file of all rows of a query; with the page and the reason if there is none."""
        visitor_of(request, "reviewer")
        query, form = _query_of(request), request.query_params.get("format", "")
        if form not in _MEDIA_TYPES:
            raise HTTPException(400, "format: name csv or parquet")
        snapshot = self._products.newest()
        try:
            file = await self._threads.query(request, self._queries.file, snapshot, query, form)
        except QueryError as error:
            return self._page(request, query, None, plain(str(error), _LONGEST_VALUE))
        name = f"query-v{snapshot.number}.{form}"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(file, headers=headers, media_type=_MEDIA_TYPES[form])

    def _page(self, request: Request, query: str, result: QueryResult | None, fault: str) -> Response:
        return self._pages.render(
            request, "sql.html", query=query or _FIRST, result=result, fault=fault, examples=EXAMPLES
        )

    async def columns(self, request: Request) -> Response:
        """Respond with each table's columns and their meaning, for completion."""
        visitor_of(request, "reviewer")
        return JSONResponse(await self._threads.read(_columns, self._products.newest()))


def _query_of(request: Request) -> str:
    """Return the query of a URL, with the line ends of forms as line feeds."""
    return request.query_params.get("query", "").replace("\0", "").replace("\r\n", "\n")[:_LONGEST_QUERY]


def _columns(snapshot: Snapshot) -> Mapping[str, Mapping[str, str]]:
    tables: dict[str, dict[str, str]] = {}
    for row in snapshot.sql(_COLUMNS).to_pylist():
        tables.setdefault(row["table_name"], {})[row["column_name"]] = row["comment"] or ""
    return tables
