"""``/labels``: the page, and what it sends."""

from typing import Literal

from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from align.category import Category
from align.review import (
    Decision,
    all_decisions,
    decision_fault,
    record_decisions,
    resolve_decisions,
    uncertain_pairs,
)
from m5data.stage import Clock
from storage import State
from webapp.access import read_body, visitor_of
from webapp.catalogue.shelf import Shelf
from webapp.pages import Pages
from webapp.review.views import conflict_view, example_products, pair_view
from webapp.threads import Threads

__all__ = ["ReviewRoutes"]

_EXAMPLES = 5
_CONFLICTS = 20


class Side(BaseModel):
    """A category as the page names it."""

    source: str = Field(max_length=200)
    path: tuple[str, ...] = Field(max_length=20)


class Wanted(BaseModel):
    """How many pairs the page asks for."""

    limit: int = Field(ge=1, le=500)


class Made(BaseModel):
    """One decision as the page sends it."""

    token: str = Field(pattern=r"^[0-9a-zA-Z-]{16,64}$")
    """Made by the page for this decision: sent twice, it is kept once."""
    kind: Literal["accept", "reject", "rename", "split"]
    a: Side
    b: Side | None = None
    name: str = Field(default="", max_length=200)


class ReviewRoutes:
    """Shows doubtful pairs and keeps decisions; who decided is told by the sign-in alone."""

    def __init__(self, state: State, shelf: Shelf, pages: Pages, threads: Threads, clock: Clock) -> None:
        self._state, self._shelf, self._pages, self._threads, self._clock = state, shelf, pages, threads, clock
        self.routes: list[BaseRoute] = [
            Route("/labels", self.show),
            Route("/labels/pairs", self.hand_out, methods=["POST"]),
            Route("/labels/decisions", self.decide, methods=["POST"]),
        ]

    async def show(self, request: Request) -> HTMLResponse:
        """Answer with the page."""
        visitor_of(request, "reviewer")
        return self._pages.render(request, "labels.html")

    async def hand_out(self, request: Request) -> Response:
        """Answer with undecided pairs, the most doubtful first, and with what people disagree on."""
        visitor = visitor_of(request, "reviewer")
        wanted = await read_body(request, Wanted)
        return JSONResponse(await self._threads.read(self._pairs, wanted.limit, visitor.person.name))

    async def decide(self, request: Request) -> Response:
        """Keep a decision; once this has been said to be done, it is on the disk."""
        visitor = visitor_of(request, "reviewer")
        made = await read_body(request, Made)
        b = None if made.b is None else Category(made.b.source, made.b.path)
        decision = Decision(
            made.kind,
            Category(made.a.source, made.a.path),
            b,
            visitor.person.name,
            self._clock(),
            made.name,
            made.token,
        )
        if found := decision_fault(decision):
            raise HTTPException(422, f"{found[0]}: {found[1]}")
        new = await self._threads.write(record_decisions, self._state, [decision])
        return JSONResponse({"new": bool(new)})

    def _pairs(self, limit: int, reviewer: str) -> dict[str, object]:
        decisions = all_decisions(self._state)
        decided = resolve_decisions(decisions)
        pairs = uncertain_pairs(self._shelf.newest(), decided, limit=limit, examples=_EXAMPLES)
        cards = self._shelf.cards(example_products(pairs))
        return {
            "pairs": [pair_view(pair, cards) for pair in pairs],
            "decided": sum(decision.reviewer == reviewer for decision in decisions),
            "conflicts": [conflict_view(one) for one in decided.conflicts[:_CONFLICTS]],
        }
