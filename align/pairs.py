"""Pairs of nodes of two sources, scored by MEP-3M's two similarities."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby
from math import fsum
from typing import Literal

import numpy as np

from align.category import Node, NodeKey
from align.names import spelling
from align.settings import AlignSettings
from align.similarity import ContentVectors, label_similarity, similar_labels

__all__ = [
    "MIN_PROBABILITY",
    "LabelPair",
    "Relation",
    "accepting_rule",
    "content_threshold",
    "score_pairs",
    "similar_nodes",
]


MIN_PROBABILITY = 0.5
"""Minimum probability of a pair that is one label."""
Relation = Literal["same", "broader", "narrower", "other"]


@dataclass(frozen=True, slots=True)
class LabelPair:
    """Two nodes of different sources below one label."""

    a: Node
    """The node of the alphabetically smaller source."""
    b: Node
    s_label: float
    """Name similarity, eq. 1."""
    s_content: float
    """Title similarity, eq. 2."""
    probability: float | None = None
    """Probability of being one label by the learned rule; None under another rule."""
    relation: Relation = "other"
    """same, broader (``a`` contains ``b``), narrower (``b`` contains ``a``) or other, by the learned rule."""
    evidence: tuple[str, ...] = ()
    """Reasons for and against, strongest first."""


def score_pairs(
    nodes: Sequence[Node],
    texts: Sequence[str],
    settings: AlignSettings,
    reviewed: Iterable[tuple[NodeKey, NodeKey]] = (),
) -> list[LabelPair]:
    """Return all pairs of different sources whose names are similar enough, with both scores.

    Args:
        nodes: Nodes below one label, sorted by source.
        texts: Joined titles of each node, [nodes].
        settings: ``s_label``, below which pairs cannot be accepted and are left out, and ``content_terms``.
        reviewed: Keys of further pairs to score, on which people decided.

    Returns:
        Pairs, sorted by the sources of a and b, then by name of b, then of a; the reviewed ones last.
    """
    found = similar_nodes(nodes, settings.s_label, reviewed)
    # Segmentation dominates the cost of alignment, so texts that no pair needs are skipped.
    used = sorted({place for i, j, _ in found for place in (i, j)})
    row = {place: row for row, place in enumerate(used)}
    contents = ContentVectors([texts[place] for place in used]).similarities(
        np.array([row[i] for i, _, _ in found], dtype=np.int64),
        np.array([row[j] for _, j, _ in found], dtype=np.int64),
        terms=settings.content_terms,
    )
    return [
        LabelPair(nodes[i], nodes[j], score, content)
        for (i, j, score), content in zip(found, contents.tolist(), strict=True)
    ]


def similar_nodes(
    nodes: Sequence[Node], at_least: float, reviewed: Iterable[tuple[NodeKey, NodeKey]] = ()
) -> list[tuple[int, int, float]]:
    """Return indices and similarity of all pairs of different sources with similar names, then of the reviewed ones."""
    names = [spelling(node.name) for node in nodes]
    sources = [list(places) for _, places in groupby(range(len(nodes)), key=lambda i: nodes[i].source)]
    found = [
        (some[i], others[j], score)
        for some, others in combinations(sources, 2)
        for i, j, score in similar_labels([names[i] for i in some], [names[j] for j in others], at_least)
    ]
    known = {(i, j) for i, j, _ in found}
    place = {node.key: place for place, node in enumerate(nodes)}
    wanted = [(place[a], place[b]) for a, b in sorted(reviewed)]
    found += [(i, j, label_similarity(names[i], names[j])) for i, j in wanted if (i, j) not in known]
    return found


def content_threshold(pairs: Iterable[LabelPair], settings: AlignSettings) -> float:
    """Return the threshold of S_content: the setting, or the mean over pairs of equal names.

    The paper used 0.75, the mean over its own pairs with S_label = 1, which is also the default without such pairs.
    """
    if settings.s_content != "same_names":
        return settings.s_content
    same = [pair.s_content for pair in pairs if spelling(pair.a.name) == spelling(pair.b.name)]
    return fsum(same) / len(same) if same else 0.75


def accepting_rule(pair: LabelPair, threshold: float, settings: AlignSettings) -> str | None:
    """Return the rule that makes a pair one label (``learned``, ``same_name`` or ``mep3m``), or None."""
    if pair.probability is not None:
        return "learned" if pair.probability >= MIN_PROBABILITY else None
    if settings.same_names_join and spelling(pair.a.name) == spelling(pair.b.name):
        return "same_name"
    accepted = pair.s_label >= settings.s_label and pair.s_content > threshold
    return "mep3m" if accepted else None
