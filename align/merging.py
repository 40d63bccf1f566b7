"""From accepted pairs to labels over any number of sources."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from align.category import Node, NodeKey
from align.pairs import LabelPair
from align.review.decisions import Decision
from align.review.effective_decisions import EffectiveDecisions

__all__ = ["LabelReason", "Merged", "NodeDecision", "NodeDecisions", "find_node_decisions", "merge"]

Key = TypeVar("Key", bound=Hashable)


class Groups(Generic[Key]):
    """Disjoint groups, at first one for each key."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self.of: dict[Key, set[Key]] = {key: {key} for key in keys}
        """Key -> the keys of its group; one shared set per group."""
        self._apart: dict[Key, set[Key]] = {}

    def together(self, one: Key, other: Key) -> bool:
        """Return whether two keys are in one group."""
        return self.of[one] is self.of[other]

    def keep_apart(self, one: Key, other: Key) -> None:
        """Forbid every join that would put two keys into one group."""
        self._apart.setdefault(one, set()).add(other)
        self._apart.setdefault(other, set()).add(one)

    def forbidden(self, one: Key, other: Key) -> bool:
        """Return whether joining the groups of two keys would join keys that must stay apart."""
        return any(self._apart.get(key, set()) & self.of[other] for key in self.of[one])

    def join(self, one: Key, other: Key) -> None:
        """Join the groups of two keys."""
        group, others = self.of[one], self.of[other]
        if group is not others:
            group |= others
            self.of.update(dict.fromkeys(others, group))


@dataclass(frozen=True, slots=True)
class NodeDecision:
    """A person's decision on two nodes."""

    a: Node
    """The node of the alphabetically smaller source."""
    b: Node
    decision: Decision

    @property
    def joins(self) -> bool:
        """Whether the decision makes them one label."""
        return self.decision.kind != "reject"

    @property
    def rule(self) -> str:
        """Name of the decision in the column ``rule`` of ``label_map``."""
        return f"person:{self.decision.reviewer}"


@dataclass(frozen=True, slots=True)
class NodeDecisions:
    """All decisions in force on the nodes below one label."""

    pairs: tuple[NodeDecision, ...]
    """Newest first."""
    alone: frozenset[NodeKey]
    """Nodes that were split off; no rule joins them with another."""


def find_node_decisions(nodes: Sequence[Node], decided: EffectiveDecisions) -> NodeDecisions:
    """Return the decisions in force on pairs of these nodes, and the nodes that were split off."""
    node_of = {category: node for node in nodes for category in node.own}
    pairs = [
        NodeDecision(node_of[a], node_of[b], decision)  # categories are in order, hence also their nodes
        for (a, b), decision in decided.pairs.items()
        if a in node_of and b in node_of
    ]
    return NodeDecisions(
        tuple(_first_of_each(pairs)), frozenset(node_of[c].key for c in decided.splits if c in node_of)
    )


def _first_of_each(pairs: Iterable[NodeDecision]) -> Iterable[NodeDecision]:
    """Yield the newest decision on each pair of nodes; a node can hold several categories."""
    seen = set()
    for pair in pairs:
        if (ends := (pair.a.key, pair.b.key)) not in seen:
            seen.add(ends)
            yield pair


NOTHING_DECIDED = NodeDecisions((), frozenset())


@dataclass(frozen=True, slots=True)
class LabelReason:
    """Reason for a node's label."""

    rule: str
    """mapping, same_name, mep3m, learned, own or person:NAME."""
    partner: Node | None = None
    """The best match in another source, or None if the node stands alone."""
    s_label: float | None = None
    s_content: float | None = None


@dataclass(frozen=True, slots=True)
class Merged:
    """Result of merging the nodes below one label."""

    groups: tuple[tuple[Node, ...], ...]
    """The nodes of each label, sorted; groups are sorted by their first node."""
    reasons: Mapping[NodeKey, LabelReason]
    """Node key -> why the node has its label."""
    refused: tuple[LabelPair, ...]
    """Pairs that the rule accepts but that would put two names of one source under one label."""
    contradicted: tuple[NodeDecision, ...] = ()
    """Decisions that contradict newer ones, as a = c after a = b and b != c."""


