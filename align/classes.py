"""Classes: the first level, proposals for its mapping, and categories that move to another class."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from align.category import Category, Node, NodeKey, interleave_titles, make_nodes, with_ancestors
from align.merging import LabelReason
from align.pairs import MIN_PROBABILITY, LabelPair
from align.review.effective_decisions import EffectiveDecisions
from align.similarity import ContentVectors, join_titles, label_similarity

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
    """Return the classes by name, sorted, each with its outermost nodes, sorted.

    MEP-3M aligned this level by hand (fewer than 20 names a platform), so a mapping decides; its
    keys are ``source:Name``, or ``Name`` for all sources, the former first. A name that the mapping
    does not hold is a class of its own, shared with every source that uses the same name.
    """
    classes: dict[str, list[Node]] = {}
    for node in make_nodes(categories, 1):
        classes.setdefault(mapping.get(_entry(node, mapping) or "", node.name), []).append(node)
    return dict(sorted(classes.items()))


def class_reasons(nodes: Iterable[Node], mapping: Mapping[str, str]) -> dict[NodeKey, LabelReason]:
    """Return why each outermost node of one class is in it: mapping, same_name or own.

    The partner is the first node of another source; no similarity is taken at this level.
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
    """Return the key of the mapping that speaks of a node."""
    return next((key for key in (f"{node.source}:{node.name}", node.name) if key in mapping), None)


def find_moves(
    joined: Iterable[tuple[Category, Category]], class_of: Mapping[Category, str], sizes: Mapping[Category, int]
) -> dict[Category, str]:
    """Return second-level category -> class that it moves to, for categories joined across classes.

    A label lies in one class: that of most products among the categories joined; of the smaller name
    where two have as many.

    Args:
        joined: Pairs of second-level categories that are one label.
        class_of: Second-level category -> class by its outermost category.
        sizes: Second-level category -> products in it and below.
    """
    group_of: dict[Category, set[Category]] = {}
    for a, b in joined:
        group = group_of.setdefault(a, {a}) | group_of.setdefault(b, {b})
        group_of.update(dict.fromkeys(group, group))
    moves = {}
    for category, group in sorted(group_of.items()):
        products: dict[str, int] = {}
        for member in group:
            products[class_of[member]] = products.get(class_of[member], 0) + sizes.get(member, 0)
        chosen = min(products, key=lambda name: (-products[name], name))
        if chosen != class_of[category]:
            moves[category] = chosen
    return moves


def cross_class_pairs(
    pairs: Sequence[LabelPair], class_of: Mapping[Category, str], decided: EffectiveDecisions
) -> list[tuple[Category, Category]]:
    """Return the pairs across classes that the learned rule holds to be one label.

    Only where each is the most probable partner of the other, its own class included: a category
    leaves its class for its equal, never for a mere relative. Pairs that a person rejected are left out.
    """
    best: dict[tuple[Category, str], LabelPair] = {}
    for pair in pairs:
        ends = pair.a.own[0], pair.b.own[0]
        for end, other in (ends, ends[::-1]):
            place = end, other.source
            if place not in best or (pair.probability or 0.0) > (best[place].probability or 0.0):
                best[place] = pair
    found = []
    for pair in pairs:
        a, b = pair.a.own[0], pair.b.own[0]
        mutual = best[a, b.source] is pair and best[b, a.source] is pair
        probable = pair.probability is not None and pair.probability >= MIN_PROBABILITY
        if mutual and probable and class_of[a] != class_of[b] and decided.verdict(a, b) is not False:
            found.append((a, b))
    return found


@dataclass(frozen=True, slots=True)
class Proposal:
    """Two outermost categories of different sources that may be one class."""

    a: tuple[str, str]
    """Source and name of the one, of the alphabetically smaller source."""
    b: tuple[str, str]
    """Source and name of the other."""
    s_label: float
    s_content: float
    """Similarity of the titles of everything in them, of word counts."""


def propose_first_level(
    categories: Iterable[Category],
    titles: Mapping[Category, Sequence[str]],
    mapping: Mapping[str, str],
    each: int = 3,
) -> list[Proposal]:
    """Return pairs of outermost categories that a mapping could join, best first.

    Pairs are of different sources and not in one class yet, and at least one of the two stands
    alone in its class. Titles tell more than names at this level (家用电器, 电器城), so S_content
    ranks, then S_label. The paper aligned this level by hand; nothing here is applied by itself.

    Args:
        categories: Sound categories.
        titles: Titles of the products directly in each.
        mapping: The mapping so far.
        each: Most proposals for one category.
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
        Proposal(nodes[i].key, nodes[j].key, label_similarity(nodes[i].name, nodes[j].name), content)
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
