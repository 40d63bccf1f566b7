"""The shared hierarchy: labels, what they are made of, and what lies below them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from align.category import Category
from align.merging import NodeKey, Tie
from align.nodes import Node

__all__ = ["Label", "name_label"]


@dataclass(frozen=True, slots=True)
class Label:
    """A class, sub-class or sub-sub-class."""

    name: str
    nodes: tuple[Node, ...]
    """The sources' names that became this label, sorted."""
    ties: Mapping[NodeKey, Tie]
    """Node's key -> why it is here."""
    children: tuple["Label", ...] = ()
    """Labels of the next level; none where that level is not kept."""

    @property
    def categories(self) -> tuple[Category, ...]:
        """All categories under this label, its children's included."""
        return tuple(category for node in self.nodes for category in node.categories)


def name_label(nodes: Sequence[Node], sizes: Mapping[Category, int]) -> str:
    """Return the name of merged nodes: the shared one, or that of the node with most products.

    Where two nodes have as many, the smaller name counts. In the paper a person named labels of
    unequal names; this is the name until a person does.

    Args:
        nodes: Nodes that are one label.
        sizes: Category -> products directly in it.
    """

    def rank(node: Node) -> tuple[int, str]:
        return -sum(sizes.get(category, 0) for category in node.categories), node.name

    return min(nodes, key=rank).name
