"""From accepted pairs to labels over any number of sources."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from align.category import Node, NodeKey
from align.pairs import LabelPair
from align.review.decisions import Decision
from align.review.effective_decisions import EffectiveDecisions

__all__ = ["LabelReason", "Merged", "NodeDecision", "NodeDecisions", "find_node_decisions", "merge"]


@dataclass(frozen=True, slots=True)
class NodeDecision:
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
class NodeDecisions:
    """All decisions in force on the nodes below one label."""

    pairs: tuple[NodeDecision, ...]
    """Newest first."""
    alone: frozenset[NodeKey]
    """Nodes that were split off: no rule joins them with any other."""


def find_node_decisions(nodes: Sequence[Node], decided: EffectiveDecisions) -> NodeDecisions:
    """Return the decisions in force that speak of two of these nodes, and the nodes split off."""
    node_of = {category: node for node in nodes for category in node.own}
    pairs = [
        NodeDecision(node_of[a], node_of[b], decision)  # categories are in order, and so are their nodes
        for (a, b), decision in decided.pairs.items()
        if a in node_of and b in node_of
    ]
    return NodeDecisions(
        tuple(_first_of_each(pairs)), frozenset(node_of[c].key for c in decided.splits if c in node_of)
    )


def _first_of_each(pairs: Iterable[NodeDecision]) -> Iterable[NodeDecision]:
    """Yield the newest decision on each pair of nodes; a node may stand for several categories."""
    seen = set()
    for pair in pairs:
        if (ends := (pair.a.key, pair.b.key)) not in seen:
            seen.add(ends)
            yield pair


NOTHING_DECIDED = NodeDecisions((), frozenset())


@dataclass(frozen=True, slots=True)
class LabelReason:
    """Why a node has the label it has."""

    rule: str
    """mapping, same_name, mep3m, learned, own or person:NAME."""
    partner: Node | None = None
    """The node of another source that it goes with best; None: it stands alone."""
    s_label: float | None = None
    s_content: float | None = None


@dataclass(frozen=True, slots=True)
class Merged:
    """What became of the nodes below one label."""

    groups: tuple[tuple[Node, ...], ...]
    """Nodes that are one label; each sorted, and sorted by their first node."""
    reasons: Mapping[NodeKey, LabelReason]
    """Node's key -> why."""
    refused: tuple[LabelPair, ...]
    """Pairs that the rule accepted, but that would have put two names of one source under one label."""
    contradicted: tuple[NodeDecision, ...] = ()
    """Decisions that newer ones leave no room for, as a ~ c after a ~ b and not b ~ c."""


class _Groups:
    """Nodes in groups, and pairs of nodes that may not be in one."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        self.of: dict[NodeKey, dict[NodeKey, Node]] = {node.key: {node.key: node} for node in nodes}
        self._apart: dict[NodeKey, set[NodeKey]] = {}

    def together(self, one: NodeKey, other: NodeKey) -> bool:
        return self.of[one] is self.of[other]

    def keep_apart(self, one: NodeKey, other: NodeKey) -> None:
        self._apart.setdefault(one, set()).add(other)
        self._apart.setdefault(other, set()).add(one)

    def forbidden(self, one: NodeKey, other: NodeKey) -> bool:
        """Return whether joining two groups would join nodes that are to stay apart."""
        return any(self._apart.get(key, set()) & self.of[other].keys() for key in self.of[one])

    def share_source(self, one: NodeKey, other: NodeKey) -> bool:
        return bool({source for source, _ in self.of[one]} & {source for source, _ in self.of[other]})

    def join(self, one: NodeKey, other: NodeKey) -> None:
        self.of[one].update(self.of[other])
        self.of.update(dict.fromkeys(self.of[other], self.of[one]))


def merge(
    nodes: Sequence[Node], accepted: Sequence[tuple[LabelPair, str]], verdicts: NodeDecisions = NOTHING_DECIDED
) -> Merged:
    """Merge nodes along accepted pairs, best first, never two of one source unless a person says so.

    People's decisions come first, newest first, and hold whatever the rule says. Then pairs of equal
    names, then by probability, then by S_label, then by S_content, then by their names, so the
    outcome depends on no order of input. A pair is refused when the groups of its two ends already
    hold nodes of a common source: with 咖啡/奶茶 in one shop and 咖啡 and 奶茶 in another, the better
    one is merged and the other stays apart. Over three sources a group may join two nodes that were
    not accepted as a pair themselves.

    Args:
        nodes: Nodes below one label.
        accepted: Pairs that a rule accepts, with the rule's name.
        verdicts: What people decided on these nodes.
    """
    groups = _Groups(nodes)
    contradicted = _apply(groups, verdicts.pairs)
    ranked = sorted(accepted, key=_rank)
    judged = {(verdict.a.key, verdict.b.key) for verdict in verdicts.pairs}
    alone = {key for key in groups.of if groups.of[key].keys() & verdicts.alone}
    refused = []
    for pair, _ in ranked:
        one, other = pair.a.key, pair.b.key
        if groups.together(one, other) or (one, other) in judged or {one, other} & alone:
            continue
        if groups.share_source(one, other):
            refused.append(pair)
        elif not groups.forbidden(one, other):
            groups.join(one, other)
    found = {min(group): tuple(group[key] for key in sorted(group)) for group in groups.of.values()}
    reasons = _find_reasons(nodes, groups, ranked, verdicts.pairs)
    return Merged(tuple(found[key] for key in sorted(found)), reasons, tuple(refused), contradicted)


def _apply(groups: _Groups, verdicts: Iterable[NodeDecision]) -> tuple[NodeDecision, ...]:
    """Do what people decided, newest first; return what newer decisions leave no room for."""
    contradicted = []
    for verdict in verdicts:
        one, other = verdict.a.key, verdict.b.key
        if verdict.joins == groups.together(one, other):
            if not verdict.joins:
                groups.keep_apart(one, other)
        elif not verdict.joins or groups.forbidden(one, other):
            contradicted.append(verdict)
        else:
            groups.join(one, other)
    return tuple(contradicted)


def _find_reasons(
    nodes: Iterable[Node], groups: _Groups, ranked: Sequence[tuple[LabelPair, str]], verdicts: Sequence[NodeDecision]
) -> dict[NodeKey, LabelReason]:
    """Return why each node has its label: the newest decision that joined it, else its best pair."""
    reasons = {node.key: LabelReason("own") for node in nodes}
    scores = {(pair.a.key, pair.b.key): (pair.s_label, pair.s_content) for pair, _ in ranked}
    for pair, rule in reversed(ranked):  # the best pair of a node is written last
        if groups.together(pair.a.key, pair.b.key):
            reasons[pair.a.key] = LabelReason(rule, pair.b, pair.s_label, pair.s_content)
            reasons[pair.b.key] = LabelReason(rule, pair.a, pair.s_label, pair.s_content)
    for verdict in reversed(verdicts):
        if verdict.joins and groups.together(verdict.a.key, verdict.b.key):
            found = scores.get((verdict.a.key, verdict.b.key), (None, None))
            reasons[verdict.a.key] = LabelReason(verdict.rule, verdict.b, *found)
            reasons[verdict.b.key] = LabelReason(verdict.rule, verdict.a, *found)
    return reasons


def _rank(accepted: tuple[LabelPair, str]) -> tuple[bool, float, float, float, NodeKey, NodeKey]:
    """Return what accepted pairs are sorted by, best first."""
    pair, _ = accepted
    certain = -1.0 if pair.probability is None else -pair.probability
    return (pair.a.name != pair.b.name, certain, -pair.s_label, -pair.s_content, pair.a.key, pair.b.key)
