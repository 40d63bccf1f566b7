"""Fitting of one field's weights: a softmax over the candidates of each page and "none of them"."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize, minimize_scalar
from scipy.sparse import csr_matrix

from reader.learning.labelled import SYNTHETIC_SHOPS, Example

__all__ = ["NO_WEIGHTS", "Weights", "fit", "probabilities", "temperature"]

_PENALTY = 0.8
"""Strength of the squared penalty on weights. Weaker ones fit the shops that are learned from and not others."""
_SURE_SCALE = 8.0
"""Scale of weights on evidence that is true in nearly every shop, such as markup: it makes them cheaper."""
_MARKUP_SHARE = 0.5
"""Weight of a page with its markup, relative to the same page without."""
_MIN_SHOPS = 2
"""Minimum groups of shops with a piece of evidence; evidence of one shop alone says nothing about others."""
_FEW_PAGES = 4
"""Number of pages with a field from which a shop weighs as much as any other."""
_FEW_EXAMPLES = 20
"""Fewest examples for which a temperature is fitted."""
_LESSON_SHARE = 1.0
"""Weight of a synthetic shop, relative to a real one: what holds on every page outweighs the habits of shops."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights by hash of evidence, in ascending order of hashes."""

    keys: npt.NDArray[np.int64]
    weights: Floats

    def score(self, evidence: npt.NDArray[np.int64]) -> float:
        """Return the sum of the weights of the evidence of one candidate."""
        if not len(self.keys):
            return 0.0
        places = np.minimum(np.searchsorted(self.keys, evidence), len(self.keys) - 1)
        return float(self.weights[places][self.keys[places] == evidence].sum())


NO_WEIGHTS = Weights(np.empty(0, np.int64), np.empty(0))


def fit(examples: Sequence[Example], groups: Mapping[str, str], start: Weights = NO_WEIGHTS) -> Weights:
    """Return the weights that make the right candidates likeliest.

    Every shop weighs the same.

    Args:
        examples: Examples of one field.
        groups: Shop -> its group of shops that share an owner or theme.
        start: Weights learned before; they change only where the examples disagree.
    """
    examples = [one for one in examples if one.evidence]
    keys = _shared(examples, groups)
    if not examples or not len(keys):
        return start
    scale = np.where(keys >> 32 == 1, _SURE_SCALE, 1.0)
    problem = _Problem(examples, keys, scale, start)
    found = minimize(problem, np.zeros(len(keys)), jac=True, method="L-BFGS-B", options={"maxiter": 150, "maxcor": 8})
    return _sum(start, Weights(keys, found.x * scale))


def _sum(first: Weights, other: Weights) -> Weights:
    keys = np.union1d(first.keys, other.keys)
    total = np.zeros(len(keys))
    for one in (first, other):
        total[np.searchsorted(keys, one.keys)] += one.weights
    return Weights(keys, total)


def _shared(examples: Sequence[Example], groups: Mapping[str, str]) -> npt.NDArray[np.int64]:
    seen: dict[str, list[npt.NDArray[np.int64]]] = defaultdict(list)
    for one in examples:
        seen[groups.get(one.shop, one.shop)].extend(one.evidence)
    every = [np.unique(np.concatenate(several)) for several in seen.values()]
    keys, counts = (
        np.unique(np.concatenate(every), return_counts=True) if every else (np.empty(0, np.int64), np.empty(0))
    )
    return keys[counts >= min(_MIN_SHOPS, len(every))]


