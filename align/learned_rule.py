"""The learned rule: logistic regression on reviewed pairs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from align.catalogue import Facts
from align.category import Category, Node
from align.node_features import Floats, make_node_features
from align.pair_features import FEATURES, CandidatePairs, find_candidate_pairs
from align.pairs import MIN_PROBABILITY, LabelPair, Relation
from align.review.effective_decisions import EffectiveDecisions

__all__ = ["MIN_OF_EACH", "LearnedPairs", "PairModel", "judge_pairs", "train"]

MIN_OF_EACH = 3
"""Minimum number of accepted pairs, and of rejected pairs, for training."""
_STRENGTHS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
_FOLDS = 5
_MOSTLY = 0.5
"""Minimum share of titles that go to the broader category."""
_SHOWN = 4


@dataclass(frozen=True, slots=True)
class PairModel:
    """A trained logistic regression."""

    centre: Floats
    """Offset that is subtracted from each feature, [features]."""
    scale: Floats
    """Scale by which each feature is then divided, [features]."""
    weights: Floats
    """[features], none negative, because a greater value of every feature means more alike."""
    bias: float

    def contributions(self, features: Floats) -> Floats:
        """Return the contribution of each feature to the log odds, [pairs, features]."""
        return np.asarray((features - self.centre) / self.scale * self.weights)

    def probabilities(self, features: Floats) -> Floats:
        """Return the probability of being one label, [pairs]."""
        return np.asarray(_logistic(self.contributions(features).sum(axis=1) + self.bias))


def train(features: Floats, labels: Sequence[bool], background: Floats) -> PairModel:
    """Fit a model.

    The penalty on squared weights minimises the loss on held-out fifths of the pairs. Features are scaled
    by all candidates, reviewed or not.

    Args:
        features: Features of the reviewed pairs, [pairs, features].
        labels: Whether each is one label; both values occur.
        background: Features of all candidates.
    """
    centre, scale = background.mean(axis=0), np.maximum(background.std(axis=0), 1e-6)
    inputs, wanted = (features - centre) / scale, np.array(labels, dtype=np.float64)
    folds = np.arange(len(wanted)) % _FOLDS
    losses = [
        sum(_held_out_loss(inputs, wanted, folds == fold, strength) for fold in range(_FOLDS))
        for strength in _STRENGTHS
    ]
    weights, bias = _fit(inputs, wanted, _STRENGTHS[int(np.argmin(losses))])
    return PairModel(centre, scale, weights, bias)


def _held_out_loss(inputs: Floats, wanted: Floats, out: NDArray[np.bool_], strength: float) -> float:
    weights, bias = _fit(inputs[~out], wanted[~out], strength)
    odds = inputs[out] @ weights + bias
    return float(np.logaddexp(0, np.where(wanted[out] > 0, -odds, odds)).sum())


def _fit(inputs: Floats, wanted: Floats, strength: float) -> tuple[Floats, float]:
    """Return the weights and the bias that minimise the penalised loss."""
    signs = np.where(wanted > 0, 1.0, -1.0)
    count = inputs.shape[1]

    def loss(parameters: Floats) -> tuple[float, Floats]:
        odds = signs * (inputs @ parameters[:-1] + parameters[-1])
        slope = -signs * _logistic(-odds) / len(signs)
        penalty = strength * float(parameters[:-1] @ parameters[:-1]) / 2
        gradient = np.append(slope @ inputs + strength * parameters[:-1], slope.sum())
        return float(np.logaddexp(0, -odds).mean()) + penalty, gradient

    bounds = [(0.0, None)] * count + [(None, None)]
    found = minimize(loss, np.zeros(count + 1), jac=True, method="L-BFGS-B", bounds=bounds)
    return np.asarray(found.x[:-1]), float(found.x[-1])


def _logistic(odds: Floats) -> Floats:
    return np.asarray(0.5 * (1 + np.tanh(odds / 2)))


@dataclass(frozen=True, slots=True)
class LearnedPairs:
    """Candidate pairs with their probabilities."""

    pairs: tuple[LabelPair, ...]
    """Sorted by source, then in the order of the nodes."""
    model: PairModel | None
    """None if too few pairs are reviewed; the pairs then have no probability."""


def judge_pairs(
    nodes: Sequence[Node],
    classes: Sequence[str],
    titles: Mapping[Category, Sequence[str]],
    facts: Facts,
    decided: EffectiveDecisions,
    model: PairModel | None = None,
) -> LearnedPairs:
    """Return the candidate pairs with their probability of being one label.

    Args:
        nodes: Nodes, sorted by source.
        classes: Class of each node.
        titles: Titles of the products directly in each category.
        facts: Further facts about categories.
        decided: Decisions of people, the training data.
        model: Trained model; None trains one on these nodes.
    """
    reviewed = _reviewed(nodes, decided)
    node_features = make_node_features(nodes, titles, facts)
    shops = [list(places) for _, places in groupby(range(len(nodes)), key=lambda place: nodes[place].source)]
    found = [find_candidate_pairs(node_features, classes, pair, reviewed) for pair in combinations(shops, 2)]
    if model is None:
        model = _train(found, reviewed)
    return LearnedPairs(tuple(pair for some in found for pair in _pairs(nodes, some, model)), model)


def _reviewed(nodes: Sequence[Node], decided: EffectiveDecisions) -> dict[tuple[int, int], bool]:
    """Return reviewed pair of nodes -> whether it is one label."""
    place = {category: number for number, node in enumerate(nodes) for category in node.own}
    return {
        (place[a], place[b]): decision.kind != "reject"
        for (a, b), decision in decided.pairs.items()
        if a in place and b in place
    }


def _train(found: Sequence[CandidatePairs], reviewed: Mapping[tuple[int, int], bool]) -> PairModel | None:
    answers = list(reviewed.values())
    if min(answers.count(True), answers.count(False)) < MIN_OF_EACH:
        return None
    rows, labels = [], []
    for some in found:
        for row, ends in enumerate(zip(some.left.tolist(), some.right.tolist(), strict=True)):
            if ends in reviewed:
                rows.append(some.features[row])
                labels.append(reviewed[ends])
    return train(np.array(rows), labels, np.concatenate([some.features for some in found]))


def _pairs(nodes: Sequence[Node], some: CandidatePairs, model: PairModel | None) -> Iterator[LabelPair]:
    """Yield the candidate pairs of two shops."""
    names = list(FEATURES)
    label, content = (some.features[:, names.index(name)] for name in ("name", "content"))
    probabilities = None if model is None else model.probabilities(some.features)
    parts = None if model is None else model.contributions(some.features)
    for row, (a, b) in enumerate(zip(some.left.tolist(), some.right.tolist(), strict=True)):
        probability = None if probabilities is None else float(probabilities[row])
        relation = _relation(probability, some, row)
        if probability is not None and relation != "same":
            probability = min(probability, 1 - probability)  # a node that contains two of a shop is neither
        evidence = () if parts is None else tuple(_evidence(parts[row], some, row))
        yield LabelPair(
            nodes[a], nodes[b], float(label[row]), min(float(content[row]), 1.0), probability, relation, evidence
        )


def _relation(probability: float | None, some: CandidatePairs, row: int) -> Relation:
    """Return the relation of a pair: narrower if most titles of a go to b, but not the reverse."""
    forward, backward = float(some.forward[row]), float(some.backward[row])
    if some.inside_other[row] != some.contains_other[row]:
        return "narrower" if some.inside_other[row] else "broader"
    if probability is not None and probability >= MIN_PROBABILITY:
        return "same"
    if max(forward, backward) < _MOSTLY or min(forward, backward) == 0:
        return "other"
    return "narrower" if forward > backward else "broader"


def _evidence(parts: Floats, some: CandidatePairs, row: int) -> Iterator[str]:
    """Yield the strongest contributions, for or against."""
    texts = list(FEATURES.values())
    if some.inside_other[row] != some.contains_other[row]:
        yield f"- the {'second' if some.inside_other[row] else 'first'} holds the other and another one of its shop"
    for place in np.argsort(-np.abs(parts), kind="stable")[:_SHOWN]:
        if parts[place]:
            yield f"{parts[place]:+.1f} {texts[place]}: {some.features[row, place]:.2f}"
