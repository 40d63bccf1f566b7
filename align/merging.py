"""From accepted pairs to labels over any number of sources."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from align.nodes import Node
from align.pairs import Pair

__all__ = ["Merged", "Tie", "merge"]

NodeKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Tie:
    """Why a node has the label it has."""

    rule: str
    """mapping, same_name, mep3m or own."""
    partner: Node | None = None
    """The node of another source that it goes with best; None: it stands alone."""
    s_label: float | None = None
    s_content: float | None = None


@dataclass(frozen=True, slots=True)
class Merged:
    """What became of the nodes below one label."""

    groups: tuple[tuple[Node, ...], ...]
    """Nodes that are one label; each sorted, and sorted by their first node."""
    ties: Mapping[NodeKey, Tie]
    """Node's key -> why."""
    refused: tuple[Pair, ...]
    """Pairs that the rule accepted, but that would have put two names of one source under one label."""


def merge(nodes: Sequence[Node], accepted: Sequence[tuple[Pair, str]]) -> Merged:
    """Merge nodes along accepted pairs, best first, never two of one source.

    Pairs of equal names come first, then by S_label, then by S_content, then by their names, so the
    outcome depends on no order of input. A pair is refused when the groups of its two ends already
    hold nodes of a common source: with 咖啡/奶茶 in one shop and 咖啡 and 奶茶 in another, the better
    one is merged and the other stays apart. Over three sources a group may join two nodes that were
    not accepted as a pair themselves.

    Args:
        nodes: Nodes below one label.
        accepted: Pairs that a rule accepts, with the rule's name.
    """
    ranked = sorted(accepted, key=_rank)
    group_of: dict[NodeKey, dict[NodeKey, Node]] = {node.key: {node.key: node} for node in nodes}
    refused = []
    for pair, _ in ranked:
        one, other = group_of[pair.a.key], group_of[pair.b.key]
        if one is other:
            continue
        if {source for source, _ in one} & {source for source, _ in other}:
            refused.append(pair)
            continue
        one.update(other)
        group_of.update(dict.fromkeys(other, one))
    groups = {min(group): tuple(group[key] for key in sorted(group)) for group in group_of.values()}
    ties = {node.key: Tie("own") for node in nodes}
    for pair, rule in reversed(ranked):  # the best pair of a node is written last
        if group_of[pair.a.key] is group_of[pair.b.key]:
            ties[pair.a.key] = Tie(rule, pair.b, pair.s_label, pair.s_content)
            ties[pair.b.key] = Tie(rule, pair.a, pair.s_label, pair.s_content)
    return Merged(tuple(groups[key] for key in sorted(groups)), ties, tuple(refused))


def _rank(accepted: tuple[Pair, str]) -> tuple[bool, float, float, NodeKey, NodeKey]:
    """Return what accepted pairs are sorted by, best first."""
    pair, _ = accepted
    return (pair.a.name != pair.b.name, -pair.s_label, -pair.s_content, pair.a.key, pair.b.key)
