"""What the matches imply, for a person to judge: proposed, never assumed."""

import pyarrow as pa

__all__ = ["CONSEQUENCES", "find_consequences"]

CONSEQUENCES = pa.schema(
    [("query", pa.string()), ("candidate", pa.string()), ("through", pa.string()), ("implied", pa.string()),
     ("decision", pa.string())]
)  # fmt: skip
"""One row an implied pair: ``through`` is the product that both were compared with, ``implied`` matched or mismatched,
``decision`` what the pair's own judgements say: undecided, the opposite, or null where nobody judged it."""

Pair = tuple[str, str]


def find_consequences(matches: pa.Table) -> pa.Table:
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
    return pa.Table.from_pylist(rows, schema=CONSEQUENCES)


def _pair(one: str, two: str) -> Pair:
    return (one, two) if one < two else (two, one)
