"""Scoring the pairs of nodes below one label, by the rule that was asked for."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from align.catalogue import Facts
from align.category import Category, Node, NodeKey, interleave_titles, make_nodes
from align.learned_rule import LearnedPairs, PairModel, judge_pairs
from align.pairs import LabelPair, score_pairs
from align.review.effective_decisions import EffectiveDecisions
from align.settings import AlignSettings
from align.similarity import join_titles

__all__ = ["CategoryData", "LearnedScorer", "PublishedScorer", "Scorer", "judge_second_level"]

_SECOND = 2
"""The second level."""


@dataclass(frozen=True, slots=True)
class CategoryData:
    """What categories are judged by."""

    titles: Mapping[Category, Sequence[str]]
    sizes: Mapping[Category, int]
    facts: Facts
    decided: EffectiveDecisions


class Scorer(Protocol):
    """A rule's way to score pairs."""

    def score(self, nodes: Sequence[Node], also: Iterable[tuple[NodeKey, NodeKey]]) -> list[LabelPair]:
        """Return the pairs worth judging among nodes below one label, and those of ``also``."""


@dataclass(frozen=True, slots=True)
class PublishedScorer:
    """Names and titles, as MEP-3M compared them."""

    data: CategoryData
    settings: AlignSettings
    further: tuple[LabelPair, ...] = ()
    """Second-level pairs that a person should see, though their names are not similar enough."""

    def score(self, nodes: Sequence[Node], also: Iterable[tuple[NodeKey, NodeKey]]) -> list[LabelPair]:
        """Return the pairs of similar names, then the further ones."""
        texts = [join_titles(interleave_titles(node, self.data.titles), self.settings.characters) for node in nodes]
        found = score_pairs(nodes, texts, self.settings.s_label, also)
        known = {(pair.a.key, pair.b.key) for pair in found}
        more = pairs_among(self.further, nodes) if nodes and nodes[0].depth == _SECOND else []
        return found + [pair for pair in more if (pair.a.key, pair.b.key) not in known]


@dataclass(frozen=True, slots=True)
class LearnedScorer:
    """Probabilities, all second levels having been judged at once."""

    data: CategoryData
    second: tuple[LabelPair, ...]
    model: PairModel

    def score(
        self,
        nodes: Sequence[Node],
        also: Iterable[tuple[NodeKey, NodeKey]],  # noqa: ARG002 - pairs that people decided on are all judged
    ) -> list[LabelPair]:
        """Return the pairs worth a look."""
        if nodes and nodes[0].depth == 2:
            return pairs_among(self.second, nodes)
        found = judge_pairs(nodes, [""] * len(nodes), self.data.titles, self.data.facts, self.data.decided, self.model)
        return list(found.pairs)


def pairs_among(pairs: Iterable[LabelPair], nodes: Sequence[Node]) -> list[LabelPair]:
    """Return the pairs whose both ends are among nodes, which may stand for more categories by now."""
    node_of = {category: node for node in nodes for category in node.own}
    return [
        replace(pair, a=node_of[pair.a.own[0]], b=node_of[pair.b.own[0]])
        for pair in pairs
        if pair.a.own[0] in node_of and pair.b.own[0] in node_of
    ]


def judge_second_level(
    members: Mapping[str, Iterable[Category]], data: CategoryData, model: PairModel | None
) -> LearnedPairs:
    """Judge all pairs of second-level names by the learned rule, within classes and across."""
    placed = [(node, name) for name, categories in members.items() for node in make_nodes(categories, 2)]
    placed.sort(key=lambda one: (one[0].source, one[1], one[0].name))
    nodes, classes = [node for node, _ in placed], [name for _, name in placed]
    return judge_pairs(nodes, classes, data.titles, data.facts, data.decided, model)
