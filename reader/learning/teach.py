"""Training of the page reader: folds, weights, temperatures, metrics, and the model file."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from reader.learning.fit import NO_WEIGHTS, Weights, fit, probabilities, temperature
from reader.learning.labelled import SYNTHETIC_SHOPS, Example, evidence_key
from reader.model import FIELDS, MODEL_FORMAT, STATED, Model, shipped_model

__all__ = [
    "Counts",
    "Prediction",
    "TrainedModel",
    "calibration_error",
    "compare_with_shipped",
    "counts_by_field",
    "f1_by_field",
    "folds",
    "learn",
    "min_probability",
    "predict",
    "predict_left_out",
    "reliability",
    "risk_coverage",
    "shop_groups",
    "write_model",
]

_ON_MOST_PAGES = 0.5
_COMMON = 0.25
"""Share of shops above which a piece of evidence is a convention, not a sign of kinship."""
_ALIKE = 0.62
"""Share of the smaller shop's rarer evidence that the other must exceed for both to form one group."""
_FEWEST = 15


def shop_groups(examples: Sequence[Example]) -> dict[str, str]:
    """Return the group of each shop: shops with mostly the same rarer class names and the like form one group."""
    pages: Counter[str] = Counter()
    seen: dict[str, Counter[int]] = defaultdict(Counter)
    for one in examples:
        if one.field == "page" and not one.markup and one.truth:
            pages[one.shop] += 1
            seen[one.shop].update(one.evidence[0].tolist())
    names = {
        shop: {key for key, n in count.items() if n >= _ON_MOST_PAGES * pages[shop]} for shop, count in seen.items()
    }
    spread = Counter(key for keys in names.values() for key in keys)
    rare = {shop: {key for key in keys if spread[key] <= _COMMON * len(names)} for shop, keys in names.items()}
    group = {one.shop: one.shop for one in examples}
    for first, other in combinations(sorted(rare), 2):
        both = len(rare[first] & rare[other])
        if both >= _FEWEST and both > _ALIKE * min(len(rare[first]), len(rare[other])):
            old, new = group[other], group[first]
            group = {shop: new if mine == old else mine for shop, mine in group.items()}
    return group


def folds(groups: Mapping[str, str], count: int = 8) -> list[frozenset[str]]:
    """Return folds of shops of about equal size; no group is split between folds."""
    members: dict[str, list[str]] = defaultdict(list)
    for shop, group in sorted(groups.items()):
        members[group].append(shop)
    parts: list[list[str]] = [[] for _ in range(count)]
    for shops in sorted(members.values(), key=lambda one: (-len(one), one)):
        min(parts, key=len).extend(shops)
    return [frozenset(part) for part in parts if part]


@dataclass(frozen=True, slots=True)
class Prediction:
    """A model's answer to one example."""

    example: Example
    answer: str | None
    """The likeliest candidate; None if there are no candidates."""
    probability: float
    least: float = 0.0
    """Probability below which the answer is withheld."""
    stated: bool = False
    """Whether markup states the answer, so that it is given however improbable."""


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """Weights and thresholds learned for all fields, and predictions for left-out shops."""

    weights: Mapping[str, Weights]
    temperatures: Mapping[str, float]
    least: Mapping[str, float]
    """Field -> probability below which it stays empty."""
    left_out: Sequence[Prediction]
    shops: int
    pages: int


def learn(
    examples: Sequence[Example], groups: Mapping[str, str] | None = None, start: Model | None = None
) -> TrainedModel:
    """Learn all fields, and predict each shop with weights learned without it and its group.

    Args:
        examples: Examples of all fields.
        groups: Shop -> group; None to detect shops that share an owner or theme.
        start: Model whose weights change only where the examples disagree.
    """
    groups = groups or shop_groups(examples)
    by_field: dict[str, list[Example]] = defaultdict(list)
    for one in examples:
        by_field[one.field].append(one)
    weights, temperatures, least, predictions = {}, {}, {}, []
    for field in FIELDS:
        before = _weights(start, field, by_field[field]) if start else NO_WEIGHTS
        scored = predict_left_out(by_field[field], groups, before)
        temperatures[field] = temperature([pair for pair in scored if not pair[0].shop.startswith(SYNTHETIC_SHOPS)])
        weights[field] = fit(by_field[field], groups, before)
        found = [predict(one, table, temperatures[field]) for one, table in scored]
        least[field] = min_probability([one for one in found if not one.example.shop.startswith(SYNTHETIC_SHOPS)])
        predictions += [replace(one, least=least[field]) for one in found]
    real = {(one.shop, one.page) for one in examples if not one.shop.startswith(SYNTHETIC_SHOPS)}
    return TrainedModel(weights, temperatures, least, predictions, len({shop for shop, _ in real}), len(real))


