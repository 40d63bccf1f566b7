"""Routes of ``/manage``: the state of the annotation, for its manager."""

import threading
import time

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from annotate.overview import Overview, read_overview
from annotate.settings import AnnotateSettings
from annotate.tasks import TaskBoard
from storage import State
from webapp.catalogue.product_reader import ProductReader
from webapp.pages import Pages
from webapp.requests import Threads, read_body, visitor_of

__all__ = ["ManagerRoutes"]

_FRESH_S = 10.0
"""Seconds for which an overview is reused, because it reads every judgement."""


class ResumeBody(BaseModel):
    """A paused annotator to resume."""

    worker: str = Field(max_length=64)


class ManagerRoutes:
    """Routes that show managers the work of annotators, and let them end a pause."""

    def __init__(
        self,
        state: State,
        board: TaskBoard,
        settings: AnnotateSettings,
        products: ProductReader,
        pages: Pages,
        threads: Threads,
    ) -> None:
        self._state, self._board, self._settings = state, board, settings
        self._products, self._pages, self._threads = products, pages, threads
        self._turn = threading.Lock()
        self._overview: tuple[float, Overview] | None = None
        self.routes: list[BaseRoute] = [
            Route("/manage", self.show),
            Route("/manage/resume", self.resume, methods=["POST"]),
        ]

    async def show(self, request: Request) -> HTMLResponse:
        """Respond with the overview."""
        visitor_of(request, "manager")
        overview = await self._threads.read(self._read)
        cards = await self._threads.read(self._products.cards, overview.products)
        tasks = self._settings.tasks
        return self._pages.render(request, "manage.html", overview=overview, cards=cards, tasks=tasks)

    async def resume(self, request: Request) -> Response:
        """Let a paused annotator continue."""
        visitor_of(request, "manager")
        worker = (await read_body(request, ResumeBody)).worker
        await self._threads.write(self._board.resume, worker)
        self._overview = None
        return JSONResponse({"resumed": True})

    def _read(self) -> Overview:
        with self._turn:
            if self._overview is None or time.monotonic() - self._overview[0] > _FRESH_S:
                self._overview = time.monotonic(), read_overview(self._state, self._settings)
            return self._overview[1]
