"""Scores of the pairs of nodes below one label, by the chosen rule."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from align.catalogue import Facts
from align.category import Category, Node, NodeKey, interleave_titles, make_nodes
from align.learned_rule import PairModel, judge_pairs
from align.pairs import LabelPair, score_pairs
from align.review.effective_decisions import EffectiveDecisions
from align.settings import AlignSettings
from align.similarity import join_titles

__all__ = ["CategoryData", "LearnedScorer", "PublishedScorer", "Scorer", "judge_second_level"]

_SECOND = 2
"""The second level."""


@dataclass(frozen=True, slots=True)
class CategoryData:
    """Everything known about the categories."""

    titles: Mapping[Category, Sequence[str]]
    sizes: Mapping[Category, int]
    facts: Facts
    decided: EffectiveDecisions


class Scorer(Protocol):
    """Scores of pairs by a rule."""

    def score(self, nodes: Sequence[Node], reviewed: Iterable[tuple[NodeKey, NodeKey]]) -> list[LabelPair]:
        """Return the candidate pairs among nodes below one label, and the reviewed pairs."""


@dataclass(frozen=True, slots=True)
class PublishedScorer:
    """Names and titles, compared as in MEP-3M."""

    data: CategoryData
    settings: AlignSettings

    def score(self, nodes: Sequence[Node], reviewed: Iterable[tuple[NodeKey, NodeKey]]) -> list[LabelPair]:
        """Return the pairs with similar names."""
        texts = [join_titles(interleave_titles(node, self.data.titles), self.settings.characters) for node in nodes]
        return score_pairs(nodes, texts, self.settings, reviewed)


@dataclass(frozen=True, slots=True)
class LearnedScorer:
    """Probabilities of the learned rule; second-level pairs are judged beforehand, all at once."""

    data: CategoryData
    second: tuple[LabelPair, ...]
    model: PairModel

    def score(
        self,
        nodes: Sequence[Node],
        reviewed: Iterable[tuple[NodeKey, NodeKey]],  # noqa: ARG002 - judge_pairs adds reviewed pairs itself
    ) -> list[LabelPair]:
        """Return the candidate pairs with their probabilities."""
        if nodes and nodes[0].depth == _SECOND:
            return pairs_among(self.second, nodes)
        data = self.data
        return judge_pairs(nodes, [""] * len(nodes), data.titles, data.facts, data.decided, self.model)[0]


def pairs_among(pairs: Iterable[LabelPair], nodes: Sequence[Node]) -> list[LabelPair]:
    """Return the pairs with both ends among nodes, which can meanwhile hold more categories."""
    node_of = {category: node for node in nodes for category in node.own}
    return [
        replace(pair, a=node_of[pair.a.own[0]], b=node_of[pair.b.own[0]])
        for pair in pairs
        if pair.a.own[0] in node_of and pair.b.own[0] in node_of
    ]


def judge_second_level(
    members: Mapping[str, Iterable[Category]], data: CategoryData, model: PairModel | None
) -> tuple[list[LabelPair], PairModel]:
    """Judge all pairs of second-level names by the learned rule, within classes and across classes."""
    placed = [(node, name) for name, categories in members.items() for node in make_nodes(categories, 2)]
    placed.sort(key=lambda one: (one[0].source, one[1], one[0].name))
    nodes, classes = [node for node, _ in placed], [name for _, name in placed]
    return judge_pairs(nodes, classes, data.titles, data.facts, data.decided, model)
