"""The table ``label_map``: what each category path of each source became."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from align.category import Category
from align.ids import keep_ids
from align.label_tree import Label
from align.merging import Tie
from align.nodes import Node
from storage.tables import TABLES

__all__ = ["make_label_map"]

_SCHEMA = TABLES["label_map"].schema
_ID_COLUMNS = ("class_id", "sub_class_id", "subsub_class_id")
_NAME_COLUMNS = ("class_name", "sub_class_name", "subsub_class_name")


@dataclass(frozen=True, slots=True)
class _Numbered:
    """A label with its place in the hierarchy."""

    label: Label
    ids: tuple[int, ...]
    """Its id and those above it, outermost first."""
    names: tuple[str, ...]


def make_label_map(classes: Sequence[Label], previous: pa.Table | None = None) -> pa.Table:
    """Return the rows of ``label_map``: one a category, ancestors included, sorted by its key.

    Ids count from 0 at each level, over all classes. Labels that the previous map knows keep their
    ids; new ones follow in the order of their names (``keep_ids``). A row's partner, scores and
    rule are those of the deepest level that its labels reach.

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
    """Give the labels of one level their ids."""
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
    """Yield the rows that a label decides: those of its nodes that no child decides."""
    label, depth = numbered.label, len(numbered.ids)
    ids = dict(zip(_ID_COLUMNS, (*numbered.ids, -1, -1), strict=False))
    names = dict(zip(_NAME_COLUMNS, (*numbered.names, "", ""), strict=False))
    for node in label.nodes:
        for category in node.categories:
            if len(category.path) == depth or not label.children:
                yield {**_name(category), **ids, **names, **_reason(label.ties[node.key])}


def _name(category: Category) -> dict[str, object]:
    return {"source": category.source, "path": category.text, "category": list(category.path)}


def _reason(tie: Tie) -> dict[str, object]:
    partner: Node | None = tie.partner
    return {
        "partner": None if partner is None else partner.own[0].text,
        "s_label": tie.s_label,
        "s_content": tie.s_content,
        "rule": tie.rule,
    }
