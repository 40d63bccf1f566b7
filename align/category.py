"""Categories, and the nodes that one source's equal names form."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import NamedTuple

__all__ = [
    "LONGEST_NAME",
    "SEPARATOR",
    "Category",
    "Node",
    "NodeKey",
    "fault",
    "interleave_titles",
    "make_nodes",
    "with_ancestors",
]

SEPARATOR = " > "
"""What joins the names of a path into one text."""
LONGEST_NAME = 100
"""Characters; shops' names have fewer than 20, and ``difflib`` takes time with the square of it."""


class Category(NamedTuple):
    """One category path of one source; an ordinary pair will do in its place."""

    source: str
    path: tuple[str, ...]
    """Names, outermost first."""

    @property
    def text(self) -> str:
        """The path as one text."""
        return SEPARATOR.join(self.path)


def fault(path: tuple[str, ...]) -> tuple[str, str] | None:
    """Return why a category path cannot be aligned, as reason and detail; None: it can.

    Reasons: ``no_category`` (no name at all), ``empty_name``, ``long_name`` (above 100
    characters), ``bad_name`` (holds the separator `` > ``, so that two paths could read alike) and
    ``cyclic_path`` (comes back to a name after another one; a level that merely repeats the name
    above it is usual and no fault).
    """
    if not path:
        return "no_category", "wanted a category path, got none"
    for level, name in enumerate(path, start=1):
        if not name.strip():
            return "empty_name", f"level {level}: wanted a name, got an empty one"
        if len(name) > LONGEST_NAME:
            return "long_name", f"level {level}: wanted at most {LONGEST_NAME} characters, got {len(name)}"
        if SEPARATOR in name:
            return "bad_name", f"level {level}: wanted a name without {SEPARATOR!r}, got one with it"
    steps = [name for level, name in enumerate(path) if not level or name != path[level - 1]]
    if len(set(steps)) < len(steps):
        return "cyclic_path", "wanted each name at one level, got a path that comes back to a name"
    return None


def with_ancestors(categories: Iterable[Category]) -> Iterator[Category]:
    """Yield each category and all that it lies in, each once, sorted."""
    every = {(source, path[:depth]) for source, path in categories for depth in range(1, len(path) + 1)}
    yield from (Category(source, path) for source, path in sorted(every))


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


def interleave_titles(node: Node, titles: Mapping[Category, Sequence[str]]) -> list[str]:
    """Return a node's titles: one of each of its categories in turn, so that none of them drowns the others."""
    turns = zip_longest(*(titles.get(category, ()) for category in node.categories))
    return [title for title in chain.from_iterable(turns) if title is not None]
