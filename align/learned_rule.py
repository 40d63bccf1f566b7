"""The learned rule: a model of pairs trained on real shops, updated by people's reviews."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from itertools import combinations, groupby

import numpy as np
from scipy.optimize import minimize

from align.catalogue import Facts
from align.category import Category, Node
from align.node_features import make_node_features
from align.pair_features import EVIDENCE_TEXTS, FEATURES, CandidatePairs, Places, find_candidate_pairs
from align.pairs import MIN_PROBABILITY, LabelPair, Relation
from align.review.effective_decisions import EffectiveDecisions
from align.term_matrices import Floats

__all__ = [
    "PairModel",
    "adapt",
    "default_model",
    "judge_pairs",
    "match",
    "match_partners",
    "number_ends",
    "probabilities",
    "update",
]

Competition = Callable[[Floats, CandidatePairs], Floats]

_STRENGTH = 3.0
"""Precision of the shipped model's weights: the prior variance of a change is its inverse."""
_KNOWN_SHOPS = 10.0
"""Weight of the training data's share of categories with a partner, in categories."""
_MAX_PARTNERED = 0.95
_STEPS = 20
_SETTLED = 0.01
_UNREVIEWED = 0.1
"""Weight of the model's own probability of an unreviewed pair, in reviews."""
_ALL_UNREVIEWED = 150.0
"""Maximum weight of all unreviewed pairs together, in reviews."""
_CALIBRATED = 1.0
"""Inverse of the prior variance of the shift of log odds, and of the logarithm of their factor."""
_FOLDS = 5
_ROUNDS = 3
"""How often matching is repeated while reviews change the weights."""
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
    """[features], none negative, because a greater value of any feature means more alike."""
    bias: float
    sharpness: float = 1.0
    """Factor of the log odds after matching, fitted on pairs that the weights were not trained on."""
    shift: float = 0.0
    """Offset of the log odds after matching, fitted on reviews."""
    partnered: float = 0.5
    """Share of the smaller shop's categories with a partner, in the data on which the bias was fitted."""

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
    return PairModel(centre, scale, weights, stored["bias"], stored["sharpness"], partnered=stored["partnered"])


def adapt(model: PairModel, found: Sequence[CandidatePairs]) -> PairModel:
    """Return the model with its bias adapted to the shops: some share nearly all categories, others few.

    The share of categories with a partner is estimated iteratively from the model's own probabilities, with the share
    in the training data as a prior worth ten categories. The change of its log odds is added to the bias.
    """
    ends = [number_ends(some) for some in found]
    count = sum(min(len(set(side.tolist())) for side in two) for two in ends)
    adapted = model
    for _ in range(_STEPS):
        matches = sum(
            float(match(adapted.odds(some.features), *two)[0].sum()) for some, two in zip(found, ends, strict=True)
        )
        share = (matches + _KNOWN_SHOPS * model.partnered) / (count + _KNOWN_SHOPS)
        odds = _logit(np.array([min(share, _MAX_PARTNERED), model.partnered]))
        before, adapted = adapted, replace(model, bias=model.bias + float(odds[0] - odds[1]), partnered=share)
        if abs(adapted.bias - before.bias) < _SETTLED:
            break
    return adapted


def match_partners(odds: Floats, some: CandidatePairs) -> Floats:
    """Return the probability of each pair if a node of either side has at most one partner."""
    return match(odds, *number_ends(some))[0]


def update(
    model: PairModel,
    found: Sequence[CandidatePairs],
    answers: Sequence[Mapping[int, bool]],
    compete: Competition = match_partners,
) -> PairModel:
    """Return the model after reviews.

    The new weights are the most probable ones given the reviews, with the model's weights as prior mean and its
    probabilities as weak answers for unreviewed pairs. Sharpness and shift are then fitted to held-out reviews.

    Args:
        model: Model so far.
        found: Candidate pairs of every two shops.
        answers: For every two shops, index of a reviewed pair -> whether it is one label.
        compete: Probabilities of pairs, given their log odds, that exclude each other.
    """
    starts = np.cumsum([0, *(len(some.left) for some in found)]).tolist()
    labels = {start + row: label for start, some in zip(starts, answers, strict=False) for row, label in some.items()}
    if not labels:
        return model
    reviews = _Reviews.of(model, found, labels, compete)
    rows = np.array(sorted(labels), dtype=np.int64)
    odds = np.zeros(len(rows))
    for fold in range(min(_FOLDS, len(rows))):
        held_out = rows[fold::_FOLDS]
        odds[fold::_FOLDS] = reviews.log_odds(reviews.updated(held_out))[held_out]
    sharper, shift = _calibrate(odds, reviews.expected[rows])
    updated = reviews.updated(rows[:0])
    return replace(updated, sharpness=sharper * model.sharpness, shift=sharper * model.shift + shift)


def _log_odds(model: PairModel, found: Iterable[CandidatePairs], compete: Competition) -> Floats:
    raw = [_logit(compete(model.odds(some.features), some)) for some in found]
    return np.asarray(model.sharpness * np.concatenate(raw) + model.shift)


