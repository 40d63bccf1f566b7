"""The learned rule: a model of pairs trained on real shops, updated by the reviews of people."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from itertools import combinations, groupby

import numpy as np
from scipy.optimize import minimize

from align.catalogue import Facts
from align.category import Category, Node
from align.matching import match
from align.node_features import Floats, make_node_features
from align.pair_features import FEATURES, CandidatePairs, Places, find_candidate_pairs
from align.pairs import MIN_PROBABILITY, LabelPair, Relation
from align.review.effective_decisions import EffectiveDecisions

__all__ = ["PairModel", "default_model", "judge_pairs", "number_ends", "probabilities", "update"]

_STRENGTH = 1.0
"""Weight of the shipped model beside the reviews: the variance of a weight's change is one over it."""
_ROUNDS = 3
"""Times that the competition is computed again while reviews change the weights."""
_ANSWERED = 30.0
"""Log odds of a pair that a person accepted."""
_SURE = 0.97
"""Least probability of equal names within one class."""
_MOSTLY = 0.5
_SHOWN = 4


@dataclass(frozen=True, slots=True)
class PairModel:
    """Log odds of pairs, linear in their features."""

    centre: Floats
    """Offset that is subtracted from each feature, [features]; a missing feature counts as its offset."""
    scale: Floats
    """Scale by which each feature is then divided, [features]."""
    weights: Floats
    """[features], none negative, because a greater value of every feature means more alike."""
    bias: float
    sharpness: float = 1.0
    """Factor of the log odds after matching, fitted on shops that the weights were not trained on."""

    def inputs(self, features: Floats) -> Floats:
        """Return the features in the model's scale, 0 where one is missing."""
        return np.nan_to_num((features - self.centre) / self.scale)

    def contributions(self, features: Floats) -> Floats:
        """Return the contribution of each feature to the log odds, [pairs, features]."""
        return np.asarray(self.inputs(features) * self.weights)

    def odds(self, features: Floats) -> Floats:
        """Return the log odds of each pair by itself, without its rivals."""
        return np.asarray(self.contributions(features).sum(axis=1) + self.bias)


@cache
def default_model() -> PairModel:
    """Return the shipped model; ``align/default_model.md`` says how it was trained."""
    stored = json.loads(resources.files("align").joinpath("default_model.json").read_text(encoding="utf-8"))
    listed = [stored["features"].get(name, {"centre": 0.5, "scale": 0.25, "weight": 0.0}) for name in FEATURES]
    centre, scale, weights = (np.array([one[key] for one in listed]) for key in ("centre", "scale", "weight"))
    return PairModel(centre, scale, weights, stored["bias"], stored["sharpness"])


def update(model: PairModel, found: Sequence[CandidatePairs], answers: Sequence[Mapping[int, bool]]) -> PairModel:
    """Return the model after reviews: the most probable weights, with those of the model as their expectation.

    Args:
        model: Model so far.
        found: Candidate pairs of each two shops.
        answers: For each of them, place of a reviewed pair -> whether it is one label.
    """
    rows = [np.array(sorted(some), dtype=np.int64) for some in answers]
    labels = np.array([answers[part][row] for part, some in enumerate(rows) for row in some.tolist()])
    if not len(labels):
        return model
    inputs = np.concatenate([model.inputs(some.features[kept]) for some, kept in zip(found, rows, strict=True)])
    signs = np.where(labels, 1.0, -1.0)
    before = np.append(model.weights, model.bias)
    updated = model
    for _ in range(_ROUNDS):
        rivals = np.concatenate([_rivals(updated, some)[kept] for some, kept in zip(found, rows, strict=True)])
        after = _most_probable(inputs, rivals, signs, before, model.sharpness)
        updated = replace(model, weights=after[:-1], bias=float(after[-1]))
    return updated


def _rivals(model: PairModel, some: CandidatePairs) -> Floats:
    """Return what competition adds to the log odds of each pair, mostly below 0."""
    odds = model.odds(some.features)
    return _logit(match(odds, *number_ends(some))[0]) - odds


def _most_probable(inputs: Floats, rivals: Floats, signs: Floats, before: Floats, sharpness: float) -> Floats:
    """Return the weights and the bias that minimise the loss and the distance to those before."""

    def loss(parameters: Floats) -> tuple[float, Floats]:
        odds = sharpness * signs * (inputs @ parameters[:-1] + parameters[-1] + rivals)
        slope = -sharpness * signs * _logistic(-odds)
        moved = parameters - before
        gradient = np.append(slope @ inputs, slope.sum()) + _STRENGTH * moved
        return float(np.logaddexp(0, -odds).sum() + _STRENGTH * (moved @ moved) / 2), gradient

    bounds = [(0.0, None)] * (len(before) - 1) + [(None, None)]
    return np.asarray(minimize(loss, before, jac=True, method="L-BFGS-B", bounds=bounds).x)


