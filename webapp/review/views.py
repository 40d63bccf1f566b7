"""Pairs of categories as the page is sent them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from align.category import Category
from align.review import Conflict, Example, UncertainPair
from webapp.catalogue.card import Card
from webapp.catalogue.plain_text import plain

__all__ = ["PairView", "conflict_view", "example_products", "pair_view"]

_LONGEST = 300

PairView = dict[str, object]


@dataclass(frozen=True, slots=True)
class _Side:
    category: Category
    examples: tuple[Example, ...]


def example_products(pairs: Iterable[UncertainPair]) -> list[str]:
    """Return the products whose pictures the pairs need."""
    return [one.product_id for pair in pairs for one in (*pair.examples_a, *pair.examples_b)]


def pair_view(pair: UncertainPair, cards: Mapping[str, Card]) -> PairView:
    """Return a pair with titles and pictures of both sides."""
    return {
        "a": _side(_Side(pair.a, pair.examples_a), cards),
        "b": _side(_Side(pair.b, pair.examples_b), cards),
        "s_label": pair.s_label,
        "s_content": pair.s_content,
        "probability": pair.probability,
        "relation": pair.relation,
        "merged": pair.merged,
        "evidence": [plain(one, _LONGEST) for one in pair.evidence],
    }


def conflict_view(conflict: Conflict) -> dict[str, object]:
    """Return what different people said on one subject, oldest first."""
    return {
        "subject": [_category(one) for one in conflict.subject],
        "decisions": [{"who": one.reviewer, "kind": one.kind, "name": one.name} for one in conflict.decisions],
    }


def _side(side: _Side, cards: Mapping[str, Card]) -> dict[str, object]:
    pictured = (cards[one.product_id] for one in side.examples if one.product_id in cards)
    return {
        **_category(side.category),
        "titles": [plain(one.caption, _LONGEST) for one in side.examples],
        "pictures": [card.pictures[0].sha256 for card in pictured if card.pictures],
    }


def _category(category: Category) -> dict[str, object]:
    return {"source": category.source, "path": list(category.path)}
