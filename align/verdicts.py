"""What people decided, seen from the nodes below one label."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from align.nodes import Node, NodeKey
from align.review.decision import Decision
from align.review.standing import Standing

__all__ = ["NodeVerdict", "Verdicts", "find_verdicts"]


@dataclass(frozen=True, slots=True)
class NodeVerdict:
    """A person's decision on two nodes."""

    a: Node
    """The one of the alphabetically smaller source."""
    b: Node
    decision: Decision

    @property
    def joins(self) -> bool:
        """Whether they are one label."""
        return self.decision.kind != "reject"

    @property
    def rule(self) -> str:
        """What the table ``label_map`` calls it."""
        return f"person:{self.decision.reviewer}"


@dataclass(frozen=True, slots=True)
class Verdicts:
    """All decisions in force on the nodes below one label."""

    pairs: tuple[NodeVerdict, ...]
    """Newest first."""
    alone: frozenset[NodeKey]
    """Nodes that were split off: no rule joins them with any other."""


def find_verdicts(nodes: Sequence[Node], decided: Standing) -> Verdicts:
    """Return the decisions in force that speak of two of these nodes, and the nodes split off."""
    node_of = {category: node for node in nodes for category in node.own}
    pairs = [
        NodeVerdict(node_of[a], node_of[b], decision)  # categories are in order, and so are their nodes
        for (a, b), decision in decided.pairs.items()
        if a in node_of and b in node_of
    ]
    return Verdicts(tuple(_first_of_each(pairs)), frozenset(node_of[c].key for c in decided.splits if c in node_of))


def _first_of_each(pairs: Iterable[NodeVerdict]) -> Iterable[NodeVerdict]:
    """Yield the newest decision on each pair of nodes; a node may stand for several categories."""
    seen = set()
    for pair in pairs:
        if (ends := (pair.a.key, pair.b.key)) not in seen:
            seen.add(ends)
            yield pair
