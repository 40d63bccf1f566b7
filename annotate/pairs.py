"""Judgements of product pairs as tasks, and the decision on each pair."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from annotate.answers import encode
from annotate.columns import codes, sorted_values
from annotate.fit import TIE
from annotate.methods import Method, fit

__all__ = ["match_pairs"]

_SIDES = pa.array(["matched", "mismatched"])
"""Labels of a pair's task. ``uncertain`` is none of them: who is uncertain takes no side."""


def match_pairs(judgements: pa.Table, method: Method = "majority", threshold: float = 0.5) -> pa.Table:
    """Return one row a pair, sorted: query, candidate, posterior, decision, votes.

    A pair is one task with the labels matched and mismatched. Answers ``uncertain`` take no side: they are left
    out of the aggregation and count in ``votes`` alone. Rows marked gold are no worker's answers but the gold set:
    the side that more of them take is the pair's true one; where they are even it has none. The posterior is
    that of ``matched``. A pair is decided where one side's posterior is above ``threshold``, else
    ``undecided``: a tie is never broken, and a pair on which nobody took a side is never decided.

    Args:
        judgements: Columns query, candidate, worker, answer, gold.
        method: As in ``aggregate``.
        threshold: 0.5 to below 1.

    Raises:
        UsageError: There is no such method.
    """
    queries, candidates = sorted_values(judgements["query"]), sorted_values(judgements["candidate"])
    pair = codes(judgements["query"], queries).astype(np.int64) * len(candidates)
    pair += codes(judgements["candidate"], candidates)
    pairs, votes = np.unique(pair, return_counts=True)
    by_worker = pc.and_not(pc.is_in(judgements["answer"], _SIDES), judgements["gold"])
    tasks = pa.table({"task": pair, "worker": judgements["worker"], "label": judgements["answer"]}).filter(by_worker)
    answers = encode(tasks, _gold_set(judgements, pair), tasks=pa.array(pairs), labels=_SIDES)
    posterior = fit(answers, method).posteriors[0]
    judged = answers.gold >= 0
    judged[answers.task] = True
    return pa.table(
        {
            "query": queries.take(pa.array(pairs // max(len(candidates), 1))),
            "candidate": candidates.take(pa.array(pairs % max(len(candidates), 1))),
            "posterior": posterior,
            "decision": _decide(posterior, threshold, judged),
            "votes": votes.astype(np.int32),
        }
    )


def _gold_set(judgements: pa.Table, pair: NDArray[np.int64]) -> dict[int, str]:
    gold = judgements["gold"].to_numpy()
    answer = judgements["answer"].filter(judgements["gold"])
    side = pc.equal(answer, "matched").to_numpy().astype(int) - pc.equal(answer, "mismatched").to_numpy()
    pairs, place = np.unique(pair[gold], return_inverse=True)
    balance = np.bincount(place, side, len(pairs))
    return {
        number: "matched" if more > 0 else "mismatched"
        for number, more in zip(pairs.tolist(), balance.tolist(), strict=True)
        if more
    }


def _decide(posterior: NDArray[np.float64], threshold: float, judged: NDArray[np.bool_]) -> NDArray[np.str_]:
    decision = np.where(posterior < 1 - threshold - TIE, "mismatched", "undecided")
    decision[posterior > threshold + TIE] = "matched"
    decision[~judged] = "undecided"
    return decision
