"""One decision per product pair, and the pairs that decided pairs imply."""

import logging
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from annotate.aggregation.aggregate import fit
from annotate.aggregation.encoding import codes, encode, sorted_values
from annotate.aggregation.fit import TIE
from annotate.settings import Method
from core.arrow_input import ArrowStream, read_columns

__all__ = ["TRANSITIVE_PAIRS", "find_contradictions", "find_transitive_pairs", "match_pairs"]

_LOG = logging.getLogger(__name__)

_SCHEMA = pa.schema(
    [*((name, pa.string()) for name in ("query", "candidate", "worker", "answer")), ("gold", pa.bool_())]
)
_SIDES = pa.array(["matched", "mismatched"])
"""Labels of the task of a pair; ``uncertain`` is not a label."""
TRANSITIVE_PAIRS = pa.schema(
    [("query", pa.string()), ("candidate", pa.string()), ("through", pa.string()), ("implied", pa.string()),
     ("decision", pa.string())]
)  # fmt: skip
"""One row per implied pair: ``through`` is the product that both were compared with, null if the answers to one
direction of the pair imply it; ``implied`` is matched or mismatched, ``decision`` is that of the pair's own judgements:
undecided, the opposite, or null without any."""


def match_pairs(judgements: ArrowStream, method: Method = "majority", threshold: float = 0.5) -> pa.Table:
    """Return one row per judged query and candidate, sorted: query, candidate, posterior, decision, votes.

    A pair is a task with the labels matched and mismatched. Whether A is B is the same question as whether B is A:
    both directions are one task, and their rows have the same posterior, decision and votes. Answers ``uncertain``
    count only in ``votes`` and not in the aggregation. Rows marked gold are the gold set and not answers of workers:
    their majority is the true label of the pair, and a tie gives none. The posterior is that of ``matched``. A pair is
    decided if the posterior of one label exceeds ``threshold``, otherwise ``undecided``; a tie is never
    broken, and a pair with only uncertain answers is never decided.

    Args:
        judgements: A table of pyarrow, pandas, polars or DuckDB with the columns query, candidate, worker,
            answer and gold.
        method: As in ``aggregate``.
        threshold: 0.5 to below 1.

    Raises:
        DataError: A column is missing.
        UsageError: The method is unknown.
    """
    pairs = _Pairs.of(read_columns(judgements, _SCHEMA.names, "judgements").cast(_SCHEMA))
    asked, votes = np.unique(pairs.pair, return_counts=True)
    posterior, decision = _decide_tasks(pairs.table, pairs.pair, method, threshold)
    directions, first = np.unique(pairs.direction, return_index=True)
    place = np.searchsorted(asked, pairs.pair[first])
    return pa.table(
        {
            "query": pairs.products.take(pa.array(directions // pairs.size)),
            "candidate": pairs.products.take(pa.array(directions % pairs.size)),
            "posterior": posterior[place],
            "decision": decision[place],
            "votes": votes[place].astype(np.int32),
        }
    )


def find_contradictions(judgements: ArrowStream, method: Method = "majority", threshold: float = 0.5) -> pa.Table:
    """Return the pairs whose two directions, each decided alone by the majority, contradict each other.

    Args:
        judgements: As for ``match_pairs``.
        method: As for ``match_pairs``.
        threshold: As for ``match_pairs``.

    Returns:
        Two rows of ``TRANSITIVE_PAIRS`` per pair, with query < candidate, sorted.
    """
    pairs = _Pairs.of(read_columns(judgements, _SCHEMA.names, "judgements").cast(_SCHEMA))
    _, first = np.unique(pairs.direction, return_index=True)
    _, alone = _decide_tasks(pairs.table, pairs.direction, "majority", 0.5)
    asked = np.unique(pairs.pair)
    _, together = _decide_tasks(pairs.table, pairs.pair, method, threshold)
    decided: dict[int, set[str]] = {}
    for pair, decision in zip(pairs.pair[first].tolist(), alone.tolist(), strict=True):
        decided.setdefault(pair, set()).add(decision)
    rows = [
        {
            "query": pairs.products[pair // pairs.size].as_py(),
            "candidate": pairs.products[pair % pairs.size].as_py(),
            "through": None,
            "implied": side,
            "decision": str(together[np.searchsorted(asked, pair)]),
        }
        for pair, sides in sorted(decided.items())
        if {"matched", "mismatched"} <= sides
        for side in ("matched", "mismatched")
    ]
    return pa.Table.from_pylist(rows, schema=TRANSITIVE_PAIRS)


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Judgements with the numbers of their pairs."""

    table: pa.Table
    products: pa.Array
    """[P] products, sorted."""
    direction: NDArray[np.int64]
    """[N] query times P plus candidate, as places in ``products``."""
    pair: NDArray[np.int64]
    """[N] the same for both directions: that of query < candidate."""

    @classmethod
    def of(cls, table: pa.Table) -> "_Pairs":
        """Number the pairs of a table."""
        products = sorted_values(table["query"], table["candidate"])
        query, candidate = (codes(table[name], products).astype(np.int64) for name in ("query", "candidate"))
        size = max(len(products), 1)
        pair = np.minimum(query, candidate) * size + np.maximum(query, candidate)
        return cls(table, products, query * size + candidate, pair)

    @property
    def size(self) -> int:
        """P, at least 1."""
        return max(len(self.products), 1)


def _decide_tasks(
    table: pa.Table, task: NDArray[np.int64], method: Method, threshold: float
) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    """Return the posterior of ``matched`` and the decision of each task, sorted."""
    tasks = np.unique(task)
    by_worker = pc.and_not(pc.is_in(table["answer"], _SIDES), table["gold"])
    sided = pa.table({"task": task, "worker": table["worker"], "label": table["answer"]}).filter(by_worker)
    answers = encode(sided, _gold_set(table, task), tasks=pa.array(tasks), labels=_SIDES)
    found = fit(answers, method)
    if not found.converged:
        _LOG.warning("annotate: %s has not converged; compare its decisions with --method majority.", method)
    if found.switched:
        _LOG.warning(
            "annotate: by %s, most answers say the opposite of what they mean. Compare with --method majority, or add "
            "gold.",
            method,
        )
    judged = answers.gold >= 0
    judged[answers.task] = True
    return found.posteriors[0], _decide(found.posteriors[0], threshold, judged)


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
    """Return the pairs that follow from two decided pairs with a common product, unless already decided that way.

    A = B and B = C imply A = C; A = B and B != C imply A != C. If a pair is implied both ways, or against its
    own decision, some judgement is wrong, and both rows are returned. This is one step of the transitive
    closure: implied pairs imply nothing until they are judged.

    Args:
        matches: query, candidate, decision.

    Returns:
        Rows of ``TRANSITIVE_PAIRS`` with query < candidate, sorted; ``through`` is the smallest of several.
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


def _pair(one: str, two: str) -> tuple[str, str]:
    return (one, two) if one < two else (two, one)