_ALWAYS = ("availability", "caption")
"""Fields that every product needs."""


def min_probability(predictions: Sequence[Prediction]) -> float:
    """Return the minimum probability of an answer that maximises the mean F1 over shops, averaged with its neighbours'.

    Single pages decide between neighbours. Pages with markup do not count: nearly all answers there are certain.
    """
    predictions = [one for one in predictions if not one.example.markup and one.example.field not in _ALWAYS]
    if not predictions:
        return 0.0
    means = [_mean_f1(predictions, least) for least in _MIN]
    smooth = [round(sum(near) / len(near), 3) for near in (means[max(0, n - 1) : n + 2] for n in range(len(means)))]
    alike = [least for least, mean in zip(_MIN, smooth, strict=True) if mean == max(smooth)]
    return alike[len(alike) // 2]


_MIN = (0.25, 0.3, 0.35, 0.4, 0.45, 0.5)
"""Answers that are right less often than once in four are never given."""


def _mean_f1(predictions: Sequence[Prediction], least: float) -> float:
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for one in predictions:
        said = one.stated or one.probability >= least
        if one.example.field == "page":  # that a page shows no product is an answer too
            counts[one.example.shop][0] += 2 * (said == _right(one))
            counts[one.example.shop][1] += 2
            continue
        counts[one.example.shop][0] += 2 * (said and _right(one))
        counts[one.example.shop][1] += said + bool(one.example.truth)
    return sum(hit / total if total else 1.0 for hit, total in counts.values()) / len(counts)


def predict_left_out(
    examples: Sequence[Example], groups: Mapping[str, str], start: Weights = NO_WEIGHTS
) -> list[tuple[Example, Weights]]:
    """Return each example with weights learned without its shop."""
    scored = []
    for part in folds(groups):
        inside = [one for one in examples if one.shop in part]
        if inside:
            table = fit([one for one in examples if one.shop not in part], groups, start)
            scored += [(one, table) for one in inside]
    return scored


def predict(example: Example, weights: Weights, heat: float = 1.0, least: float = 0.0) -> Prediction:
    """Return the likeliest answer of an example, by weights at a temperature."""
    if not example.evidence:
        return Prediction(example, None, 0.0)
    found = probabilities(weights, example, heat)
    best = int(found.argmax())
    places = (keys for owner, keys in zip(example.owners, example.evidence, strict=True) if owner == best)
    stated = any(bool(np.isin(_STATED, keys).any()) for keys in places)
    return Prediction(example, example.answers[best], float(found[best]), least, stated)


_STATED = np.array([evidence_key(one) for one in STATED])


class Counts(NamedTuple):
    """How often a field was read on some pages."""

    right: int
    filled: int
    true: int
    """Pages that have a true value."""

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 1 where there was nothing to read and nothing was read."""
        return 2 * self.right / (self.filled + self.true) if self.filled + self.true else 1.0

    @property
    def precision(self) -> float:
        """Share of the filled values that are right; 1 where none is filled."""
        return self.right / self.filled if self.filled else 1.0


def counts_by_field(
    predictions: Sequence[Prediction], *, markup: bool, pooled: bool = False
) -> dict[str, dict[str, Counts]]:
    """Return counts by field and shop, with or without markup; fields are unread on pages not recognised as products.

    ``pooled`` treats all pages as one shop.
    """
    kind = {
        (one.example.page, one.example.markup): one.probability >= (one.least or 0.5)
        for one in predictions
        if one.example.field == "page"
    }
    counts: dict[str, dict[str, Counts]] = defaultdict(lambda: defaultdict(lambda: Counts(0, 0, 0)))
    for one in predictions:
        example = one.example
        if example.markup != markup:
            continue
        said, true = _said(one, product=kind.get((example.page, example.markup), True))
        shop = "all" if pooled else example.shop
        before = counts[example.field][shop]
        counts[example.field][shop] = Counts(
            before.right + (said is not None and said in true),
            before.filled + (said is not None),
            before.true + bool(true),
        )
    return {field: dict(shops) for field, shops in counts.items()}


def f1_by_field(predictions: Sequence[Prediction], *, markup: bool) -> dict[str, dict[str, float]]:
    """Return F1 by field and shop, with or without markup."""
    found = counts_by_field(predictions, markup=markup)
    return {field: {shop: one.f1 for shop, one in shops.items()} for field, shops in found.items()}


def _said(one: Prediction, *, product: bool) -> tuple[str | None, frozenset[str]]:
    field, truth = one.example.field, one.example.truth
    if field == "page":
        return ("product" if product else "no product"), truth or frozenset(("no product",))
    if not product:
        return None, truth
    if field == "availability":
        return ("OutOfStock" if one.probability >= 0.5 else "InStock"), truth
    return (one.answer if one.stated or one.probability >= one.least else None), truth


def calibration_error(predictions: Sequence[Prediction], field: str) -> float:
    """Return the expected calibration error of a field: how far its probabilities are from observed rates."""
    classes = reliability(predictions, field)
    total = sum(count for _, _, count in classes)
    return sum(count * abs(stated - right) for stated, right, count in classes) / max(1, total)


def reliability(predictions: Sequence[Prediction], field: str, classes: int = 10) -> list[tuple[float, float, int]]:
    """Return the mean probability, the share of right answers and the number of them, by class of probability."""
    found: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for one in predictions:
        if one.example.field == field:
            found[min(int(one.probability * classes), classes - 1)].append((one.probability, _right(one)))
    return [
        (sum(stated for stated, _ in pairs) / len(pairs), sum(right for _, right in pairs) / len(pairs), len(pairs))
        for _, pairs in sorted(found.items())
    ]


def _right(one: Prediction) -> bool:
    if one.example.field in ("page", "availability"):
        return bool(one.example.right[0])
    return one.answer in one.example.truth


def risk_coverage(predictions: Sequence[Prediction], field: str, coverages: Sequence[float]) -> list[float]:
    """Return the share of wrong answers among the most confident share of pages without markup, per coverage."""
    found = [one for one in predictions if one.example.field == field and not one.example.markup]
    if field in ("page", "availability"):
        sure = [(max(one.probability, 1 - one.probability), (one.probability >= 0.5) == _right(one)) for one in found]
    else:
        sure = [(one.probability, _right(one)) for one in found]
    sure.sort(key=lambda pair: -pair[0])
    risks = []
    for coverage in coverages:
        kept = sure[: max(1, round(coverage * len(sure)))]
        risks.append(sum(not right for _, right in kept) / max(1, len(kept)))
    return risks


def compare_with_shipped(lesson: TrainedModel, examples: Sequence[Example]) -> dict[str, tuple[float, float]]:
    """Return per field the F1 without markup of the lesson on left-out shops, and of the shipped model."""
    shipped = shipped_model()
    tables = {field: _weights(shipped, field, [one for one in examples if one.field == field]) for field in FIELDS}
    theirs = [
        predict(one, tables[one.field], shipped.temperature(one.field), shipped.least.get(one.field, 0.0))
        for one in examples
    ]
    ours = [
        [one for one in said if not one.example.shop.startswith(SYNTHETIC_SHOPS)] for said in (lesson.left_out, theirs)
    ]
    figures = [f1_by_field(said, markup=False) for said in ours]
    mean = [{field: sum(shops.values()) / len(shops) for field, shops in one.items() if shops} for one in figures]
    return {field: (mean[0][field], mean[1][field]) for field in FIELDS if field in mean[0]}


def _weights(model: Model, field: str, examples: Sequence[Example]) -> Weights:
    """Return the weights of a model, keyed as in examples, where a bit marks what holds in nearly every shop."""
    table = model.weights(field)
    marked = {key & 0xFFFFFFFF for one in examples for keys in one.evidence for key in keys[keys >> 32 == 1].tolist()}
    keys = np.array([key | (1 << 32) if key in marked else key for key in table], dtype=np.int64)
    order = np.argsort(keys)
    return Weights(keys[order], np.array([*table.values()], dtype=float)[order])


def write_model(path: Path, lesson: TrainedModel, made: str) -> None:
    """Write a model file. The same lesson produces the same bytes.

    Args:
        path: The file, ``*.npz``.
        lesson: Learned weights, temperatures and thresholds.
        made: How and when the model was made, for people.
    """
    arrays: dict[str, npt.NDArray[np.uint32] | npt.NDArray[np.float32]] = {}
    digest = hashlib.sha256()
    for field, table in lesson.weights.items():
        kept = np.abs(table.weights) >= 0.005
        keys = (table.keys[kept] & 0xFFFFFFFF).astype(np.uint32)
        order = np.argsort(keys, kind="stable")
        arrays[f"{field}.keys"] = keys[order]
        arrays[f"{field}.weights"] = table.weights[kept][order].astype(np.float32)
        digest.update(arrays[f"{field}.keys"].tobytes() + arrays[f"{field}.weights"].tobytes())
    temperatures = {field: round(heat, 4) for field, heat in lesson.temperatures.items()}
    about = {"format": MODEL_FORMAT, "made": made, "shops": lesson.shops, "pages": lesson.pages}
    about |= {"temperatures": temperatures, "least": dict(lesson.least), "digest": digest.hexdigest()[:16]}
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, about=np.array(json.dumps(about, sort_keys=True)), **arrays)
