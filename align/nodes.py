"""What is aligned: a name of one source at one level."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

from align.category import Category

__all__ = ["Node", "NodeKey", "make_nodes", "text_of"]

NodeKey = tuple[str, str]
"""Source and name; names a node among those below one label."""


@dataclass(frozen=True, slots=True)
class Node:
    """All categories of one source that bear one name at one level, below one label.

    Usually that is one category and what lies in it. Where two outermost categories of a source
    belong to one class and hold the same name, both are here: a shop's equal names are one label.
    """

    source: str
    name: str
    categories: tuple[Category, ...]
    """The categories at this level and everything in them, sorted."""
    depth: int
    """The level, 1 for outermost."""

    @property
    def key(self) -> NodeKey:
        """What nodes below one label are sorted by, and differ in."""
        return self.source, self.name

    @property
    def own(self) -> tuple[Category, ...]:
        """The categories at this very level, sorted."""
        return tuple(dict.fromkeys(Category(c.source, c.path[: self.depth]) for c in self.categories))


def make_nodes(categories: Iterable[Category], depth: int) -> list[Node]:
    """Return the nodes at one level, sorted by source and name; shallower categories have none."""
    found: dict[tuple[str, str], list[Category]] = {}
    for category in categories:
        if len(category.path) >= depth:
            found.setdefault((category.source, category.path[depth - 1]), []).append(category)
    return [Node(*key, tuple(sorted(found[key])), depth) for key in sorted(found)]


def text_of(node: Node, titles: Mapping[Category, Sequence[str]]) -> list[str]:
    """Return a node's titles: one of each of its categories in turn, so that none of them drowns the others."""
    turns = zip_longest(*(titles.get(category, ()) for category in node.categories))
    return [title for title in chain.from_iterable(turns) if title is not None]
