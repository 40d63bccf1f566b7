"""Probabilities of the nodes of a tree for each category, by a model that reviews update."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources

import numpy as np

from align.learned_rule import PairModel, update
from align.onto.candidates import find_candidates
from align.onto.node_texts import Ends
from align.onto.tree_features import TREE_FEATURES, Lessons, Shares, pair_features, structure
from align.pair_features import CandidatePairs, Places
from align.term_matrices import Floats

__all__ = ["Judged", "answers_of", "choose", "judge", "make_pairs", "settle", "tree_model", "with_structure"]

_ROUNDS = 4
"""How often the probabilities of the categories above and below change those of a category."""

_TAUGHT = 5
"""Nodes that people chose for the likest categories; they are candidates."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Candidate pairs of categories and tree nodes with their probabilities, sorted by category and node."""

    pairs: CandidatePairs
    chances: Floats
    """Probability of each pair, [pairs]; those of one category sum to 1."""
    model: PairModel


@cache
def tree_model() -> PairModel:
    """Return the shipped model; ``align/onto/model.md`` says how it was trained."""
    stored = json.loads(resources.files("align.onto").joinpath("model.json").read_text(encoding="utf-8"))
    listed = [stored["features"][name] for name in TREE_FEATURES]
    centre, scale, weights = (np.array([one[key] for one in listed]) for key in ("centre", "scale", "weight"))
    return PairModel(centre, scale, weights, 0.0, stored["sharpness"])


def choose(odds: Floats, some: CandidatePairs) -> Floats:
    """Return the probability of each pair if a category belongs to exactly one of its candidates."""
    count = int(some.left.max(initial=-1)) + 1
    largest = np.full(count, -np.inf)
    np.maximum.at(largest, some.left, odds)
    weight = np.exp(odds - largest[some.left])
    return np.asarray(weight / np.bincount(some.left, weight, count)[some.left])


def judge(ends: Ends, reviewed: Mapping[int, int], model: PairModel | None = None) -> Judged:
    """Return the candidate nodes of every category with their probabilities.

    Args:
        ends: Categories and tree nodes.
        reviewed: Row of a category -> index of the node that a person chose; it is certain, and updates the model.
        model: Model before the reviews; default: the shipped one.
    """
    model = tree_model() if model is None else model
    lessons = Lessons.of(ends, reviewed) if reviewed else None
    asked = [*reviewed.items(), *(lessons.nearest(_TAUGHT) if lessons else ())]
    left, right = find_candidates(ends, asked)
    pairs = make_pairs(left, right, pair_features(ends, left, right, lessons))
    answers = answers_of(pairs, reviewed)
    judged = settle(ends, pairs, answers, model)
    if not answers:
        return judged
    taught = update(model, [judged.pairs], [answers], choose)
    return settle(ends, judged.pairs, answers, taught)


def make_pairs(left: Places, right: Places, features: Floats) -> CandidatePairs:
    """Return candidate pairs without the facts that only two shops have."""
    none, no = np.zeros(len(left)), np.zeros(len(left), dtype=np.bool_)
    return CandidatePairs(left, right, features, none, none, no, no)


def settle(
    ends: Ends, pairs: CandidatePairs, answers: Mapping[int, bool], model: PairModel, *, rounds: int = _ROUNDS
) -> Judged:
    """Return the probabilities when those of the categories above and below have been taken into account."""
    rows, labels = np.array(list(answers), dtype=np.int64), np.array(list(answers.values()), dtype=np.float64)
    chances = _chances(pairs, rows, labels, model)
    for _ in range(rounds):
        pairs = with_structure(ends, pairs, chances)
        chances = _chances(pairs, rows, labels, model)
    return Judged(pairs, chances, model)


def with_structure(ends: Ends, pairs: CandidatePairs, chances: Floats) -> CandidatePairs:
    """Return the pairs with the features that depend on the probabilities of the categories above and below."""
    found = structure(ends, Shares(pairs.left, pairs.right, chances))
    kept = pairs.features[:, : -found.shape[1]]
    return replace(pairs, features=np.column_stack([kept, found]))


def _chances(pairs: CandidatePairs, rows: Places, labels: Floats, model: PairModel) -> Floats:
    chances = choose(model.sharpness * model.odds(pairs.features), pairs)
    chances[rows] = labels
    return chances


def answers_of(pairs: CandidatePairs, reviewed: Mapping[int, int]) -> dict[int, bool]:
    """Return pair of a reviewed category -> whether a person chose it."""
    asked = np.isin(pairs.left, np.array(sorted(reviewed), dtype=np.int64))
    ends: Sequence[tuple[int, int, int]] = [
        (row, int(pairs.left[row]), int(pairs.right[row])) for row in np.flatnonzero(asked).tolist()
    ]
    return {row: reviewed[category] == node for row, category, node in ends}
