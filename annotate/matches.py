"""One decision per product pair, and the pairs that decided pairs imply."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from annotate.aggregation.aggregate import fit
from annotate.aggregation.encoding import codes, encode, sorted_values
from annotate.aggregation.fit import TIE
from annotate.settings import Method

__all__ = ["TRANSITIVE_PAIRS", "find_transitive_pairs", "match_pairs"]

_SIDES = pa.array(["matched", "mismatched"])
"""Labels of a pair's task. ``uncertain`` is none of them: who is uncertain takes no side."""
TRANSITIVE_PAIRS = pa.schema(
    [("query", pa.string()), ("candidate", pa.string()), ("through", pa.string()), ("implied", pa.string()),
     ("decision", pa.string())]
)  # fmt: skip
"""One row an implied pair: ``through`` is the product that both were compared with, ``implied`` matched or mismatched,
``decision`` what the pair's own judgements say: undecided, the opposite, or null where nobody judged it."""
Pair = tuple[str, str]


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


def find_transitive_pairs(matches: pa.Table) -> pa.Table:
    """Return the pairs that two decided pairs with a product in common imply, and that are not decided so.

    A = B and B = C imply A = C; A = B and B != C imply A != C. Where a pair is implied both ways, or against its own
    decision, some judgement is wrong: both rows are there to be looked at. One step only: what is implied by implied
    pairs is not shown until those are judged.

    Args:
        matches: query, candidate, decision.

    Returns:
        ``CONSEQUENCES``, query < candidate, sorted; of several products that imply the same, the smallest.
    """
    decided = {_pair(row["query"], row["candidate"]): row["decision"] for row in matches.to_pylist()}
    same: dict[str, set[str]] = {}
    other: dict[str, set[str]] = {}
    for (one, two), decision in decided.items():
        side = same if decision == "matched" else other if decision == "mismatched" else None
        if side is not None:
            side.setdefault(one, set()).add(two)
            side.setdefault(two, set()).add(one)
    found: dict[tuple[str, str, str], str] = {}
    for middle in sorted(same):
        for implied, ends in (("matched", same[middle]), ("mismatched", other.get(middle, set()))):
            for one in same[middle]:
                for two in ends - {one}:
                    found.setdefault((*_pair(one, two), implied), middle)
    rows = [
        {"query": one, "candidate": two, "through": middle, "implied": implied, "decision": decided.get((one, two))}
        for (one, two, implied), middle in sorted(found.items())
        if decided.get((one, two)) != implied
    ]
    return pa.Table.from_pylist(rows, schema=TRANSITIVE_PAIRS)


def _pair(one: str, two: str) -> Pair:
    return (one, two) if one < two else (two, one)
