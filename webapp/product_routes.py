"""``/products``: search for products, and show one with all its modalities."""

from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import BaseRoute, Route

from webapp.catalogue.product_detail import read_detail
from webapp.catalogue.product_reader import ProductReader
from webapp.catalogue.search import Filters, ResultPage, Search, find_products, list_filters
from webapp.object_routes import PLAYABLE_TYPES
from webapp.pages import Pages
from webapp.requests import Threads, visitor_of

__all__ = ["BrowsingRoutes"]

_LONGEST = 300
"""Characters of a search's parts, and of a product id."""


class BrowsingRoutes:
    """Shows products to reviewers."""

    def __init__(self, products: ProductReader, pages: Pages, threads: Threads) -> None:
        self._products, self._pages, self._threads = products, pages, threads
        self.routes: list[BaseRoute] = [
            Route("/products", self.search),
            Route("/products/{product_id:path}", self.show),
        ]

    async def search(self, request: Request) -> HTMLResponse:
        """Answer with one page of products."""
        visitor_of(request, "reviewer")
        search = _search(request)
        found, filters, version = await self._threads.read(self._find, search)
        following = None
        if found.next is not None:
            kept = {"q": search.text, "source": search.source, "class": search.sub_class, "split": search.split}
            following = "?" + urlencode({**{k: v for k, v in kept.items() if v}, "after": found.next})
        return self._pages.render(
            request, "products.html", found=found, filters=filters, search=search, following=following, version=version
        )

    async def show(self, request: Request) -> HTMLResponse:
        """Answer with one product."""
        visitor_of(request, "reviewer")
        product = request.path_params["product_id"]
        detail = None
        if len(product) <= _LONGEST and product.isprintable():
            detail = await self._threads.read(lambda: read_detail(self._products.newest(), product))
        if detail is None:
            raise HTTPException(404, "no such product")
        return self._pages.render(request, "product.html", detail=detail, card=detail.card, playable=PLAYABLE_TYPES)

    def _find(self, search: Search) -> tuple[ResultPage, Filters, int]:
        with self._products.reading() as engine:
            return find_products(engine, search), list_filters(engine), self._products.snapshot.number


def _search(request: Request) -> Search:
    given = request.query_params
    names = {"text": "q", "source": "source", "sub_class": "class", "split": "split", "after": "after"}
    return Search(**{name: given.get(key, "")[:_LONGEST].replace("\0", "") for name, key in names.items()})
