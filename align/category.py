"""Categories, and the nodes that one source's equal names form."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import NamedTuple

from align.names import is_generic, spelling

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
"""Separates the names of a path in text form."""
LONGEST_NAME = 100
"""Characters. Real names have fewer than 20; ``difflib`` needs time quadratic in the length."""
NodeKey = tuple[str, str, str]
"""Source, name, and the parent's name if the name alone says nothing; unique among the nodes below one label."""


class Category(NamedTuple):
    """A category path of one source; a plain tuple (source, path) is accepted in its place."""

    source: str
    path: tuple[str, ...]
    """Names, outermost first."""

    @property
    def text(self) -> str:
        """The path in text form."""
        return SEPARATOR.join(self.path)


def fault(path: tuple[str, ...]) -> tuple[str, str] | None:
    """Return why a category path cannot be aligned, as (reason, detail), or None if it can.

    Reasons: ``no_category`` (no names), ``empty_name``, ``long_name`` (above 100 characters),
    ``bad_name`` (contains the separator `` > ``, so that two paths could have the same text) and
    ``cyclic_path`` (returns to a name after another one; a level that only repeats the name above
    it is common and accepted).
    """
    if not path:
        return "no_category", "the product has no category path"
    for level, name in enumerate(path, start=1):
        if not name.strip():
            return "empty_name", f"level {level}: the name is empty"
        if len(name) > LONGEST_NAME:
            return "long_name", f"level {level}: the name has {len(name)} characters, more than {LONGEST_NAME}"
        if SEPARATOR in name:
            return "bad_name", f"level {level}: the name contains {SEPARATOR!r}"
    steps = [name for level, name in enumerate(path) if not level or name != path[level - 1]]
    if len(set(steps)) < len(steps):
        return "cyclic_path", "the path returns to an earlier name"
    return None


def with_ancestors(categories: Iterable[Category]) -> Iterator[Category]:
    """Yield each category and its ancestors once, sorted."""
    every = {(source, path[:depth]) for source, path in categories for depth in range(1, len(path) + 1)}
    yield from (Category(source, path) for source, path in sorted(every))


@dataclass(frozen=True, slots=True)
class Node:
    """All categories of one source that have the same name (``spelling``) at one level, below one label.

    Usually this is one category and its descendants. If two outermost categories of a source belong
    to one class and both contain the name, the node holds both: equal names of a shop are one label. A name
    that says nothing by itself (配件, Other) forms one node per parent name.
    """

    source: str
    name: str
    categories: tuple[Category, ...]
    """The categories at this level and their descendants, sorted."""
    depth: int
    """The level; 1 is the outermost."""

    @property
    def key(self) -> NodeKey:
        """The sort key among nodes below one label."""
        return self.source, self.name, self.within if is_generic(self.name) else ""

    @property
    def within(self) -> str:
        """The parent's name; empty for an outermost node."""
        return self.categories[0].path[self.depth - 2] if self.depth > 1 else ""

    @property
    def own(self) -> tuple[Category, ...]:
        """The categories at exactly this level, sorted."""
        return tuple(dict.fromkeys(Category(c.source, c.path[: self.depth]) for c in self.categories))


def make_nodes(categories: Iterable[Category], depth: int) -> list[Node]:
    """Return the nodes at one level, sorted by source and name; shallower categories are skipped."""
    found: dict[NodeKey, list[Category]] = {}
    for category in categories:
        if len(category.path) >= depth:
            name = category.path[depth - 1]
            within = category.path[depth - 2] if depth > 1 and is_generic(name) else ""
            found.setdefault((category.source, spelling(name), spelling(within)), []).append(category)
    nodes = [Node(key[0], _usual_name(own, depth), tuple(sorted(own)), depth) for key, own in found.items()]
    return sorted(nodes, key=lambda node: node.key)


def _usual_name(categories: Iterable[Category], depth: int) -> str:
    """Return the spelling at a level that most categories have; the smallest of several."""
    times = Counter(category.path[depth - 1] for category in categories)
    return min(times, key=lambda name: (-times[name], name))


def interleave_titles(node: Node, titles: Mapping[Category, Sequence[str]]) -> list[str]:
    """Return the titles of a node, one from each of its categories in turn, so that no category dominates."""
    turns = zip_longest(*(titles.get(category, ()) for category in node.categories))
    return [title for title in chain.from_iterable(turns) if title is not None]
