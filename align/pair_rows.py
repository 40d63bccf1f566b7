"""The table ``label_pairs``: every pair that was judged."""

from collections import Counter
from collections.abc import Iterable

import pyarrow as pa

from align.category import Category
from align.hierarchy import Hierarchy, JudgedPair
from storage.tables import TABLES

__all__ = ["make_label_pairs"]

_SCHEMA = TABLES["label_pairs"].schema


def make_label_pairs(hierarchy: Hierarchy) -> pa.Table:
    """Return the rows of ``label_pairs``, sorted by its key.

    A node that stands for several categories of its source appears by the first of them. Doubt is
    1 at the threshold: by the learned rule 1 - |2p - 1|, by the published one
    1 - |S_content - threshold|; 0 where a person decided. While the learned rule has nothing to learn from,
    pairs take turns by the tenth that their S_content lies in, so that the first ones are of all kinds.
    """
    doubts = _teaching_order(hierarchy) if hierarchy.untaught else {}
    rows = {_key(one): _row(one, hierarchy.threshold, doubts.get(id(one))) for one in hierarchy.judged}
    return pa.Table.from_pylist([rows[key] for key in sorted(rows)], schema=_SCHEMA)


def _teaching_order(hierarchy: Hierarchy) -> dict[int, float]:
    """Return pair (by identity) -> doubt, for pairs that a rule is to learn from."""
    seen: Counter[int] = Counter()
    doubts = {}
    for one in sorted(hierarchy.judged, key=lambda one: (_doubt(one, hierarchy.threshold), _key(one)), reverse=True):
        tenth = min(int(one.pair.s_content * 10), 9)
        seen[tenth] += 1
        doubts[id(one)] = 1 / seen[tenth]
    return doubts


def _ends(one: JudgedPair) -> tuple[Category, Category]:
    a, b = one.pair.a.own[0], one.pair.b.own[0]
    return a, b


def _key(one: JudgedPair) -> tuple[str, str, str, str]:
    a, b = _ends(one)
    return a.source, a.text, b.source, b.text


def _row(one: JudgedPair, threshold: float, doubt: float | None) -> dict[str, object]:
    a, b = _ends(one)
    pair = one.pair
    return {
        **dict(zip(("source_a", "path_a", "source_b", "path_b"), _key(one), strict=True)),
        "category_a": list(a.path),
        "category_b": list(b.path),
        "s_label": pair.s_label,
        "s_content": pair.s_content,
        "probability": pair.probability,
        "relation": pair.relation if pair.probability is not None else _relation(one),
        "merged": one.verdict == "merged",
        "doubt": 0.0 if one.rule.startswith("person:") else _doubt(one, threshold) if doubt is None else doubt,
        "evidence": list(pair.evidence) or _scores(one, threshold),
        "rule": one.rule,
    }


def _relation(one: JudgedPair) -> str:
    """Return what the published rule, which knows only one relation, says."""
    return "same" if one.verdict == "merged" else "other"


def _doubt(one: JudgedPair, threshold: float) -> float:
    if one.pair.probability is not None:
        return 1 - abs(2 * one.pair.probability - 1)
    return max(0.0, 1 - abs(one.pair.s_content - threshold))


def _scores(one: JudgedPair, threshold: float) -> Iterable[str]:
    return [f"S_content {one.pair.s_content:.3f}, wanted above {threshold:.3f}", f"S_label {one.pair.s_label:.3f}"]
