"""Proposals for the first-level mapping, for a person to judge."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from align.category import Category, with_ancestors
from align.content_similarity import ContentVectors, join_titles
from align.first_level import make_classes
from align.label_similarity import label_similarity
from align.nodes import Node, text_of

__all__ = ["Proposal", "propose_first_level"]


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
    vectors = ContentVectors([join_titles(text_of(node, titles)) for node in nodes])
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