@dataclass(frozen=True, slots=True)
class _Reviews:
    """The candidate pairs of all shops, some of them reviewed."""

    model: PairModel
    """Model before the reviews."""
    found: Sequence[CandidatePairs]
    inputs: Floats
    """[pairs, features and a constant]."""
    expected: Floats
    """Answer to a reviewed pair, the model's probability of any other, [pairs]."""
    counts: Floats
    """Weight of each pair, in reviews, [pairs]."""
    compete: Competition

    @classmethod
    def of(
        cls, model: PairModel, found: Sequence[CandidatePairs], labels: Mapping[int, bool], compete: Competition
    ) -> "_Reviews":
        """Return the pairs with the answers; ``labels``: index of a reviewed pair -> its answer."""
        inputs = np.concatenate([model.inputs(some.features) for some in found])
        expected = _logistic(_log_odds(model, found, compete))
        counts = np.full(len(expected), min(_UNREVIEWED, _ALL_UNREVIEWED / len(expected)))
        rows = list(labels)
        expected[rows], counts[rows] = list(labels.values()), 1
        return cls(model, found, np.column_stack([inputs, np.ones(len(inputs))]), expected, counts, compete)

    def log_odds(self, model: PairModel) -> Floats:
        """Return the log odds of all pairs after the competition."""
        return _log_odds(model, self.found, self.compete)

    def updated(self, left_out: Places) -> PairModel:
        """Return the model with the most probable weights, without some of the reviews."""
        counts = self.counts.copy()
        counts[left_out] = 0
        updated = self.model
        for _ in range(_ROUNDS):
            alone = np.concatenate([updated.odds(some.features) for some in self.found])
            after = self._most_probable(self.log_odds(updated) - self.model.sharpness * alone, counts)
            updated = replace(self.model, weights=after[:-1], bias=float(after[-1]))
        return updated

    def _most_probable(self, rivals: Floats, counts: Floats) -> Floats:
        """Return the weights and the bias; ``rivals`` is the effect of competition on the log odds."""
        before = np.append(self.model.weights, self.model.bias)
        inputs = self.model.sharpness * self.inputs

        def loss(parameters: Floats) -> tuple[float, Floats]:
            odds, moved = inputs @ parameters + rivals, parameters - before
            missed = counts * (_logistic(odds) - self.expected)
            likely = counts @ (np.logaddexp(0, odds) - self.expected * odds)
            return float(likely + _STRENGTH * (moved @ moved) / 2), missed @ inputs + _STRENGTH * moved

        bounds = [(0.0, None)] * (len(before) - 1) + [(None, None)]
        return np.asarray(minimize(loss, before, jac=True, method="L-BFGS-B", bounds=bounds).x)


def _calibrate(odds: Floats, labels: Floats) -> tuple[float, float]:
    """Return the factor and the offset of log odds that fit labels best, expected to be 1 and 0."""

    def loss(parameters: Floats) -> tuple[float, Floats]:
        scaled = np.exp(parameters[0]) * odds
        missed = _logistic(scaled + parameters[1]) - labels
        likely = np.logaddexp(0, scaled + parameters[1]) - labels * (scaled + parameters[1])
        slope = np.array([missed @ scaled, missed.sum()])
        return float(likely.sum() + _CALIBRATED * (parameters @ parameters) / 2), slope + _CALIBRATED * parameters

    factor, shift = minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B").x
    return float(np.exp(factor)), float(shift)


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
        model: Model that the decisions update; default: the shipped one.
    """
    reviewed = _reviewed(nodes, decided)
    node_features = make_node_features(nodes, classes, titles, facts)
    shops = [list(places) for _, places in groupby(range(len(nodes)), key=lambda place: nodes[place].source)]
    found = [find_candidate_pairs(node_features, classes, pair, reviewed) for pair in combinations(shops, 2)]
    answers = [_answers(some, reviewed) for some in found]
    model = update(adapt(default_model() if model is None else model, found), found, answers)
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
    """Return the probability that each pair is one label; answered pairs are certain and affect their rivals.

    Equal names within one class are always one label.
    """
    odds = model.odds(some.features)
    rows, labels = list(answers), np.array(list(answers.values()), dtype=np.bool_)
    odds[rows] = np.where(labels, _ANSWERED, -_ANSWERED)
    chances = _logistic(model.sharpness * _logit(match(odds, *number_ends(some))[0]) + model.shift)
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
    """Return the relation of a pair: narrower if most titles of a are nearest to b, but not the reverse."""
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
        yield f"- {EVIDENCE_TEXTS['second_holds' if some.inside_other[row] else 'first_holds']}"
    for place in np.argsort(-np.abs(parts), kind="stable")[:_SHOWN]:
        if parts[place]:
            yield f"{parts[place]:+.1f} {texts[place]}: {some.features[row, place]:.2f}"


_LARGEST = 30.0
_SWEEPS = 500
_CLOSE = 1e-9


def match(odds: Floats, left: Places, right: Places) -> tuple[Floats, Floats, Floats]:
    """Return the probability that each pair is one label if a node has at most one partner.

    Nodes compete for partners, and can stay alone with odds of 1. The result is the
    relaxed assignment of greatest weight and entropy (Sinkhorn's scaling with slack): the probabilities of a
    node and of staying alone sum to 1.

    Args:
        odds: Log odds of each pair by itself, [pairs].
        left: One end of each pair, numbered from 0, [pairs].
        right: The other end.

    Returns:
        Probabilities [pairs], and the probabilities that each left and each right node stays alone.
    """
    weight = np.exp(np.clip(odds, -_LARGEST, _LARGEST))
    lefts, rights = int(left.max(initial=-1)) + 1, int(right.max(initial=-1)) + 1
    alone, others_alone = np.ones(lefts), np.ones(rights)
    for _ in range(_SWEEPS):
        before = alone
        alone = 1 / (1 + np.bincount(left, weight * others_alone[right], lefts))
        others_alone = 1 / (1 + np.bincount(right, weight * alone[left], rights))
        if np.abs(alone - before).max(initial=0.0) < _CLOSE:
            break
    return np.minimum(weight * alone[left] * others_alone[right], 1.0), alone, others_alone
