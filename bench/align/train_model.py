"""Training of the shipped model of the learned rule.

    python -m bench.align.train_model SET … --out align/default_model.json

Each SET is a folder in the format of ``bench.align.labelled_sets``. The weights minimise, over all sets, the loss of
the whole matching (Fenchel-Young loss of the relaxed assignment, whose gradient is the difference of probabilities and
truth), with a penalty on squared weights. Each set is also used without the names below its second level, and with one
title per category, if it has them. The sharpness is fitted on sets that the weights were not trained on.
Only these numbers are written, nothing else of a set.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations, groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar

from align.category import Category, Node, make_nodes, with_ancestors
from align.learned_rule import PairModel, match, number_ends
from align.node_features import make_node_features
from align.pair_features import FEATURES, CandidatePairs, Places, find_candidate_pairs
from align.term_matrices import Floats
from bench.align.labelled_sets import LabelledSet, read_set, without_facts

__all__ = ["TRAINED", "train_model"]

EXCLUDED = {"whole": 6.0, "unopposed": 20.0}
"""Log odds that a pair loses if one contains the other and a third, or if their restrictions exclude each other; set by
hand, because the sets have few or no such pairs."""
TRAINED = ("mean", "class", "equal", "qualifiers", "parents")
"""Features with a weight; the others start at zero and are learned from reviews."""
STRENGTH = 0.01
"""Penalty on squared weights."""


@dataclass(frozen=True, slots=True)
class _Example:
    """The candidate pairs of two shops with their truth."""

    features: Floats
    left: Places
    right: Places
    same: Floats


def train_model(sets: Sequence[LabelledSet]) -> PairModel:
    """Return the model trained on some sets."""
    examples = [_examples(one) for one in sets]
    model = _fit([example for some in examples for example in some])
    if len(sets) < 2:
        return model
    left_out = []
    for place, some in enumerate(examples):
        others = _fit([example for other, found in enumerate(examples) if other != place for example in found])
        left_out += [(others, example) for example in some[:1]]
    return replace(model, sharpness=_sharpness(left_out))


def _examples(labelled: LabelledSet) -> list[_Example]:
    """Return the examples of a set, then those of the set with fewer facts."""
    return [example for one in (labelled, *without_facts(labelled)) for example in _pairs_of(one)]


def _pairs_of(labelled: LabelledSet) -> list[_Example]:
    members: dict[str, list[Category]] = {}
    for category in with_ancestors(labelled.categories):
        members.setdefault(labelled.class_of(category), []).append(category)
    placed = [(node, name) for name, categories in members.items() for node in make_nodes(categories, 2)]
    placed.sort(key=lambda one: (one[0].source, one[1], one[0].key))
    nodes, classes = [node for node, _ in placed], [name for _, name in placed]
    node_features = make_node_features(nodes, classes, labelled.titles, labelled.facts)
    shops = [list(places) for _, places in groupby(range(len(nodes)), key=lambda place: nodes[place].source)]
    found = (find_candidate_pairs(node_features, classes, pair) for pair in combinations(shops, 2))
    return [_example(labelled, nodes, some) for some in found]


def _example(labelled: LabelledSet, nodes: Sequence[Node], some: CandidatePairs) -> _Example:
    ends = [(nodes[a].own[0], nodes[b].own[0]) for a, b in zip(some.left.tolist(), some.right.tolist(), strict=True)]
    sure = np.array([end not in labelled.unsure for end in ends])
    same = np.array([end in labelled.same for end in ends], dtype=np.float64)
    left, right = number_ends(some)
    return _Example(some.features[sure], left[sure], right[sure], same[sure])


def _fit(examples: Sequence[_Example]) -> PairModel:
    every = np.concatenate([example.features for example in examples])
    known = np.maximum((~np.isnan(every)).sum(axis=0), 1)
    centre = np.nansum(every, axis=0) / known
    scale = np.sqrt(np.nansum((every - centre) ** 2, axis=0) / known)
    centre[scale < 1e-6], scale[scale < 1e-6] = 0.5, 0.25
    chosen = np.array([name in TRAINED for name in FEATURES])
    inputs = [np.nan_to_num((example.features - centre) / scale)[:, chosen] for example in examples]

    def loss(parameters: Floats) -> tuple[float, Floats]:
        weights, bias = parameters[:-1], parameters[-1]
        value, gradient = STRENGTH * float(weights @ weights) / 2, np.append(STRENGTH * weights, 0.0)
        for example, features in zip(examples, inputs, strict=True):
            odds = features @ weights + bias
            chances, *alone = match(odds, example.left, example.right)
            free = odds @ (chances - example.same) + sum(_entropy(part) for part in (chances, *alone))
            slope = (chances - example.same) / example.same.sum() / len(examples)
            value += free / example.same.sum() / len(examples)
            gradient += np.append(slope @ features, slope.sum())
        return value, gradient

    count = int(chosen.sum())
    start, bounds = np.append(np.zeros(count), -3.0), [(0.0, None)] * count + [(None, None)]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    weights = np.zeros(len(FEATURES))
    weights[chosen] = found[:-1]
    for name, weight in EXCLUDED.items():
        place = list(FEATURES).index(name)
        centre[place], scale[place], weights[place] = 1.0, 1.0, weight
    shares = [one.same.sum() / min(len(set(one.left)), len(set(one.right))) for one in examples]
    return PairModel(centre, scale, weights, float(found[-1]), partnered=float(np.mean(shares)))


def _entropy(chances: Floats) -> float:
    sure = np.maximum(chances, 1e-300)
    return float(-(sure * (np.log(sure) - 1)).sum())


def _sharpness(left_out: Sequence[tuple[PairModel, _Example]]) -> float:
    """Return the factor of the log odds that best fits sets on which the models were not trained."""
    odds, signs = [], []
    for model, example in left_out:
        chances = np.clip(match(model.odds(example.features), example.left, example.right)[0], 1e-9, 1 - 1e-9)
        odds.append(np.log(chances / (1 - chances)))
        signs.append(np.where(example.same > 0, 1.0, -1.0))
    every: NDArray[np.float64] = np.concatenate(odds) * np.concatenate(signs)
    found = minimize_scalar(lambda factor: np.logaddexp(0, -factor * every).sum(), bounds=(0.5, 3), method="bounded")
    return float(found.x)


def main() -> None:
    """Train the model and write it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    model = train_model([read_set(folder) for folder in given.sets])
    columns = zip(FEATURES, model.centre.tolist(), model.scale.tolist(), model.weights.tolist(), strict=True)
    features = {
        name: {"centre": round(centre, 4), "scale": round(scale, 4), "weight": round(weight, 4)}
        for name, centre, scale, weight in columns
    }
    stored = {"features": features} | {
        name: round(getattr(model, name), 4) for name in ("bias", "sharpness", "partnered")
    }
    given.out.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
    print(given.out.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
