"""Routes of ``/products``: explore the products, and show one with all its modalities."""

import re
import shlex
from pathlib import Path

from starlette.convertors import StringConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from core.errors import CorruptObjectError
from export.stats_stage import REPORTS
from storage import Objects, State
from storage.objects.warc import StoredPage
from storage.tags import tags_of
from webapp.catalogue.comparison import compare_products
from webapp.catalogue.explore import Overview, explore
from webapp.catalogue.index import CurrentIndex, StillPreparingError
from webapp.catalogue.product_detail import read_detail
from webapp.catalogue.product_reader import ProductReader
from webapp.catalogue.selection import SORTS, Selection, coded_facets, days_text, sql_of_selection
from webapp.object_routes import PLAYABLE_TYPES
from webapp.pages import Pages, language_of
from webapp.requests import Stop, Threads, visitor_of
from webapp.saved_views import saved_views

__all__ = ["BrowsingRoutes"]

_HTML = re.compile(r"(?:text/html|application/xhtml\+xml) *(?:; *charset=[\w-]+)?", re.IGNORECASE)
_REPLAY = {
    "content-security-policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    "referrer-policy": "no-referrer",
}
_REPORT = {
    "content-security-policy": (
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
}
_LONGEST = 300
"""Maximum length of a product id."""


class _AnyText(StringConvertor):
    """Matches the rest of a path, including line ends, which shops put into ids."""

    regex = r"[\s\S]*"


register_url_convertor("text", _AnyText())


class BrowsingRoutes:
    """Routes that show products to reviewers."""

    def __init__(
        self,
        state: State,
        products: ProductReader,
        index: CurrentIndex,
        objects: Objects,
        pages: Pages,
        threads: Threads,
    ) -> None:
        self._state, self._products, self._index, self._objects = state, products, index, objects
        self._pages, self._threads = pages, threads
        self.routes: list[BaseRoute] = [
            Route("/products", self.search),
            Route("/products/{product_id:text}", self.show),
            Route("/compare", self.compare),
            Route("/report", self.report),
            *(Route("/" + Path(place).name, self.report) for place in REPORTS.values()),
            Route("/pages/{product_id:text}", self.replay),
        ]

    async def search(self, request: Request) -> HTMLResponse:
        """Respond with one page of a selection and its facets."""
        visitor_of(request, "reviewer")
        selection = Selection.parse(_ranges_joined(request.query_params.multi_items()))
        try:
            found = await self._threads.read_stoppably(request, self._explore, selection)
        except StillPreparingError:
            return self._pages.render(request, "preparing.html")
        return self._pages.render(
            request,
            "products.html",
            found=found,
            selection=selection,
            sorts=SORTS,
            coded_facets=coded_facets(),
            sql=sql_of_selection(selection),
            seen=days_text(selection.seen),
            area="_".join(f"{x},{y}" for x, y in selection.area),
            views=await self._threads.read(saved_views, self._state),
            command=_export_command(selection),
            version=self._products.snapshot.number,
        )

    async def show(self, request: Request) -> HTMLResponse:
        """Respond with one product."""
        visitor_of(request, "reviewer")
        product = request.path_params["product_id"]
        _check_id(product)
        detail = await self._threads.read(lambda: read_detail(self._products.newest(), product))
        if detail is None:
            raise HTTPException(404, "no such product")
        return self._pages.render(
            request,
            "product.html",
            detail=detail,
            card=detail.card,
            playable=PLAYABLE_TYPES,
            tags=await self._threads.read(tags_of, self._state, product),
        )

    async def compare(self, request: Request) -> HTMLResponse:
        """Respond with two products side by side."""
        visitor_of(request, "reviewer")
        pair = [request.query_params.get(name, "") for name in ("a", "b")]
        for one in pair:
            _check_id(one)
        found = await self._threads.read(lambda: compare_products(self._products.newest(), *pair))
        if found is None:
            raise HTTPException(404, "no such product")
        return self._pages.render(request, "compare.html", found=found, playable=PLAYABLE_TYPES)

    async def report(self, request: Request) -> Response:
        """Respond with the report that ``m5data stats`` wrote, in the language of the URL or the visitor.

        The bar of all pages is put above it: the file itself is read without this server, too.
        """
        visitor_of(request, "reviewer")
        named = [place for place in REPORTS.values() if request.url.path == "/" + Path(place).name]
        path = self._state.folder / (named[0] if named else REPORTS[language_of(request)])
        if not await self._threads.read(path.is_file):
            raise HTTPException(404, "no report yet; run m5data stats")
        page = await self._threads.read(path.read_text, "utf-8")
        bar = self._pages.text(request, "report_bar.html")
        return Response(page.replace("<body>", f"<body>\n{bar}", 1), headers=_REPORT, media_type="text/html")

    async def replay(self, request: Request) -> Response:
        """Respond with the stored page of a product, without scripts, forms or external content."""
        visitor_of(request, "reviewer")
        page = await self._threads.read(self._stored_page, request.path_params["product_id"])
        if page is None:
            raise HTTPException(404, "no stored page")
        sent = {name.lower(): value for name, value in page.headers}.get("content-type", "")
        kind = sent if _HTML.fullmatch(sent) else "text/plain; charset=utf-8"
        return Response(page.body, headers={**_REPLAY, "content-type": kind})

    def _stored_page(self, product_id: str) -> StoredPage | None:
        snapshot = self._products.newest()
        query = "SELECT page_sha256 FROM products WHERE product_id = ?"
        found = snapshot.sql(query, [product_id])["page_sha256"].to_pylist()
        if not found or found[0] is None:
            return None
        try:
            return self._objects.page(found[0])
        except CorruptObjectError:
            return None

    def _explore(self, selection: Selection, stop: Stop) -> Overview:
        with self._index.reading(mapped=bool(selection.area)) as engine:
            stop.interrupt_with(engine.interrupt)
            return explore(engine, selection)


def _export_command(selection: Selection) -> str:
    """Return the command that exports a selection, into a folder of its own; of all products, the full export."""
    return "m5data export" if selection.where == "true" else f"m5data export --where {_shell_quoted(selection.where)}"


def _shell_quoted(text: str) -> str:
    """Return a text quoted for a shell, in double quotes if they are safe, since SQL contains single quotes."""
    return shlex.quote(text) if any(sign in text for sign in '"$`\\!') else f'"{text}"'


def _ranges_joined(given: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the parameters with ``price.least`` and ``price.most``, as sent by the form, joined to one range."""
    bounds = dict(given)
    joined = [
        (
            name.removesuffix(".least"),
            f"{value.strip()}..{bounds.get(name.removesuffix('.least') + '.most', '').strip()}",
        )
        for name, value in given
        if name.endswith(".least")
    ]
    named = [("p." + value, "") for name, value in given if name == "property" and value]
    return [*given, *joined, *named]


def _check_id(product: str) -> None:
    """Refuse texts that cannot be product ids: half a surrogate pair cannot be encoded."""
    if len(product) > _LONGEST or any("\ud800" <= character <= "\udfff" for character in product):
        raise HTTPException(404, "no such product")