class _Problem:
    """Negative log likelihood with its gradient."""

    def __init__(self, examples: Sequence[Example], keys: npt.NDArray[np.int64], scale: Floats, start: Weights) -> None:
        sizes = [len(one.evidence) for one in examples]
        self.starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        self.rows = np.repeat(np.arange(len(examples)), sizes)
        self.right = np.concatenate([one.right[one.owners] for one in examples])
        self.none = ~np.logical_or.reduceat(self.right, self.starts)
        self.matrix = _matrix([evidence for one in examples for evidence in one.evidence], keys, scale)
        self.transposed = self.matrix.T.tocsr()
        self.weight = _page_weights(examples)
        self.penalty = _PENALTY
        self.before = np.array([start.score(evidence) for one in examples for evidence in one.evidence])

    def __call__(self, weights: Floats) -> tuple[float, Floats]:
        scores = self.before + self.matrix @ weights
        top = np.maximum(np.maximum.reduceat(scores, self.starts), 0.0)
        mass = np.exp(scores - top[self.rows])
        total = np.add.reduceat(mass, self.starts) + np.exp(-top)
        good = np.where(self.right, mass, 0.0)
        good_total = np.maximum(np.add.reduceat(good, self.starts) + np.where(self.none, np.exp(-top), 0.0), 1e-300)
        loss = -(self.weight * (np.log(good_total) - np.log(total))).sum() + 0.5 * self.penalty * (weights @ weights)
        pull = self.weight[self.rows] * (mass / total[self.rows] - good / good_total[self.rows])
        return float(loss), self.transposed @ pull + self.penalty * weights


def _matrix(evidence: Sequence[npt.NDArray[np.int64]], keys: npt.NDArray[np.int64], scale: Floats) -> csr_matrix:
    sizes = np.array([len(one) for one in evidence])
    every = np.concatenate(evidence)
    places = np.minimum(np.searchsorted(keys, every), len(keys) - 1)
    known = keys[places] == every
    rows = np.repeat(np.arange(len(evidence)), sizes)[known]
    columns = places[known]
    return csr_matrix((scale[columns], (rows, columns)), shape=(len(evidence), len(keys)))


def _page_weights(examples: Sequence[Example]) -> Floats:
    count = Counter(one.shop for one in examples)
    share = {
        shop: (_LESSON_SHARE if shop.startswith(SYNTHETIC_SHOPS) else 1.0) / max(_FEW_PAGES, n)
        for shop, n in count.items()
    }
    weights = np.array([share[one.shop] * (_MARKUP_SHARE if one.markup else 1.0) for one in examples])
    return np.asarray(weights * len(count) / weights.sum())


def probabilities(weights: Weights, example: Example, heat: float = 1.0) -> Floats:
    """Return the probability of each candidate of an example."""
    scores = _scores(weights, example) / heat
    top = max(float(scores.max(initial=0.0)), 0.0)
    mass = np.exp(scores - top)
    return np.asarray(mass / (mass.sum() + np.exp(-top)))


def _scores(weights: Weights, example: Example) -> Floats:
    """Return the score of each candidate: the logarithm of the summed odds of its places."""
    places = np.array([weights.score(one) for one in example.evidence])
    if not len(places):
        return places
    top = places.max()
    return np.asarray(top + np.log(np.bincount(example.owners, np.exp(np.maximum(places - top, -500.0)))))


def temperature(scored: Sequence[tuple[Example, Weights]]) -> float:
    """Return the temperature at which the probability of the likeliest answer is how often it is right.

    It is fitted on unseen shops; 1 with too few examples. Several answers of a page may be right, such as the images of
    one product, so it is the answer given that is judged.
    """
    scores = [(_scores(weights, one), one) for one, weights in scored if one.evidence]
    if len(scores) < _FEW_EXAMPLES:
        return 1.0
    share = _page_weights([one for _, one in scores])
    right = np.array([one.right[values.argmax()] for values, one in scores])

    def loss(log_heat: float) -> float:
        sure = np.array([_highest(values / np.exp(log_heat)) for values, _ in scores]).clip(1e-9, 1 - 1e-9)
        return -float(share @ np.log(np.where(right, sure, 1.0 - sure)))

    return float(np.exp(minimize_scalar(loss, bounds=(-1.0, 2.0), method="bounded").x))


def _highest(scores: Floats) -> float:
    """Return the probability of the likeliest of some candidates."""
    top = max(float(scores.max()), 0.0)
    return float(np.exp(scores.max() - top) / (np.exp(scores - top).sum() + np.exp(-top)))
