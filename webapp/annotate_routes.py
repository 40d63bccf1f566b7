"""Routes of ``/annotate``: the annotation page, its tasks and answers, and the annotator's history."""

from collections.abc import Mapping
from dataclasses import asdict

from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from annotate.tasks import BROKEN, LONGEST_COMMENT, LeasedTask, RefusedError, TaskBoard, WorkerProgress
from webapp.catalogue.comparison import compare
from webapp.catalogue.product_card import ProductCard
from webapp.catalogue.product_reader import ProductReader
from webapp.pages import Pages
from webapp.requests import Threads, page_number, read_body, visitor_of

__all__ = ["AnnotationRoutes", "product_view", "task_view"]


def task_view(task: LeasedTask, cards: Mapping[str, ProductCard]) -> dict[str, object]:
    """Return a task with both products and their specifications side by side; nothing in it reveals gold.

    A product that no longer exists is None.
    """
    query, candidate = cards.get(task.query), cards.get(task.candidate)
    lines = compare(query.specs if query else (), candidate.specs if candidate else ())
    return {
        "number": task.number,
        "kind": task.kind,
        "options": [*task.options, BROKEN],
        "query": product_view(query),
        "candidate": product_view(candidate),
        "lines": [asdict(line) for line in lines],
    }


def product_view(card: ProductCard | None) -> dict[str, object] | None:
    """Return the data of a product that annotators see, without its shop or URL."""
    if card is None:
        return None
    return {
        "caption": card.caption,
        "pictures": [asdict(image) for image in card.images],
        "videos": [asdict(video) for video in card.videos],
    }


_AHEAD = 6
"""Tasks sent at once: the current one, and those that load meanwhile."""
_HISTORY = 30
"""Answers per page."""
_STATUS = {"unknown_worker": 403, "not_handed": 409, "answered": 409, "bad_answer": 422}


class AnswerBody(BaseModel):
    """One answer as sent by the page."""

    task: int = Field(ge=0, lt=2**63)
    label: str = Field(max_length=400)
    seconds: float = Field(ge=0, allow_inf_nan=False)
    comment: str = Field(default="", max_length=LONGEST_COMMENT)


class SkipBody(BaseModel):
    """A task to pass on to others."""

    task: int = Field(ge=0, lt=2**63)
    comment: str = Field(default="", max_length=LONGEST_COMMENT)


class ReopenBody(BaseModel):
    """An answer or skip to take back."""

    task: int = Field(ge=0, lt=2**63)


class AnnotationRoutes:
    """Routes that lease tasks and record answers; the worker comes from the session, never from the request."""

    def __init__(self, board: TaskBoard, products: ProductReader, pages: Pages, threads: Threads) -> None:
        self._board, self._products, self._pages, self._threads = board, products, pages, threads
        self.routes: list[BaseRoute] = [
            Route("/annotate", self.show),
            Route("/annotate/tasks", self.tasks, methods=["POST"]),
            Route("/annotate/answers", self.answer, methods=["POST"]),
            Route("/annotate/skip", self.skip, methods=["POST"]),
            Route("/annotate/reopen", self.reopen, methods=["POST"]),
            Route("/annotate/history", self.history),
        ]

    async def show(self, request: Request) -> HTMLResponse:
        """Respond with the page; a manager who opens it becomes an annotator of the same name."""
        person = visitor_of(request, "annotator").person
        if person.role == "manager":
            await self._threads.write(self._board.enlist, person.name)
        return self._pages.render(request, "annotate.html")

    async def tasks(self, request: Request) -> Response:
        """Respond with the next tasks, including their products."""
        worker = visitor_of(request, "annotator").person.name
        tasks, progress = await self._threads.write(self._next, worker)
        cards = await self._threads.read(self._products.cards, [p for t in tasks for p in (t.query, t.candidate) if p])
        return JSONResponse(
            {
                "tasks": [task_view(task, cards) for task in tasks],
                "reviewed": progress.reviewed,
                "total": progress.total,
                "paused": progress.paused and progress.paused.partition(":")[0],
            }
        )

    async def answer(self, request: Request) -> Response:
        """Record an answer; it is on disk before the response is sent."""
        worker = visitor_of(request, "annotator").person.name
        answer = await read_body(request, AnswerBody)
        try:
            new = await self._threads.write(
                self._board.answer, worker, answer.task, answer.label, answer.seconds, answer.comment
            )
        except RefusedError as error:
            raise HTTPException(_STATUS[error.reason], str(error)) from error
        return JSONResponse({"new": new})

    async def skip(self, request: Request) -> Response:
        """Pass a task on to others."""
        worker = visitor_of(request, "annotator").person.name
        skipped = await read_body(request, SkipBody)
        try:
            await self._threads.write(self._board.skip, worker, skipped.task, skipped.comment)
        except RefusedError as error:
            raise HTTPException(_STATUS[error.reason], str(error)) from error
        return JSONResponse({"skipped": True})

    async def reopen(self, request: Request) -> Response:
        """Take back an answer or a skip; its task comes next."""
        worker = visitor_of(request, "annotator").person.name
        reopened = await read_body(request, ReopenBody)
        return JSONResponse({"reopened": await self._threads.write(self._board.reopen, worker, reopened.task)})

    async def history(self, request: Request) -> HTMLResponse:
        """Respond with the annotator's own answers, newest first."""
        worker = visitor_of(request, "annotator").person.name
        page = page_number(request)
        given = await self._threads.read(self._board.answers, worker, _HISTORY + 1, (page - 1) * _HISTORY)
        shown = given[:_HISTORY]
        cards = await self._threads.read(
            self._products.cards, [p for one in shown for p in (one.query, one.candidate) if p]
        )
        return self._pages.render(
            request, "history.html", given=shown, cards=cards, page=page, more=len(given) > _HISTORY
        )

    def _next(self, worker: str) -> tuple[list[LeasedTask], WorkerProgress]:
        return self._board.next_tasks(worker, _AHEAD), self._board.progress(worker)
