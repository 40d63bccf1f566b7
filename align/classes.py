"""Classes: the first level, and categories that move to another class."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from align.category import Category, Node, NodeKey, make_nodes
from align.merging import LabelReason
from align.names import spelling
from align.pairs import MIN_PROBABILITY, LabelPair
from align.review.effective_decisions import EffectiveDecisions
from core.components import connect

__all__ = [
    "class_reasons",
    "cross_class_pairs",
    "find_moves",
    "make_classes",
    "unused_entries",
]


def make_classes(categories: Iterable[Category], mapping: Mapping[str, str]) -> dict[str, list[Node]]:
    """Return class name -> outermost nodes, both sorted.

    MEP-3M aligned this level by hand (fewer than 20 names per platform), so a mapping decides. Its keys
    are ``source:Name``, which takes precedence, or ``Name`` for all sources. A name without an entry is
    its own class, shared by all sources that use the name.
    """
    classes: dict[str, list[Node]] = {}
    names: dict[str, str] = {}
    for node in make_nodes(categories, 1):
        own = names.setdefault(spelling(node.name), node.name)
        classes.setdefault(mapping.get(_entry(node, mapping) or "", own), []).append(node)
    return dict(sorted(classes.items()))


def class_reasons(nodes: Iterable[Node], mapping: Mapping[str, str]) -> dict[NodeKey, LabelReason]:
    """Return why each outermost node of one class is in it: mapping, same_name or own.

    The partner is the first node of another source; similarities do not apply at this level.
    """
    nodes = tuple(nodes)
    reasons = {}
    for node in nodes:
        partner = next((other for other in nodes if other.source != node.source), None)
        rule = "mapping" if _entry(node, mapping) else "same_name" if partner else "own"
        reasons[node.key] = LabelReason(rule, partner)
    return reasons


def unused_entries(categories: Iterable[Category], mapping: Mapping[str, str]) -> list[str]:
    """Return the keys of a mapping that name no outermost category, sorted."""
    named = {key for source, path in categories for key in (f"{source}:{path[0]}", path[0])}
    return sorted(set(mapping) - named)


def _entry(node: Node, mapping: Mapping[str, str]) -> str | None:
    """Return the key of the mapping that applies to a node."""
    names = dict.fromkeys((node.name, *(category.path[-1] for category in node.own)))
    keys = (*(f"{node.source}:{name}" for name in names), *names)
    return next((key for key in keys if key in mapping), None)


def find_moves(
    joined: Iterable[tuple[Category, Category]], class_of: Mapping[Category, str], sizes: Mapping[Category, int]
) -> dict[Category, str]:
    """Return second-level category -> new class, for categories that were joined across classes.

    A label belongs to one class: the class with most products among the joined categories, or the
    alphabetically smaller of two with equally many.

    Args:
        joined: Pairs of second-level categories that are one label.
        class_of: Second-level category -> class by its outermost category.
        sizes: Second-level category -> number of products in it and below.
    """
    pairs = list(joined)
    members = sorted({category for pair in pairs for category in pair})
    number = {category: place for place, category in enumerate(members)}
    group_of = connect((number[a], number[b]) for a, b in pairs)
    products: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for place, group in group_of.items():
        products[group][class_of[members[place]]] += sizes.get(members[place], 0)
    chosen = {group: min(sums.items(), key=lambda entry: (-entry[1], entry[0]))[0] for group, sums in products.items()}
    return {
        members[place]: chosen[group] for place, group in group_of.items() if chosen[group] != class_of[members[place]]
    }


def cross_class_pairs(
    pairs: Sequence[LabelPair], class_of: Mapping[Category, str], decided: EffectiveDecisions
) -> list[tuple[Category, Category]]:
    """Return the pairs across classes that are one label by the learned rule.

    A pair with a probability of one half or more has no stronger rival in any class, so a category leaves
    its class only for an equal category, not for a related one. Pairs that a person rejected are excluded.
    """
    found = []
    for pair in pairs:
        a, b = pair.a.own[0], pair.b.own[0]
        probable = pair.probability is not None and pair.probability >= MIN_PROBABILITY
        if probable and class_of[a] != class_of[b] and decided.same_label(a, b) is not False:
            found.append((a, b))
    return found
