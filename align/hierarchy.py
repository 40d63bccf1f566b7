"""The shared hierarchy, built from the categories of all sources."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from align.catalogue import NO_FACTS, Facts
from align.category import SEPARATOR, Category, Node, NodeKey, interleave_titles, make_nodes, with_ancestors
from align.classes import class_reasons, cross_class_pairs, find_moves, make_classes, unused_entries
from align.learned_rule import PairModel, judge_pairs
from align.merging import LabelReason, Merged, NodeDecision, NodeDecisions, find_node_decisions, merge
from align.pairs import LabelPair, accepting_rule, content_threshold, score_pairs, similar_nodes
from align.review.effective_decisions import EffectiveDecisions
from align.settings import AlignSettings
from align.similarity import join_titles

__all__ = ["Hierarchy", "JudgedPair", "Label", "Outcome", "build_hierarchy", "compared_categories", "name_label"]

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
    """Scores of names and titles, computed as in MEP-3M."""

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
    """Return the pairs with both ends among the nodes, which may have gained categories since the pairs were judged."""
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


NOTHING_DECIDED = EffectiveDecisions()
Outcome = Literal["merged", "apart", "same_source"]
"""One label; two labels; two labels only because one label would hold two names of one source."""


@dataclass(frozen=True, slots=True)
class Label:
    """A class, sub-class or sub-sub-class."""

    name: str
    nodes: tuple[Node, ...]
    """The nodes of this label, sorted."""
    reasons: Mapping[NodeKey, LabelReason]
    """Node key -> why the node has this label."""
    children: tuple["Label", ...] = ()
    """Labels of the next level; empty if that level is not kept."""

    @property
    def categories(self) -> tuple[Category, ...]:
        """All categories under this label and its children."""
        return tuple(category for node in self.nodes for category in node.categories)


def name_label(
    nodes: Sequence[Node], sizes: Mapping[Category, int], decided: EffectiveDecisions = NOTHING_DECIDED
) -> str:
    """Return the name of merged nodes: the one that a person gave, or that of the node with most products.

    The newest name that a person gave to one of the nodes wins. Without one, ties in the number of
    products go to the alphabetically smaller name. In the paper, people named labels that join different names.

    Args:
        nodes: Nodes of one label.
        sizes: Category -> number of products directly in it.
        decided: Decisions of people.
    """
    own = {category for node in nodes for category in node.own}
    given = next((decision.name for category, decision in decided.names.items() if category in own), None)
    if given is not None:
        return given

    def rank(node: Node) -> tuple[int, str]:
        return -sum(sizes.get(category, 0) for category in node.categories), node.name

    return min(nodes, key=rank).name


@dataclass(frozen=True, slots=True)
class JudgedPair:
    """A scored pair and its outcome."""

    within: tuple[str, ...]
    """Names of the labels above both."""
    pair: LabelPair
    outcome: Outcome
    rule: str
    """Source of the decision: the chosen rule, same_name, or person:NAME."""


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """The labels over all sources, and how they were found."""

    classes: tuple[Label, ...]
    """Sorted by name."""
    judged: tuple[JudgedPair, ...]
    """Every scored pair below one label."""
    threshold: float
    """Threshold that S_content had to exceed."""
    unused: tuple[str, ...]
    """Settings that name no category: ``first_level.KEY`` or ``third_level.NAME``."""
    missing: tuple[Category, ...]
    """Categories in effective decisions that do not exist, sorted."""
    contradicted: tuple[NodeDecision, ...]
    """Decisions that contradict newer ones."""


@dataclass(frozen=True, slots=True)
class _Scope:
    """Nodes below one label, with their scored pairs."""

    within: tuple[str, ...]
    nodes: list[Node]
    pairs: list[LabelPair]
    decisions: NodeDecisions


class _Builder:
    """Builder of one level at a time; collects the judged pairs."""

    def __init__(self, data: CategoryData, settings: AlignSettings, scorer: Scorer) -> None:
        self._data = data
        self._settings = settings
        self._scorer = scorer
        self.judged: list[JudgedPair] = []
        self.contradicted: list[NodeDecision] = []

    def score(self, within: tuple[str, ...], categories: Iterable[Category]) -> _Scope:
        """Score the nodes one level below a label."""
        nodes = make_nodes(categories, len(within) + 1)
        decisions = find_node_decisions(nodes, self._data.decided)
        judged = [(decision.a.key, decision.b.key) for decision in decisions.pairs]
        return _Scope(within, nodes, self._scorer.score(nodes, judged), decisions)

    def merge(self, scope: _Scope, threshold: float) -> tuple[Label, ...]:
        """Turn scored nodes into labels, sorted by name."""
        rules = [(pair, accepting_rule(pair, threshold, self._settings)) for pair in scope.pairs]
        merged = merge(scope.nodes, [(pair, rule) for pair, rule in rules if rule], scope.decisions)
        self.judged += _judge_pairs(scope, merged, dict(rules), _scoring_rule(scope.pairs))
        self.contradicted += merged.contradicted
        labels = [
            Label(
                name_label(group, self._data.sizes, self._data.decided),
                group,
                {node.key: merged.reasons[node.key] for node in group},
            )
            for group in merged.groups
        ]
        return tuple(sorted(labels, key=lambda label: (label.name, label.nodes[0].key)))


def compared_categories(
    sizes: Mapping[Category, int], settings: AlignSettings, decided: EffectiveDecisions = NOTHING_DECIDED
) -> set[Category]:
    """Return the categories whose titles ``build_hierarchy`` reads; for the published rule, those with similar names.

    Args:
        sizes: Valid category -> number of products directly in it.
        settings: Rule, thresholds, mapping.
        decided: Decisions of people.
    """
    if settings.rule == "learned" or settings.third_level:
        return set(sizes)
    classes = make_classes(with_ancestors(sizes), settings.first_level)
    members, _ = _place_categories(classes, CategoryData({}, sizes, NO_FACTS, decided), settings, None)
    found: set[Category] = set()
    for categories in members.values():
        nodes = make_nodes(categories, 2)
        judged = [(one.a.key, one.b.key) for one in find_node_decisions(nodes, decided).pairs]
        for i, j, _ in similar_nodes(nodes, settings.s_label, judged):
            found.update(nodes[i].categories, nodes[j].categories)
    return found


def build_hierarchy(
    categories: Iterable[Category],
    titles: Mapping[Category, Sequence[str]],
    sizes: Mapping[Category, int],
    settings: AlignSettings,
    decided: EffectiveDecisions = NOTHING_DECIDED,
    facts: Facts = NO_FACTS,
    model: PairModel | None = None,
) -> Hierarchy:
    """Align the categories of all sources (MEP-3M, section 3).

    The mapping decides the first level, the rule the second level within each class, and the same rule
    and threshold the third level within the sub-classes chosen by the settings. Deeper levels, and third
    levels of other sub-classes, get the label above. Decisions of people override every rule. If a
    person or the learned rule joins two categories of different classes, both move to the class with
    most products.

    Args:
        categories: Valid categories (``fault`` returns None), in any order.
        titles: Titles of the products directly in each category.
        sizes: Category -> number of products directly in it.
        settings: Rule, thresholds, mapping.
        decided: Decisions of people.
        facts: Further facts about categories, for the learned rule.
        model: Model of the learned rule, which the decisions update; default: the shipped one.
    """
    every = list(with_ancestors(categories))
    data = CategoryData(titles, sizes, facts, decided)
    classes = make_classes(every, settings.first_level)
    members, scorer = _place_categories(classes, data, settings, model)
    builder = _Builder(data, settings, scorer)
    scopes = [builder.score((name,), members[name]) for name in classes]
    threshold = content_threshold([pair for scope in scopes for pair in scope.pairs], settings)
    found = []
    for (name, nodes), scope in zip(classes.items(), scopes, strict=True):
        children = [_refine(label, name, builder, threshold, settings) for label in builder.merge(scope, threshold)]
        stayed = tuple(_without_moved(node, set(members[name])) for node in nodes)
        found.append(Label(name, stayed, class_reasons(nodes, settings.first_level), tuple(children)))
    unused = [f"first_level.{key}" for key in unused_entries(every, settings.first_level)]
    unused += [f"third_level.{name}" for name in sorted(set(settings.third_level) - set(_sub_class_names(found)))]
    return Hierarchy(
        classes=tuple(found),
        judged=tuple(builder.judged),
        threshold=threshold,
        unused=tuple(unused),
        missing=tuple(sorted(decided.categories - set(every))),
        contradicted=tuple(builder.contradicted),
    )


def _place_categories(
    classes: Mapping[str, Sequence[Node]], data: CategoryData, settings: AlignSettings, model: PairModel | None
) -> tuple[dict[str, list[Category]], Scorer]:
    """Return class -> its categories, and the scorer of their pairs."""
    class_of = {category: name for name, nodes in classes.items() for node in nodes for category in node.categories}
    joined = [pair for pair, decision in data.decided.pairs.items() if decision.kind != "reject"]
    members = _members(classes, class_of, joined, data.sizes)
    if settings.rule != "learned":
        return members, PublishedScorer(data, settings)
    pairs, trained = judge_second_level(members, data, model)
    joined += cross_class_pairs(pairs, class_of, data.decided)
    return _members(classes, class_of, joined, data.sizes), LearnedScorer(data, tuple(pairs), trained)


def _members(
    classes: Iterable[str],
    class_of: Mapping[Category, str],
    joined: Iterable[tuple[Category, Category]],
    sizes: Mapping[Category, int],
) -> dict[str, list[Category]]:
    """Return class -> its categories, including those that moved into it."""
    products: dict[Category, int] = {}
    for category in class_of:
        second = Category(category.source, category.path[:2])
        products[second] = products.get(second, 0) + sizes.get(category, 0)
    second_level = [pair for pair in joined if all(len(end.path) == 2 and end in class_of for end in pair)]
    moves = find_moves(second_level, class_of, products)
    members: dict[str, list[Category]] = {name: [] for name in classes}
    for category, name in class_of.items():
        members[moves.get(Category(category.source, category.path[:2]), name)].append(category)
    return members


def _without_moved(node: Node, members: Collection[Category]) -> Node:
    """Return an outermost node without the categories that moved to another class."""
    return replace(node, categories=tuple(category for category in node.categories if category in members))


def _refine(label: Label, parent: str, builder: _Builder, threshold: float, settings: AlignSettings) -> Label:
    """Add the third level to a sub-class if the settings choose it."""
    if not {label.name, parent + SEPARATOR + label.name} & set(settings.third_level):
        return label
    scope = builder.score((parent, label.name), label.categories)
    return replace(label, children=builder.merge(scope, threshold))


def _sub_class_names(classes: Iterable[Label]) -> Iterator[str]:
    """Yield the names by which the settings can choose each sub-class."""
    for label in classes:
        for child in label.children:
            yield child.name
            yield label.name + SEPARATOR + child.name


def _scoring_rule(pairs: Sequence[LabelPair]) -> str:
    """Return the rule that scored the pairs."""
    return "learned" if any(pair.probability is not None for pair in pairs) else "mep3m"


def _judge_pairs(
    scope: _Scope, merged: Merged, rules: Mapping[LabelPair, str | None], rule: str
) -> Iterator[JudgedPair]:
    """Yield each scored pair with its outcome."""
    group_of = {node.key: place for place, group in enumerate(merged.groups) for node in group}
    people = {(decision.a.key, decision.b.key): decision.rule for decision in scope.decisions.pairs}
    for pair in scope.pairs:
        outcome: Outcome = "apart"
        if group_of[pair.a.key] == group_of[pair.b.key]:
            outcome = "merged"
        elif pair in merged.refused:
            outcome = "same_source"
        decided = people.get((pair.a.key, pair.b.key)) or rules[pair] or rule
        yield JudgedPair(scope.within, pair, outcome, decided)
