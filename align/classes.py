"""Classes: the first level, proposals for its mapping, and categories that move to another class."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from align.category import Category, Node, NodeKey, interleave_titles, make_nodes, with_ancestors
from align.merging import LabelReason
from align.pairs import MIN_PROBABILITY, LabelPair
from align.review.effective_decisions import EffectiveDecisions
from align.similarity import ContentVectors, join_titles, label_similarity
from m5data.components import connect

__all__ = [
    "Proposal",
    "class_reasons",
    "cross_class_pairs",
    "find_moves",
    "make_classes",
    "propose_first_level",
    "unused_entries",
]


def make_classes(categories: Iterable[Category], mapping: Mapping[str, str]) -> dict[str, list[Node]]:
    """Return class name -> outermost nodes, both sorted.

    MEP-3M aligned this level by hand (fewer than 20 names per platform), so a mapping decides. Its keys
    are ``source:Name``, which takes precedence, or ``Name`` for all sources. A name without an entry is
    a class of its own, shared by all sources that use the name.
    """
    classes: dict[str, list[Node]] = {}
    for node in make_nodes(categories, 1):
        classes.setdefault(mapping.get(_entry(node, mapping) or "", node.name), []).append(node)
    return dict(sorted(classes.items()))


def class_reasons(nodes: Iterable[Node], mapping: Mapping[str, str]) -> dict[NodeKey, LabelReason]:
    """Return why each outermost node of one class is in it: mapping, same_name or own.

    The partner is the first node of another source; similarities do not apply at this level.
    """
    nodes = tuple(nodes)
    reasons = {}
    for node in nodes:
        partner = next((other for other in nodes if other.source != node.source), None)
        rule = "mapping" if _entry(node, mapping) else "same_name" if partner else "own"
        reasons[node.key] = LabelReason(rule, partner)
    return reasons


def unused_entries(categories: Iterable[Category], mapping: Mapping[str, str]) -> list[str]:
    """Return the keys of a mapping that name no outermost category, sorted."""
    named = {key for source, path in categories for key in (f"{source}:{path[0]}", path[0])}
    return sorted(set(mapping) - named)


def _entry(node: Node, mapping: Mapping[str, str]) -> str | None:
    """Return the key of the mapping that applies to a node."""
    return next((key for key in (f"{node.source}:{node.name}", node.name) if key in mapping), None)


def find_moves(
    joined: Iterable[tuple[Category, Category]], class_of: Mapping[Category, str], sizes: Mapping[Category, int]
) -> dict[Category, str]:
    """Return second-level category -> new class, for categories that were joined across classes.

    A label lies in one class: the class with most products among the joined categories, or the
    alphabetically smaller of two with equally many.

    Args:
        joined: Pairs of second-level categories that are one label.
        class_of: Second-level category -> class by its outermost category.
        sizes: Second-level category -> number of products in it and below.
    """
    pairs = list(joined)
    members = sorted({category for pair in pairs for category in pair})
    number = {category: place for place, category in enumerate(members)}
    group_of = connect((number[a], number[b]) for a, b in pairs)
    products: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for place, group in group_of.items():
        products[group][class_of[members[place]]] += sizes.get(members[place], 0)
    chosen = {group: min(sums.items(), key=lambda entry: (-entry[1], entry[0]))[0] for group, sums in products.items()}
    return {
        members[place]: chosen[group] for place, group in group_of.items() if chosen[group] != class_of[members[place]]
    }


def cross_class_pairs(
    pairs: Sequence[LabelPair], class_of: Mapping[Category, str], decided: EffectiveDecisions
) -> list[tuple[Category, Category]]:
    """Return the pairs across classes that are one label by the learned rule.

    A probability of one half has no rival, in all classes: a category leaves its class only for an equal,
    not for a related category. Pairs that a person rejected are excluded.
    """
    found = []
    for pair in pairs:
        a, b = pair.a.own[0], pair.b.own[0]
        probable = pair.probability is not None and pair.probability >= MIN_PROBABILITY
        if probable and class_of[a] != class_of[b] and decided.same_label(a, b) is not False:
            found.append((a, b))
    return found


@dataclass(frozen=True, slots=True)
class Proposal:
    """Two outermost categories of different sources that may be one class."""

    a: tuple[str, str]
    """Source and name, of the alphabetically smaller source."""
    b: tuple[str, str]
    """Source and name."""
    s_label: float
    s_content: float
    """Similarity of the titles of all their products, from word counts."""


def propose_first_level(
    categories: Iterable[Category],
    titles: Mapping[Category, Sequence[str]],
    mapping: Mapping[str, str],
    each: int = 3,
) -> list[Proposal]:
    """Return pairs of outermost categories that a mapping could join, best first.

    The two are of different sources and classes, and at least one is alone in its class. Pairs are
    ranked by S_content, then S_label, because names differ much at this level (家用电器, 电器城). The
    paper aligned this level by hand; proposals are never applied automatically.

    Args:
        categories: Valid categories.
        titles: Titles of the products directly in each.
        mapping: The mapping so far.
        each: Maximum number of proposals for one category.
    """
    classes = make_classes(with_ancestors(categories), mapping)
    class_of = {node.key: name for name, nodes in classes.items() for node in nodes}
    alone = {nodes[0].key for nodes in classes.values() if len(nodes) == 1}
    nodes = sorted((node for found in classes.values() for node in found), key=lambda node: node.key)
    pairs = [
        (i, j)
        for i, j in combinations(range(len(nodes)), 2)
        if nodes[i].source != nodes[j].source
        and class_of[nodes[i].key] != class_of[nodes[j].key]
        and {nodes[i].key, nodes[j].key} & alone
    ]
    return _best(_score(nodes, pairs, titles), each)


def _score(
    nodes: Sequence[Node], pairs: Sequence[tuple[int, int]], titles: Mapping[Category, Sequence[str]]
) -> list[Proposal]:
    """Score pairs of nodes, best first."""
    vectors = ContentVectors([join_titles(interleave_titles(node, titles)) for node in nodes])
    ends = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    contents = vectors.similarities(ends[:, 0], ends[:, 1])
    found = [
        Proposal(nodes[i].key[:2], nodes[j].key[:2], label_similarity(nodes[i].name, nodes[j].name), content)
        for (i, j), content in zip(pairs, contents.tolist(), strict=True)
    ]
    return sorted(found, key=lambda proposal: (-proposal.s_content, -proposal.s_label, proposal.a, proposal.b))


def _best(ranked: Iterable[Proposal], each: int) -> list[Proposal]:
    """Keep the first few proposals of each category."""
    seen: dict[tuple[str, str], int] = {}
    kept = []
    for proposal in ranked:
        if max(seen.get(proposal.a, 0), seen.get(proposal.b, 0)) < each:
            kept.append(proposal)
            for end in (proposal.a, proposal.b):
                seen[end] = seen.get(end, 0) + 1
    return kept
