"""Judging all pairs of nodes by the learned rule."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby

import numpy as np

from align.category import Category
from align.learned.facts import Facts
from align.learned.features import FEATURES, Candidates, describe_pairs
from align.learned.model import LEAST_OF_EACH, PairModel, train
from align.learned.portraits import draw_portraits
from align.learned.vectors import Floats
from align.nodes import Node
from align.pairs import EVEN, Pair, Relation
from align.review.standing import Standing

__all__ = ["LearnedPairs", "judge_pairs"]

_MOSTLY = 0.5
"""Share of titles that go to the broader category."""
_SHOWN = 4


@dataclass(frozen=True, slots=True)
class LearnedPairs:
    """Candidates with their probabilities."""

    pairs: tuple[Pair, ...]
    """Sorted by the nodes' sources, then as the nodes are."""
    model: PairModel | None
    """None: too few pairs are reviewed, and the pairs have no probability."""


def judge_pairs(
    nodes: Sequence[Node],
    classes: Sequence[str],
    titles: Mapping[Category, Sequence[str]],
    facts: Facts,
    decided: Standing,
    model: PairModel | None = None,
) -> LearnedPairs:
    """Return how probable it is of each pair worth a look that it is one label.

    Args:
        nodes: Sorted by source.
        classes: Class of each node.
        titles: Titles of the products directly in each category.
        facts: What else is known of categories.
        decided: What people decided: what is learned from.
        model: Trained before; None: train on these nodes.
    """
    reviewed = _reviewed(nodes, decided)
    portraits = draw_portraits(nodes, titles, facts)
    shops = [list(places) for _, places in groupby(range(len(nodes)), key=lambda place: nodes[place].source)]
    found = [describe_pairs(portraits, classes, pair, reviewed) for pair in combinations(shops, 2)]
    if model is None:
        model = _train(found, reviewed)
    return LearnedPairs(tuple(pair for some in found for pair in _pairs(nodes, some, model)), model)


def _reviewed(nodes: Sequence[Node], decided: Standing) -> dict[tuple[int, int], bool]:
    """Return reviewed pair of nodes -> whether it is one label."""
    place = {category: number for number, node in enumerate(nodes) for category in node.own}
    return {
        (place[a], place[b]): decision.kind != "reject"
        for (a, b), decision in decided.pairs.items()
        if a in place and b in place
    }


def _train(found: Sequence[Candidates], reviewed: Mapping[tuple[int, int], bool]) -> PairModel | None:
    answers = list(reviewed.values())
    if min(answers.count(True), answers.count(False)) < LEAST_OF_EACH:
        return None
    rows, labels = [], []
    for some in found:
        for row, ends in enumerate(zip(some.left.tolist(), some.right.tolist(), strict=True)):
            if ends in reviewed:
                rows.append(some.features[row])
                labels.append(reviewed[ends])
    return train(np.array(rows), labels, np.concatenate([some.features for some in found]))


def _pairs(nodes: Sequence[Node], some: Candidates, model: PairModel | None) -> Iterator[Pair]:
    """Yield the candidates of two shops as pairs."""
    names = list(FEATURES)
    label, content = (some.features[:, names.index(name)] for name in ("name", "content"))
    chances = None if model is None else model.probabilities(some.features)
    parts = None if model is None else model.contributions(some.features)
    for row, (a, b) in enumerate(zip(some.left.tolist(), some.right.tolist(), strict=True)):
        chance = None if chances is None else float(chances[row])
        relation = _relation(chance, some, row)
        if chance is not None and relation != "same":
            chance = min(chance, 1 - chance)  # what holds two of a shop is neither of them, however alike
        evidence = () if parts is None else tuple(_evidence(parts[row], some, row))
        yield Pair(nodes[a], nodes[b], float(label[row]), min(float(content[row]), 1.0), chance, relation, evidence)


def _relation(chance: float | None, some: Candidates, row: int) -> Relation:
    """Return how a pair is related: narrower where most of a's titles go to b, and not the reverse."""
    there, back = float(some.there[row]), float(some.back[row])
    if some.held[row] != some.holds[row]:
        return "narrower" if some.held[row] else "broader"
    if chance is not None and chance >= EVEN:
        return "same"
    if max(there, back) < _MOSTLY or min(there, back) == 0:
        return "other"
    return "narrower" if there > back else "broader"


def _evidence(parts: Floats, some: Candidates, row: int) -> Iterator[str]:
    """Yield what weighed most, for or against."""
    texts = list(FEATURES.values())
    if some.held[row] != some.holds[row]:
        yield f"- the {'second' if some.held[row] else 'first'} holds the other and another one of its shop"
    for place in np.argsort(-np.abs(parts), kind="stable")[:_SHOWN]:
        if parts[place]:
            yield f"{parts[place]:+.1f} {texts[place]}: {some.features[row, place]:.2f}"
