"""The first level: which class a source's outermost category is."""

from collections.abc import Iterable, Mapping

from align.category import Category
from align.merging import Tie
from align.nodes import Node, NodeKey, make_nodes

__all__ = ["make_classes", "tie_classes", "unused_entries"]


def make_classes(categories: Iterable[Category], mapping: Mapping[str, str]) -> dict[str, list[Node]]:
    """Return the classes by name, sorted, each with its outermost nodes, sorted.

    MEP-3M aligned this level by hand (fewer than 20 names a platform), so a mapping decides; its
    keys are ``source:Name``, or ``Name`` for all sources, the former first. A name that the mapping
    does not hold is a class of its own, shared with every source that uses the same name.
    """
    classes: dict[str, list[Node]] = {}
    for node in make_nodes(categories, 1):
        classes.setdefault(mapping.get(_entry(node, mapping) or "", node.name), []).append(node)
    return dict(sorted(classes.items()))


def tie_classes(nodes: Iterable[Node], mapping: Mapping[str, str]) -> dict[NodeKey, Tie]:
    """Return why each outermost node of one class is in it: mapping, same_name or own.

    The partner is the first node of another source; no similarity is taken at this level.
    """
    nodes = tuple(nodes)
    ties = {}
    for node in nodes:
        partner = next((other for other in nodes if other.source != node.source), None)
        rule = "mapping" if _entry(node, mapping) else "same_name" if partner else "own"
        ties[node.key] = Tie(rule, partner)
    return ties


def unused_entries(categories: Iterable[Category], mapping: Mapping[str, str]) -> list[str]:
    """Return the keys of a mapping that name no outermost category, sorted."""
    named = {key for source, path in categories for key in (f"{source}:{path[0]}", path[0])}
    return sorted(set(mapping) - named)


def _entry(node: Node, mapping: Mapping[str, str]) -> str | None:
    """Return the key of the mapping that speaks of a node."""
    return next((key for key in (f"{node.source}:{node.name}", node.name) if key in mapping), None)
