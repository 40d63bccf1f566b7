"""Routes of a selection of products: tag it, save it as a view, show it on the map."""

from typing import Any
from urllib.parse import parse_qsl

import duckdb
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from core.errors import UsageError
from core.languages import coded
from core.stage import Clock
from storage import State
from storage.query import query_errors
from storage.tags import put_tag, remove_tag
from webapp.catalogue.explore import rounded, selected_products, selected_rows
from webapp.catalogue.index import CurrentIndex, StillPreparingError
from webapp.catalogue.product_card import plain
from webapp.catalogue.product_map import MAX_POINTS
from webapp.catalogue.sampling import in_sample
from webapp.catalogue.selection import AREA, LIST_FACETS, Selection, coded_facets, facet_columns
from webapp.pages import Pages, language_of, texts_in
from webapp.requests import Stop, Threads, read_body, visitor_of
from webapp.saved_views import delete_view, save_view

__all__ = ["COLOURS", "MAX_TAGGED", "SelectionRoutes", "colourings", "map_points"]

MAX_TAGGED = 100_000
"""Maximum number of products tagged at once."""
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
    """Routes for reviewers that tag selections, save views and show the map."""

    def __init__(self, state: State, index: CurrentIndex, pages: Pages, threads: Threads, clock: Clock) -> None:
        self._state, self._index, self._pages, self._threads, self._clock = state, index, pages, threads, clock
        self.routes: list[BaseRoute] = [
            Route("/tags", self.tag, methods=["POST"]),
            Route("/views", self.view, methods=["POST"]),
            Route("/map", self.show_map),
            Route("/map/points", self.points),
        ]

    async def tag(self, request: Request) -> Response:
        """Add a tag to products or remove it; respond with the number of changes."""
        person = visitor_of(request, "reviewer").person.name
        body = await read_body(request, TagBody)
        try:
            products = (
                [body.product]
                if body.product
                else await self._threads.read_stoppably(request, self._selected, body.query)
            )
            if len(products) > MAX_TAGGED:
                texts = texts_in(language_of(request))["products"]
                raise HTTPException(422, f"{texts['too_many']}: {MAX_TAGGED:,}")
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
        """Respond with the map page of a selection, which requests the points."""
        visitor_of(request, "reviewer")
        selection = Selection.parse(request.query_params.multi_items())
        return self._pages.render(
            request, "map.html", selection=selection, colourings=colourings(), area=AREA, most=MAX_POINTS
        )

    async def points(self, request: Request) -> Response:
        """Respond with the points of a selection."""
        visitor_of(request, "reviewer")
        given = request.query_params.multi_items()
        colour = request.query_params.get("colour", "")
        try:
            found = await self._threads.read_stoppably(request, self._points, Selection.parse(given), colour)
        except StillPreparingError:
            raise HTTPException(503, "the map is being prepared") from None
        if colour in coded_facets():
            language = language_of(request)
            found["values"] = [[coded(value, language), count] for value, count in found["values"]]
        return JSONResponse(found)

    def _selected(self, query: str, stop: Stop) -> list[str]:
        selection = _parsed(query)
        with self._index.reading(mapped=bool(selection.area)) as engine:
            stop.interrupt_with(engine.interrupt)
            return selected_products(engine, selection, MAX_TAGGED + 1)

    def _points(self, selection: Selection, colour: str, stop: Stop) -> dict[str, Any]:
        with self._index.reading(mapped=True) as engine:
            stop.interrupt_with(engine.interrupt)
            return map_points(engine, selection, colour)


def _parsed(query: str) -> Selection:
    return Selection.parse(parse_qsl(query.removeprefix("?"), keep_blank_values=True))


COLOURS = 9
"""Number of values with a separate colour; the others share one."""
_LONGEST = 60


def colourings() -> tuple[str, ...]:
    """Return the facets that can colour the map: those with one value per product."""
    return tuple(name for name, column in facet_columns().items() if column not in {*LIST_FACETS.values(), "tags"})


def map_points(engine: duckdb.DuckDBPyConnection, selection: Selection, colour: str) -> dict[str, Any]:
    """Return the selection's products on the map.

    Args:
        engine: A connection to a catalogue's index with its map.
        selection: The products to show.
        colour: One of ``colourings``; anything else means the first.

    Returns:
        ``count``: number of selected products, ``estimated`` or not; ``values``: the most frequent values of the facet
        with their counts on the map; ``others``: count of all other values; ``points``: x, y, index of the value
        (``COLOURS`` for other values) and product of each point.
    """
    names = colourings()
    column = facet_columns()[colour if colour in names else names[0]]
    with query_errors(), in_sample(engine) as step, selected_rows(engine, selection) as every:
        count = engine.execute(f"SELECT count(*) {every(None)}").fetchall()[0][0]
        engine.execute(
            f"""CREATE OR REPLACE TEMP TABLE shown AS SELECT x, y, coalesce({column}, '') AS value, product_id
            FROM points JOIN catalogue USING (n) WHERE n IN (SELECT n {every(None)})"""  # noqa: S608 - quoted
        )
    counted = engine.execute("SELECT value, count(*) FROM shown GROUP BY 1 ORDER BY 2 DESC, 1").fetchall()
    place = {value: number for number, (value, _) in enumerate(counted[:COLOURS])}
    rows = engine.execute("SELECT x, y, value, product_id FROM shown ORDER BY product_id").fetchall()
    engine.execute("DROP TABLE shown")
    return {
        "count": rounded(count, step),
        "estimated": step > 1,
        "values": [[plain(value, _LONGEST), times] for value, times in counted[:COLOURS]],
        "others": sum(times for _, times in counted[COLOURS:]),
        "points": [[x, y, place.get(value, COLOURS), product] for x, y, value, product in rows],
    }
