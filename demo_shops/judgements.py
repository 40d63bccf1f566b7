"""Answers of annotators who compared listings: the same product or not."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from annotate.judgements import Answer, Judgement
from demo_shops.listings import Listing

__all__ = ["Pair", "choose_pairs", "judge", "write_csv"]

_WORKERS = tuple(f"w{n}" for n in range(1, 9))
_PER_PAIR = 5
_GOLD_EVERY = 10
"""One pair in this many also has the true answer, from the gold set."""
_ERRORS = (0.45, 0.35, 0.2)
"""Shares of pairs with no, one and two untrue answers; the majority is always right."""
_MISMATCHED_SHARE = 0.5
"""Pairs of different products per pair of the same product."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two listings that annotators compared, and the truth."""

    query: str
    candidate: str
    same: bool


def choose_pairs(listings: Sequence[Listing], rng: np.random.Generator) -> list[Pair]:
    """Return all pairs of listings of the same product, and half as many of different products of one kind.

    Copies are left out, because they are later dropped as duplicates.
    """
    bases = [one for one in listings if one.base is None]
    pairs = list(combinations(bases, 2))
    same = [Pair(a.product_id, b.product_id, same=True) for a, b in pairs if a.product == b.product]
    close = [(a, b) for a, b in pairs if a.product.kind == b.product.kind and a.product != b.product]
    chosen = rng.permutation(len(close))[: round(_MISMATCHED_SHARE * len(same))]
    other = [Pair(close[i][0].product_id, close[i][1].product_id, same=False) for i in map(int, chosen)]
    return sorted(same + other, key=lambda pair: (pair.query, pair.candidate))


def _answers(pair: Pair, rng: np.random.Generator) -> list[Answer]:
    truth: Answer = "matched" if pair.same else "mismatched"
    wrong: Answer = "mismatched" if pair.same else "matched"
    errors = int(rng.choice(len(_ERRORS), p=_ERRORS))
    answers: list[Answer] = [truth] * (_PER_PAIR - errors)
    answers += [("uncertain" if rng.random() < 0.4 else wrong) for _ in range(errors)]
    return [answers[i] for i in map(int, rng.permutation(_PER_PAIR))]


def judge(pairs: Sequence[Pair], rng: np.random.Generator) -> list[Judgement]:
    """Return five workers' answers for each pair, in the pairs' order, with gold answers by worker ``gold``."""
    found = []
    for number, pair in enumerate(pairs):
        workers = sorted(map(int, rng.permutation(len(_WORKERS))[:_PER_PAIR]))
        for worker, answer in zip(workers, _answers(pair, rng), strict=True):
            found.append(Judgement(pair.query, pair.candidate, _WORKERS[worker], answer))
        if number % _GOLD_EVERY == 0:
            truth: Answer = "matched" if pair.same else "mismatched"
            found.append(Judgement(pair.query, pair.candidate, "gold", truth, gold=True))
    return found


def write_csv(judgements: Sequence[Judgement]) -> str:
    """Return the content of the judgements file that ``m5data annotate import`` reads."""
    rows = [f"{j.query},{j.candidate},{j.worker},{j.answer},{str(j.gold).lower()}" for j in judgements]
    return "\n".join(["query,candidate,worker,answer,gold", *rows]) + "\n"