def _logistic(odds: Floats) -> Floats:
    return np.asarray(0.5 * (1 + np.tanh(odds / 2)))


def _logit(probabilities: Floats) -> Floats:
    sure = np.clip(probabilities, 1e-12, 1 - 1e-12)
    return np.asarray(np.log(sure) - np.log1p(-sure))


def number_ends(some: CandidatePairs) -> tuple[Places, Places]:
    """Return the ends of pairs, numbered from 0."""
    return np.unique(some.left, return_inverse=True)[1], np.unique(some.right, return_inverse=True)[1]


def judge_pairs(
    nodes: Sequence[Node],
    classes: Sequence[str],
    titles: Mapping[Category, Sequence[str]],
    facts: Facts,
    decided: EffectiveDecisions,
    model: PairModel | None = None,
) -> tuple[list[LabelPair], PairModel]:
    """Return the candidate pairs with their probability of being one label, and the model that judged them.

    Args:
        nodes: Nodes, sorted by source.
        classes: Class of each node.
        titles: Titles of the products directly in each category.
        facts: Further facts about categories.
        decided: Decisions of people.
        model: Model that the decisions update; None stands for the shipped one.
    """
    reviewed = _reviewed(nodes, decided)
    node_features = make_node_features(nodes, titles, facts)
    shops = [list(places) for _, places in groupby(range(len(nodes)), key=lambda place: nodes[place].source)]
    found = [find_candidate_pairs(node_features, classes, pair, reviewed) for pair in combinations(shops, 2)]
    answers = [_answers(some, reviewed) for some in found]
    model = update(default_model() if model is None else model, found, answers)
    pairs = [_pairs(nodes, some, known, model) for some, known in zip(found, answers, strict=True)]
    return [pair for some in pairs for pair in some], model


def _reviewed(nodes: Sequence[Node], decided: EffectiveDecisions) -> dict[tuple[int, int], bool]:
    """Return reviewed pair of nodes -> whether it is one label."""
    place = {category: number for number, node in enumerate(nodes) for category in node.own}
    return {
        (place[a], place[b]): decision.kind != "reject"
        for (a, b), decision in decided.pairs.items()
        if a in place and b in place
    }


def _answers(some: CandidatePairs, reviewed: Mapping[tuple[int, int], bool]) -> dict[int, bool]:
    ends = zip(some.left.tolist(), some.right.tolist(), strict=True)
    return {row: reviewed[end] for row, end in enumerate(ends) if end in reviewed}


def probabilities(model: PairModel, some: CandidatePairs, answers: Mapping[int, bool]) -> Floats:
    """Return the probability that each pair is one label; answers count as certain for their rivals.

    Equal names within one class are always one label.
    """
    odds = model.odds(some.features)
    rows, labels = list(answers), np.array(list(answers.values()), dtype=np.bool_)
    odds[rows] = np.where(labels, _ANSWERED, -_ANSWERED)
    chances = _logistic(model.sharpness * _logit(match(odds, *number_ends(some))[0]))
    names = list(FEATURES)
    equal = (some.features[:, names.index("equal")] > 0) & (some.features[:, names.index("class")] > 0)
    chances = np.where(equal, np.maximum(chances, _SURE), chances)
    chances[rows] = labels
    return chances


def _pairs(
    nodes: Sequence[Node], some: CandidatePairs, answers: Mapping[int, bool], model: PairModel
) -> Iterator[LabelPair]:
    """Yield the candidate pairs of two shops."""
    names = list(FEATURES)
    label, content = (np.nan_to_num(some.features[:, names.index(name)]) for name in ("name", "content"))
    chances = probabilities(model, some, answers)
    parts = model.contributions(some.features)
    for row, (a, b) in enumerate(zip(some.left.tolist(), some.right.tolist(), strict=True)):
        yield LabelPair(
            nodes[a],
            nodes[b],
            float(label[row]),
            float(content[row]),
            float(chances[row]),
            _relation(float(chances[row]), some, row),
            tuple(_evidence(parts[row], some, row)),
        )


def _relation(probability: float, some: CandidatePairs, row: int) -> Relation:
    """Return the relation of a pair: narrower if most titles of a go to b, but not the reverse."""
    forward, backward = float(some.forward[row]), float(some.backward[row])
    if probability >= MIN_PROBABILITY:
        return "same"
    if some.inside_other[row] != some.contains_other[row]:
        return "narrower" if some.inside_other[row] else "broader"
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
