"""Routes of a selection of products: tag it, save it as a view, see it on the map."""

from typing import Any
from urllib.parse import parse_qsl

from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from m5data.errors import UsageError
from m5data.languages import coded
from m5data.stage import Clock
from storage import State
from storage.tags import put_tag, remove_tag
from webapp.catalogue.explore import selected_products
from webapp.catalogue.index import CurrentIndex, StillPreparingError
from webapp.catalogue.map_points import colourings, map_points
from webapp.catalogue.product_map import MOST_POINTS
from webapp.catalogue.selection import AREA, Selection, coded_facets
from webapp.pages import Pages, language_of, texts_in
from webapp.requests import Threads, read_body, visitor_of
from webapp.saved_views import delete_view, save_view

__all__ = ["MOST_TAGGED", "SelectionRoutes"]

MOST_TAGGED = 100_000
"""Products that are tagged at once."""
_LONGEST_QUERY = 8000


class TagBody(BaseModel):
    """A tag to put on the products of a selection, or on one product."""

    tag: str = Field(max_length=200)
    query: str = Field(default="", max_length=_LONGEST_QUERY)
    """Query string of the selection."""
    product: str | None = Field(default=None, max_length=300)
    """One product instead of a selection."""
    remove: bool = False


class ViewBody(BaseModel):
    """A view to save, or to delete."""

    name: str = Field(max_length=200)
    query: str = Field(default="", max_length=_LONGEST_QUERY)
    delete: bool = False


class SelectionRoutes:
    """Tags selections, keeps views, and shows the map, to reviewers."""

    def __init__(self, state: State, index: CurrentIndex, pages: Pages, threads: Threads, clock: Clock) -> None:
        self._state, self._index, self._pages, self._threads, self._clock = state, index, pages, threads, clock
        self.routes: list[BaseRoute] = [
            Route("/tags", self.tag, methods=["POST"]),
            Route("/views", self.view, methods=["POST"]),
            Route("/map", self.show_map),
            Route("/map/points", self.points),
        ]

    async def tag(self, request: Request) -> Response:
        """Put a tag on products, or take it off; answer with how many changed."""
        person = visitor_of(request, "reviewer").person.name
        body = await read_body(request, TagBody)
        try:
            products = [body.product] if body.product else await self._threads.read(self._selected, body.query)
            if len(products) > MOST_TAGGED:
                texts = texts_in(language_of(request))["products"]
                raise HTTPException(422, f"{texts['too_many']}: {MOST_TAGGED:,}")
            if body.remove:
                changed = await self._threads.write(remove_tag, self._state, body.tag, products)
            else:
                changed = await self._threads.write(put_tag, self._state, body.tag, products, person, self._clock())
        except (UsageError, UnicodeEncodeError) as error:
            raise HTTPException(422, str(error)) from None
        except StillPreparingError:
            raise HTTPException(503, "the catalogue is being prepared") from None
        return JSONResponse({"changed": changed})

    async def view(self, request: Request) -> Response:
        """Save or delete a view."""
        person = visitor_of(request, "reviewer").person.name
        body = await read_body(request, ViewBody)
        try:
            if body.delete:
                await self._threads.write(delete_view, self._state, body.name)
            else:
                query = _parsed(body.query).url()
                await self._threads.write(save_view, self._state, body.name, query, person, self._clock())
        except (UsageError, UnicodeEncodeError) as error:
            raise HTTPException(422, str(error)) from None
        return JSONResponse({"saved": not body.delete})

    async def show_map(self, request: Request) -> HTMLResponse:
        """Answer with the map of a selection; its points are asked for by the page."""
        visitor_of(request, "reviewer")
        selection = Selection.parse(request.query_params.multi_items())
        return self._pages.render(
            request, "map.html", selection=selection, colourings=colourings(), area=AREA, most=MOST_POINTS
        )

    async def points(self, request: Request) -> Response:
        """Answer with the points of a selection."""
        visitor_of(request, "reviewer")
        given = request.query_params.multi_items()
        colour = request.query_params.get("colour", "")
        try:
            found = await self._threads.read(self._points, Selection.parse(given), colour)
        except StillPreparingError:
            raise HTTPException(503, "the map is being prepared") from None
        if colour in coded_facets():
            language = language_of(request)
            found["values"] = [[coded(value, language), count] for value, count in found["values"]]
        return JSONResponse(found)

    def _selected(self, query: str) -> list[str]:
        selection = _parsed(query)
        with self._index.reading(mapped=bool(selection.area)) as engine:
            return selected_products(engine, selection, MOST_TAGGED + 1)

    def _points(self, selection: Selection, colour: str) -> dict[str, Any]:
        with self._index.reading(mapped=True) as engine:
            return map_points(engine, selection, colour)


def _parsed(query: str) -> Selection:
    return Selection.parse(parse_qsl(query.removeprefix("?"), keep_blank_values=True))