def merge(
    nodes: Sequence[Node], accepted: Sequence[tuple[LabelPair, str]], decisions: NodeDecisions = NOTHING_DECIDED
) -> Merged:
    """Merge nodes along accepted pairs, best first; only people merge two nodes of one source.

    Decisions of people apply first, newest first, and override the rule. Accepted pairs follow: equal
    names first, then by probability, S_label, S_content and names, so the order of input does not
    matter. A pair is refused if the groups of its ends already share a source: with 咖啡/奶茶 in one
    shop and 咖啡 and 奶茶 in another, the better pair is merged and the other stays apart. Across three
    sources, a group can hold two nodes that were not accepted as a pair.

    Args:
        nodes: Nodes below one label.
        accepted: Pairs that a rule accepts, with the name of the rule.
        decisions: Decisions of people on these nodes.
    """
    groups = Groups([node.key for node in nodes])
    contradicted = _apply(groups, decisions.pairs)
    ranked = sorted(accepted, key=_rank)
    judged = {(decision.a.key, decision.b.key) for decision in decisions.pairs}
    alone = {key for key in groups.of if groups.of[key] & decisions.alone}
    refused = []
    for pair, _ in ranked:
        one, other = pair.a.key, pair.b.key
        if groups.together(one, other) or (one, other) in judged or {one, other} & alone:
            continue
        if {key[0] for key in groups.of[one]} & {key[0] for key in groups.of[other]}:
            refused.append(pair)
        elif not groups.forbidden(one, other):
            groups.join(one, other)
    node_of = {node.key: node for node in nodes}
    found = {min(group): tuple(node_of[key] for key in sorted(group)) for group in groups.of.values()}
    reasons = _find_reasons(nodes, groups, ranked, decisions.pairs)
    return Merged(tuple(found[key] for key in sorted(found)), reasons, tuple(refused), contradicted)


def _apply(groups: Groups[NodeKey], decisions: Iterable[NodeDecision]) -> tuple[NodeDecision, ...]:
    """Apply the decisions of people, newest first; return those that contradict newer ones."""
    contradicted = []
    for decision in decisions:
        one, other = decision.a.key, decision.b.key
        if decision.joins == groups.together(one, other):
            if not decision.joins:
                groups.keep_apart(one, other)
        elif not decision.joins or groups.forbidden(one, other):
            contradicted.append(decision)
        else:
            groups.join(one, other)
    return tuple(contradicted)


def _find_reasons(
    nodes: Iterable[Node],
    groups: Groups[NodeKey],
    ranked: Sequence[tuple[LabelPair, str]],
    decisions: Sequence[NodeDecision],
) -> dict[NodeKey, LabelReason]:
    """Return why each node has its label: the newest decision that joined it, or its best pair."""
    reasons = {node.key: LabelReason("own") for node in nodes}
    scores = {(pair.a.key, pair.b.key): (pair.s_label, pair.s_content) for pair, _ in ranked}
    for pair, rule in reversed(ranked):  # the best pair of a node comes last and wins
        if groups.together(pair.a.key, pair.b.key):
            reasons[pair.a.key] = LabelReason(rule, pair.b, pair.s_label, pair.s_content)
            reasons[pair.b.key] = LabelReason(rule, pair.a, pair.s_label, pair.s_content)
    for decision in reversed(decisions):
        if decision.joins and groups.together(decision.a.key, decision.b.key):
            found = scores.get((decision.a.key, decision.b.key), (None, None))
            reasons[decision.a.key] = LabelReason(decision.rule, decision.b, *found)
            reasons[decision.b.key] = LabelReason(decision.rule, decision.a, *found)
    return reasons


def _rank(accepted: tuple[LabelPair, str]) -> tuple[bool, float, float, float, NodeKey, NodeKey]:
    """Return the sort key of an accepted pair, best first."""
    pair, _ = accepted
    certain = -1.0 if pair.probability is None else -pair.probability
    return (pair.a.name != pair.b.name, certain, -pair.s_label, -pair.s_content, pair.a.key, pair.b.key)
