"""A published category tree."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from align.category import SEPARATOR
from core.errors import DataError

__all__ = ["TargetNode", "TargetTree", "build_tree", "split_path"]

_MAX_NODES = 200_000
_MAX_DEPTH = 16
_MAX_NAME = 300


@dataclass(frozen=True, slots=True)
class TargetNode:
    """A node of a published tree; every level is a node of its own."""

    id: str
    """Identifier by the publisher; the path in text form if the file has none."""
    path: tuple[str, ...]
    """Names, outermost first."""
    attributes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Attribute that the tree lists for the node -> its values; empty values if the file lists none."""
    definition: str = ""
    """Text that says what belongs to the node; empty if the file has none."""

    @property
    def text(self) -> str:
        """The path in text form."""
        return SEPARATOR.join(self.path)


@dataclass(frozen=True, slots=True)
class TargetTree:
    """A published tree, every ancestor before its descendants."""

    name: str
    """Name that the settings give it."""
    nodes: tuple[TargetNode, ...]


def split_path(text: str) -> tuple[str, ...]:
    """Return the names of ``A > B > C``, without white space around them."""
    return tuple(name.strip() for name in text.split(">"))


def build_tree(name: str, nodes: Iterable[tuple[str, TargetNode]]) -> TargetTree:
    """Return the tree of the given nodes; ancestors that a file does not list are added.

    Some translations have one path for two nodes: those are one node here, with the id of the first.

    Args:
        name: Name of the tree.
        nodes: Place in the file, for messages, and node.

    Raises:
        DataError: A name is empty, very long or not printable, a node lies too deep, or there are none or too many.
    """
    found: dict[tuple[str, ...], TargetNode] = {}
    for place, node in nodes:
        _check(place, node)
        found.setdefault(node.path, node)
        if len(found) > _MAX_NODES:
            raise DataError(f"{place}: more than {_MAX_NODES:,} nodes")
    if not found:
        raise DataError("there is no category in it")
    every = {**{path: TargetNode(SEPARATOR.join(path), path) for path in _ancestors(found)}, **found}
    return TargetTree(name, tuple(every[path] for path in sorted(every)))


def _ancestors(paths: Iterable[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    for path in paths:
        for depth in range(1, len(path)):
            yield path[:depth]


def _check(place: str, node: TargetNode) -> None:
    if len(node.path) > _MAX_DEPTH:
        raise DataError(f"{place}: {len(node.path)} levels, more than {_MAX_DEPTH}")
    for name in node.path:
        if not name:
            raise DataError(f"{place}: a level of {node.text[:80]!r} has no name")
        if not name.isprintable():
            raise DataError(f"{place}: the name {name[:40]!r} has a control character")
        if len(name) > _MAX_NAME:
            raise DataError(f"{place}: the name {name[:40]!r} has {len(name)} characters, more than {_MAX_NAME}")
