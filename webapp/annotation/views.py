"""Tasks as the page is sent them."""

from collections.abc import Mapping
from dataclasses import asdict

from annotate.tasks import BROKEN, LeasedTask
from webapp.catalogue.card import Card
from webapp.catalogue.comparison import compare

__all__ = ["product_view", "task_view"]


def task_view(task: LeasedTask, cards: Mapping[str, Card]) -> dict[str, object]:
    """Return a task with both products and their specifications side by side; nothing in it tells gold from others.

    A product that is not there any more is None.
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


def product_view(card: Card | None) -> dict[str, object] | None:
    """Return what an annotator sees of a product: not which shop sells it, nor where."""
    if card is None:
        return None
    return {
        "caption": card.caption,
        "pictures": [asdict(picture) for picture in card.pictures],
        "videos": [asdict(video) for video in card.videos],
    }
