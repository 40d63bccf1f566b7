"""Reference losses in plain NumPy with loops, straight from their formulas."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def cosine(a: Floats, b: Floats) -> float:
    return float(a @ b / (math.sqrt(a @ a) * math.sqrt(b @ b)))


def softmax(values: list[float]) -> list[float]:
    total = sum(math.exp(value) for value in values)
    return [math.exp(value) / total for value in values]


def released_alignment(pooled: Floats, present: Bools) -> Floats:
    out = np.zeros((len(pooled), pooled.shape[1], pooled.shape[1]))
    for i, vectors in enumerate(pooled):
        there = np.flatnonzero(present[i])
        for a in there:
            cosines = [cosine(vectors[a], vectors[b]) for b in there]
            row = np.array([c * w for c, w in zip(cosines, softmax(cosines), strict=True)])
            out[i, a, there] = row / math.sqrt(float(row @ row))
    return out


def detached_alignment(pooled: Floats, present: Bools) -> Floats:
    out = np.zeros((len(pooled), pooled.shape[1], pooled.shape[1]))
    for i, vectors in enumerate(pooled):
        there = np.flatnonzero(present[i])
        for a in there:
            out[i, a, there] = len(there) * np.array(softmax([cosine(vectors[a], vectors[b]) for b in there]))
    return out


def paper_alignment(parameter: Floats, present: Bools) -> Floats:
    out = np.zeros_like(parameter)
    for i, table in enumerate(parameter):
        there = np.flatnonzero(present[i])
        for a in there:
            values = [float(table[a, b]) for b in there]
            out[i, a, there] = [v * w for v, w in zip(values, softmax(values), strict=True)]
    return out


def released_contrast(pooled: Floats, present: Bools, alignment: Floats, temperature: float) -> float:
    return _nt_xent(pooled, present, alignment, temperature, both_ways=False)


def detached_contrast(pooled: Floats, present: Bools, alignment: Floats, temperature: float) -> float:
    return _nt_xent(pooled, present, alignment, temperature, both_ways=True)


def _nt_xent(pooled: Floats, present: Bools, alignment: Floats, temperature: float, *, both_ways: bool) -> float:
    def pair(a: int, b: int, rows: list[int]) -> float:
        views = [(i, a) for i in rows] + [(i, b) for i in rows]
        losses = []
        for i, m in views:
            partner = (i, b if m == a else a)
            scale = alignment[i, m, partner[1]] if both_ways else alignment[i, a, b]
            score = {v: math.exp(scale * cosine(pooled[i, m], pooled[v]) / temperature) for v in views if v != (i, m)}
            losses.append(-math.log(score[partner] / sum(score.values())))
        return sum(losses) / len(losses)

    return over_pairs(pair, present)


def paper_contrast(pooled: Floats, present: Bools, alignment: Floats, temperature: float) -> float:
    def one_way(a: int, b: int, rows: list[int]) -> float:
        losses = []
        for i in rows:
            scale = alignment[i, a, b]
            score = {j: math.exp(scale * cosine(pooled[i, a], pooled[j, b]) / temperature) for j in rows}
            losses.append(-math.log(score[i] / sum(value for j, value in score.items() if j != i)))
        return sum(losses) / len(losses)

    return over_pairs(lambda a, b, rows: (one_way(a, b, rows) + one_way(b, a, rows)) / 2, present)


def clip_contrast(pooled: Floats, present: Bools, alignment: Floats, temperature: float) -> float:
    def pair(a: int, b: int, rows: list[int]) -> float:
        losses = []
        for one, other in ((a, b), (b, a)):
            for i in rows:
                scores = [
                    alignment[i, one, other] * cosine(pooled[i, one], pooled[j, other]) / temperature for j in rows
                ]
                losses.append(-math.log(softmax(scores)[rows.index(i)]))
        return sum(losses) / len(losses)

    return over_pairs(pair, present)


def over_pairs(pair: Callable[[int, int, list[int]], float], present: Bools) -> float:
    losses = []
    for a in range(present.shape[1]):
        for b in range(a + 1, present.shape[1]):
            rows = [i for i in range(len(present)) if present[i, a] and present[i, b]]
            if len(rows) > 1:
                losses.append(pair(a, b, rows))
    return sum(losses) / len(losses)


def cross_entropy(logits: Floats, truth: list[int], scale: Floats) -> float:
    losses = [-math.log(softmax(list(row * s))[t]) for row, t, s in zip(logits, truth, scale, strict=True)]
    return sum(losses) / len(losses)


def squared_error(predicted: Floats, truth: Floats, scale: Floats) -> float:
    total = sum(float((row * s - t) @ (row * s - t)) for row, t, s in zip(predicted, truth, scale, strict=True))
    return total / truth.size
