"""Routes of ``/labels``: the label review page, its uncertain pairs and decisions."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from align import Proposal, propose_for_workspace
from align.category import Category
from align.pair_features import EVIDENCE_TEXTS
from align.review import (
    Conflict,
    Decision,
    Example,
    UncertainPair,
    all_decisions,
    count_uncertain,
    decision_fault,
    record_decisions,
    resolve_decisions,
    uncertain_pairs,
)
from core.languages import Language
from core.stage import Clock
from storage import State
from webapp.catalogue.product_card import ProductCard, plain
from webapp.catalogue.product_reader import ProductReader
from webapp.pages import Pages, language_of, texts_in
from webapp.requests import Threads, read_body, visitor_of

__all__ = ["PairView", "ReviewRoutes", "conflict_view", "decision_view", "example_products", "pair_view"]

_LONGEST = 300
_EVIDENCE = re.compile(r"([+-]\S* |)(.+?)(: \S+|)")
_NUMBER = re.compile(r"-?\d+\.\d+")

PairView = dict[str, Any]


def example_products(pairs: Iterable[UncertainPair]) -> list[str]:
    """Return the products whose images are shown with the pairs."""
    return [one.product_id for pair in pairs for one in (*pair.examples_a, *pair.examples_b)]


def pair_view(pair: UncertainPair, cards: Mapping[str, ProductCard], language: Language) -> PairView:
    """Return a pair with titles and images of both sides, and its evidence in the visitor's language."""
    texts = texts_in(language)["labels"]
    phrases = {english: texts["evidence"][key] for key, english in EVIDENCE_TEXTS.items()}
    return {
        "a": _side(pair.a, pair.examples_a, cards),
        "b": _side(pair.b, pair.examples_b, cards),
        "s_label": pair.s_label,
        "s_content": pair.s_content,
        "probability": pair.probability,
        "relation": pair.relation,
        "merged": pair.merged,
        "evidence": [plain(_in_words(one, phrases, texts), _LONGEST) for one in pair.evidence],
    }


def _in_words(line: str, phrases: Mapping[str, str], texts: Mapping[str, str]) -> str:
    """Return a line of evidence in the visitor's language: what was compared, how alike it is, what it speaks for."""
    found = _EVIDENCE.fullmatch(line)
    if found is None:
        return line
    weight, phrase, value = found.groups()
    side = texts["speaks_against" if weight.startswith("-") else "speaks_for"] if weight else ""
    alike = phrases.get(phrase, phrase) + _rounded(value)
    return f"{alike} · {side}" if side else alike


def _rounded(value: str) -> str:
    """Return ``: 0.722`` as ``: 0.72``, and anything else as it is."""
    number = value.removeprefix(": ")
    return f": {float(number):.2f}" if _NUMBER.fullmatch(number) else value


def conflict_view(conflict: Conflict) -> dict[str, object]:
    """Return the different decisions of people on one subject, oldest first."""
    return {
        "subject": [_category(one) for one in conflict.subject],
        "decisions": [decision_view(one) for one in conflict.decisions],
    }


def decision_view(decision: Decision) -> dict[str, object]:
    """Return a decision with its reviewer and time."""
    return {
        "who": decision.reviewer,
        "at": decision.decided_at.strftime("%Y-%m-%d %H:%M"),
        "kind": decision.kind,
        "name": decision.name,
        "a": _category(decision.a),
        "b": decision.b and _category(decision.b),
    }


def _side(category: Category, examples: Sequence[Example], cards: Mapping[str, ProductCard]) -> dict[str, object]:
    pictured = (cards[one.product_id] for one in examples if one.product_id in cards)
    return {
        **_category(category),
        "titles": [plain(one.caption, _LONGEST) for one in examples],
        "pictures": [card.images[0].sha256 for card in pictured if card.images],
    }


def _category(category: Category) -> dict[str, object]:
    return {"source": category.source, "path": list(category.path)}


_EXAMPLES = 5
_CONFLICTS = 20
_PAST = 100
_PROPOSALS = 20


class CategoryBody(BaseModel):
    """A category as sent by the page."""

    source: str = Field(max_length=200)
    path: tuple[str, ...] = Field(max_length=20)


class PairsBody(BaseModel):
    """Number of pairs that the page requests."""

    limit: int = Field(ge=1, le=500)


class DecisionBody(BaseModel):
    """One decision as sent by the page."""

    token: str = Field(pattern=r"^[0-9a-zA-Z-]{16,64}$")
    """Random token that the page creates for each decision, so that one sent twice is stored once."""
    kind: Literal["accept", "reject", "rename", "split"]
    a: CategoryBody
    b: CategoryBody | None = None
    name: str = Field(default="", max_length=200)


class ReviewRoutes:
    """Routes that show uncertain pairs and record decisions; the reviewer comes only from the session."""

    def __init__(self, state: State, products: ProductReader, pages: Pages, threads: Threads, clock: Clock) -> None:
        self._state, self._products, self._pages, self._threads, self._clock = state, products, pages, threads, clock
        self.routes: list[BaseRoute] = [
            Route("/labels", self.show),
            Route("/labels/pairs", self.pairs, methods=["POST"]),
            Route("/labels/decisions", self.decide, methods=["POST"]),
        ]

    async def show(self, request: Request) -> HTMLResponse:
        """Respond with the page."""
        visitor_of(request, "reviewer")
        proposals = await self._threads.read(self._proposals)
        return self._pages.render(request, "labels.html", proposals=proposals)

    async def pairs(self, request: Request) -> Response:
        """Respond with undecided pairs, the most uncertain first, and the conflicts between reviewers."""
        visitor = visitor_of(request, "reviewer")
        wanted = await read_body(request, PairsBody)
        return JSONResponse(
            await self._threads.read(self._pairs, wanted.limit, visitor.person.name, language_of(request))
        )

    async def decide(self, request: Request) -> Response:
        """Record a decision; it is on disk before the response is sent."""
        visitor = visitor_of(request, "reviewer")
        made = await read_body(request, DecisionBody)
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

    def _proposals(self) -> list[Proposal]:
        return propose_for_workspace(self._products.newest(), titles=False)[:_PROPOSALS]

    def _pairs(self, limit: int, reviewer: str, language: Language) -> dict[str, object]:
        # The page shows pairs of categories; the nodes of published trees are reviewed on a sheet.
        decisions = [decision for decision in all_decisions(self._state) if decision.kind != "target"]
        decided = resolve_decisions(decisions)
        snapshot = self._products.newest()
        pairs = uncertain_pairs(snapshot, decided, limit=limit, examples=_EXAMPLES)
        cards = self._products.cards(example_products(pairs))
        return {
            "pairs": [pair_view(pair, cards, language) for pair in pairs],
            "waiting": count_uncertain(snapshot, decided),
            "past": [decision_view(one) for one in reversed(decisions[-_PAST:])],
            "decided": sum(decision.reviewer == reviewer for decision in decisions),
            "conflicts": [conflict_view(one) for one in decided.conflicts[:_CONFLICTS]],
        }
