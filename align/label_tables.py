"""The tables ``label_map`` and ``label_pairs``."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

import pyarrow as pa

from align.category import Category, Node
from align.hierarchy import Hierarchy, JudgedPair, Label
from align.merging import LabelReason
from align.pair_features import FEATURES
from storage.tables import TABLES

__all__ = ["keep_ids", "make_label_map", "make_label_pairs"]

_SCHEMA = TABLES["label_map"].schema
_ID_COLUMNS = ("class_id", "sub_class_id", "subsub_class_id")
_NAME_COLUMNS = ("class_name", "sub_class_name", "subsub_class_name")
_PAIR_SCHEMA = TABLES["label_pairs"].schema


def keep_ids(groups: Sequence[Iterable[Category]], previous: Mapping[Category, int]) -> list[int]:
    """Return an id for each group of categories, keeping the ids of the previous run.

    An id follows its categories. In ascending order, each id goes to the group without an id that holds
    most of its categories; ties go to the earlier group. So a merged group keeps the smaller id, and the
    larger part of a split group keeps its id. Other groups get new ids in order, above all ids of the
    previous run, or from 0 in the first run.

    Args:
        groups: The categories of each label.
        previous: Category -> id in the previous run.
    """
    places = {category: place for place, group in enumerate(groups) for category in group}
    votes = Counter((number, places[category]) for category, number in previous.items() if category in places)
    kept: dict[int, int] = {}
    # By id, then by number of categories, most first, then by place.
    for number, place in sorted(votes, key=lambda vote: (vote[0], -votes[vote], vote[1])):
        if place not in kept and number not in kept.values():
            kept[place] = number
    new = count(max(previous.values(), default=-1) + 1)
    return [kept[place] if place in kept else next(new) for place in range(len(groups))]


@dataclass(frozen=True, slots=True)
class _Numbered:
    """A label with the ids and names of its levels."""

    label: Label
    ids: tuple[int, ...]
    """Ids of its levels, outermost first."""
    names: tuple[str, ...]


def make_label_map(classes: Sequence[Label], previous: pa.Table | None = None) -> pa.Table:
    """Return the rows of ``label_map``, one per category and ancestor, sorted by the key.

    Ids count from 0 at each level, over all classes. Labels of the previous map keep their ids; new
    labels follow in the order of their names (``keep_ids``). The partner, scores and rule of a row are
    those of the deepest level that its labels reach.

    Args:
        classes: The hierarchy, sorted by name at each level.
        previous: ``label_map`` of the previous run, None in the first.
    """
    levels = [_number([((), (), label) for label in classes], 1, previous)]
    for depth in (2, 3):
        below = [(above.ids, above.names, child) for above in levels[-1] for child in above.label.children]
        levels.append(_number(below, depth, previous))
    rows = [row for level in levels for numbered in level for row in _rows(numbered)]
    return pa.Table.from_pylist(sorted(rows, key=lambda row: (row["source"], row["path"])), schema=_SCHEMA)


def _number(
    labels: Sequence[tuple[tuple[int, ...], tuple[str, ...], Label]], depth: int, previous: pa.Table | None
) -> list[_Numbered]:
    """Assign ids to the labels of one level."""
    members = [[category for node in label.nodes for category in node.own] for _, _, label in labels]
    ids = keep_ids(members, _previous_ids(previous, depth))
    return [
        _Numbered(label, (*above, number), (*names, label.name))
        for (above, names, label), number in zip(labels, ids, strict=True)
    ]


def _previous_ids(previous: pa.Table | None, depth: int) -> dict[Category, int]:
    """Return category -> id at one level of the previous map."""
    if previous is None:
        return {}
    column = _ID_COLUMNS[depth - 1]
    rows = previous.select(["source", "category", column]).to_pylist()
    return {
        Category(row["source"], tuple(row["category"])): row[column]
        for row in rows
        if len(row["category"]) == depth and row[column] >= 0
    }


def _rows(numbered: _Numbered) -> Iterator[dict[str, object]]:
    """Yield the rows of a label: its categories that no child covers."""
    label, depth = numbered.label, len(numbered.ids)
    ids = dict(zip(_ID_COLUMNS, (*numbered.ids, -1, -1), strict=False))
    names = dict(zip(_NAME_COLUMNS, (*numbered.names, "", ""), strict=False))
    for node in label.nodes:
        for category in node.categories:
            if len(category.path) == depth or not label.children:
                yield {**_name(category), **ids, **names, **_reason(label.reasons[node.key])}


def _name(category: Category) -> dict[str, object]:
    return {"source": category.source, "path": category.text, "category": list(category.path)}


def _reason(tie: LabelReason) -> dict[str, object]:
    partner: Node | None = tie.partner
    return {
        "partner": None if partner is None else partner.own[0].text,
        "s_label": tie.s_label,
        "s_content": tie.s_content,
        "rule": tie.rule,
    }


def make_label_pairs(hierarchy: Hierarchy) -> pa.Table:
    """Return the rows of ``label_pairs``, sorted by its key.

    A node with several categories appears under the first of them. The column doubt is 1 at the
    threshold and 0 if a person decided: 1 - |2p - 1| by the learned rule, 1 - |S_content - threshold| by
    the published one.
    """
    rows = {_key(one): _pair_row(one, hierarchy.threshold) for one in hierarchy.judged}
    return pa.Table.from_pylist([rows[key] for key in sorted(rows)], schema=_PAIR_SCHEMA)


def _ends(one: JudgedPair) -> tuple[Category, Category]:
    a, b = one.pair.a.own[0], one.pair.b.own[0]
    return a, b


def _key(one: JudgedPair) -> tuple[str, str, str, str]:
    a, b = _ends(one)
    return a.source, a.text, b.source, b.text


def _pair_row(one: JudgedPair, threshold: float) -> dict[str, object]:
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
        "merged": one.outcome == "merged",
        "doubt": 0.0 if one.rule.startswith("person:") else _doubt(one, threshold),
        "evidence": list(pair.evidence) or _scores(one, threshold),
        "rule": one.rule,
    }


def _relation(one: JudgedPair) -> str:
    """Return the relation by the published rule, which only knows ``same``."""
    return "same" if one.outcome == "merged" else "other"


def _doubt(one: JudgedPair, threshold: float) -> float:
    if one.pair.probability is not None:
        return 1 - abs(2 * one.pair.probability - 1)
    return max(0.0, 1 - abs(one.pair.s_content - threshold))


def _scores(one: JudgedPair, threshold: float) -> Iterable[str]:
    pair = one.pair
    return [
        f"{pair.s_content - threshold:+.3f} {FEATURES['content']}: {pair.s_content:.3f}",
        f"{FEATURES['name']}: {pair.s_label:.3f}",
    ]
