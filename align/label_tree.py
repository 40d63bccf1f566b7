"""The shared hierarchy: labels, what they are made of, and what lies below them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from align.category import Category
from align.merging import Tie
from align.nodes import Node, NodeKey
from align.review.standing import Standing

__all__ = ["Label", "name_label"]

NOTHING_DECIDED = Standing()


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


def name_label(nodes: Sequence[Node], sizes: Mapping[Category, int], decided: Standing = NOTHING_DECIDED) -> str:
    """Return the name of merged nodes: a person's, the shared one, or that of the node with most products.

    The newest name that a person gave to one of the nodes holds. Without any, where two nodes have
    as many products, the smaller name counts. In the paper a person named labels of unequal names;
    this is the name until a person does.

    Args:
        nodes: Nodes that are one label.
        sizes: Category -> products directly in it.
        decided: What people decided.
    """
    own = {category for node in nodes for category in node.own}
    given = next((decision.name for category, decision in decided.names.items() if category in own), None)
    if given is not None:
        return given

    def rank(node: Node) -> tuple[int, str]:
        return -sum(sizes.get(category, 0) for category in node.categories), node.name

    return min(nodes, key=rank).name
