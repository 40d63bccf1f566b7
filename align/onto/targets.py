"""The node of every tree for each category: table ``targets``."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from align.catalogue import Facts, read_specs, read_titles
from align.category import Category, with_ancestors
from align.onto.node_texts import Ends, make_ends
from align.onto.target_tree import TargetNode, TargetTree
from align.onto.tree_features import TREE_FEATURES
from align.onto.tree_rule import Judged, judge
from align.review.effective_decisions import EffectiveDecisions
from core.errors import SettingsError
from core.records import Reject
from storage import Stage
from storage.tables import TABLES

__all__ = ["Target", "map_onto", "write_targets"]

_CHARACTERS = 4_000
"""Characters of titles that are read for each category."""
_ALTERNATIVES = 3
_SHOWN = 4
"""Lines of evidence."""


@dataclass(frozen=True, slots=True)
class Target:
    """The node of a tree to which a category belongs."""

    category: Category
    node: TargetNode
    probability: float
    """1 where a person chose the node."""
    rule: str
    """``learned`` or ``person:NAME``."""
    evidence: tuple[str, ...]
    """What spoke for and against the node, strongest first."""
    alternatives: tuple[str, ...]
    """Paths of the next nodes in text form, likeliest first."""


def map_onto(
    categories: Iterable[Category],
    titles: Mapping[Category, Sequence[str]],
    facts: Facts,
    tree: TargetTree,
    decided: EffectiveDecisions,
) -> list[Target]:
    """Return the node of a tree for each category and each of its ancestors, sorted by category.

    Names, paths, neighbours in both trees, titles and specifications are compared; a category may belong to an inner
    node. A person's choice is final, also guides the categories around it, and those with similar names and titles.

    Args:
        categories: Valid categories of all shops.
        titles: Titles of the products directly in each category.
        facts: Specifications of the categories.
        tree: Published tree.
        decided: Decisions of people; those on other trees and unknown nodes have no effect.
    """
    every = list(with_ancestors(categories))
    if not every:
        return []
    row, place = ({one: number for number, one in enumerate(listed)} for listed in (every, _paths(tree)))
    people = {
        row[category]: (place[decision.b.path], decision.reviewer)
        for (category, name), decision in decided.targets.items()
        if name == tree.name and category in row and decision.b is not None and decision.b.path in place
    }
    ends = make_ends(every, titles, facts, tree)
    judged = judge(ends, {category: node for category, (node, _) in people.items()})
    return list(_targets(ends, judged, {category: reviewer for category, (_, reviewer) in people.items()}))


def _paths(tree: TargetTree) -> list[tuple[str, ...]]:
    return [node.path for node in tree.nodes]


def _targets(ends: Ends, judged: Judged, people: Mapping[int, str]) -> Iterator[Target]:
    pairs, nodes = judged.pairs, ends.tree.nodes
    starts = np.searchsorted(pairs.left, np.arange(ends.count + 1))
    parts = judged.model.contributions(pairs.features)
    for place, category in enumerate(ends.categories):
        start, end = int(starts[place]), int(starts[place + 1])
        if start == end:
            continue
        order = start + np.argsort(-judged.chances[start:end], kind="stable")
        best, *others = order[: 1 + _ALTERNATIVES].tolist()
        yield Target(
            category,
            nodes[int(pairs.right[best])],
            float(judged.chances[best]),
            f"person:{people[place]}" if place in people else "learned",
            tuple(_evidence(parts[best], pairs.features[best])),
            tuple(nodes[int(pairs.right[other])].text for other in others),
        )


def _evidence(parts: Sequence[float], features: Sequence[float]) -> Iterator[str]:
    texts = list(TREE_FEATURES.values())
    for place in np.argsort(-np.abs(np.asarray(parts)), kind="stable")[:_SHOWN].tolist():
        if parts[place]:
            yield f"{parts[place]:+.1f} {texts[place]}: {features[place]:.2f}"


def write_targets(
    stage: Stage, sizes: Mapping[Category, int], trees: Sequence[TargetTree], decided: EffectiveDecisions
) -> list[Reject]:
    """Write ``targets``: a row for each category, ancestor and tree; none without trees.

    Args:
        stage: The running stage.
        sizes: Valid category -> number of products directly in it.
        trees: Published trees.
        decided: Decisions of people.

    Returns:
        The categories that have nothing in common with a tree, and the decisions on targets that cannot be applied.

    Raises:
        SettingsError: A tree has the name of a source.
    """
    sources = {category.source for category in sizes}
    for tree in trees:
        if tree.name in sources:
            raise SettingsError(f"align.onto.{tree.name}: a source has this name; give the tree another one.")
    rows: list[dict[str, object]] = []
    if trees:
        with closing(stage.before.connection(("products", "duplicates", "specs"))) as connection:
            facts = Facts(specs=read_specs(connection))
            titles = read_titles(connection, _CHARACTERS, sizes)
        rows = [_row(tree, one) for tree in trees for one in map_onto(sizes, titles, facts, tree, decided)]
    rows.sort(key=lambda row: (row["source"], row["path"], row["target"]))
    stage.write("targets", pa.Table.from_pylist(rows, schema=TABLES["targets"].schema))
    return [*_without_node(rows, sizes, trees), *_unused(decided, sizes, trees)]


def _without_node(
    rows: Iterable[Mapping[str, object]], sizes: Iterable[Category], trees: Iterable[TargetTree]
) -> Iterator[Reject]:
    mapped = {(row["source"], row["path"], row["target"]) for row in rows}
    for tree in trees:
        for one in sorted(sizes):
            if (one.source, one.text, tree.name) not in mapped:
                item = f"{one.source}:{one.text} ~ {tree.name}"
                yield Reject(item, "no_node", "it has no word in common with the tree; choose a node in the review")


def _row(tree: TargetTree, one: Target) -> dict[str, object]:
    return {
        "source": one.category.source,
        "path": one.category.text,
        "target": tree.name,
        "category": list(one.category.path),
        "node_id": one.node.id,
        "node": one.node.text,
        "node_path": list(one.node.path),
        "probability": one.probability,
        "rule": one.rule,
        "evidence": list(one.evidence),
        "alternatives": list(one.alternatives),
    }


def _unused(decided: EffectiveDecisions, sizes: Iterable[Category], trees: Iterable[TargetTree]) -> Iterator[Reject]:
    """Yield the decisions on targets that name no category, tree or node."""
    known, paths = set(with_ancestors(sizes)), {tree.name: set(_paths(tree)) for tree in trees}
    for (category, name), decision in sorted(decided.targets.items()):
        item = f"decision:{category.source}:{category.text} ~ {name}:{decision.b.text if decision.b else ''}"
        if name not in paths:
            yield Reject(item, "unknown_category", f"align.onto names no tree {name}")
        elif category not in known:
            yield Reject(item, "unknown_category", "a decision names this category, which does not exist")
        elif decision.b is None or decision.b.path not in paths[name]:
            yield Reject(item, "unknown_category", f"the tree {name} has no such node")
