"""Names of properties: which names of which shops mean the same."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt
from unicodedata import normalize

from align.label_similarity import label_similarity
from align.properties.values import normal_value

__all__ = ["PropertyUse", "align_properties"]

PropertyKey = tuple[str, str]
"""Source, and name as published."""
_ALIKE_NAMES = 0.5
_SHARED_BY_ALIKE = 0.3
_SHARED_BY_UNLIKE = 0.8
_TELLING = 3
"""Values in common, without which unlike names are never joined: 是 and 否 are in many properties."""
_BRACKETS = re.compile(r"[((\[【].*?[))\]】]")


@dataclass(frozen=True, slots=True)
class PropertyUse:
    """How one source uses one property name."""

    source: str
    name: str
    """As published."""
    values: Mapping[str, int]
    """Values as published -> products; the commonest are enough."""

    @property
    def key(self) -> PropertyKey:
        """What names it."""
        return self.source, self.name


def align_properties(
    uses: Iterable[PropertyUse], together: Collection[tuple[PropertyKey, PropertyKey]] = ()
) -> dict[PropertyKey, str]:
    """Return property -> shared name.

    Names that differ only in case, width, spaces or brackets are one. Others are joined, best first, when
    the names are alike (S_label of at least .5) and the cosine of their values is at least .3; or, whatever
    the names, when it is at least .8 and three values are shared. Two names that one product has both are
    never joined, not through a third either. The shared name is the one of most products.

    Args:
        uses: Each property of each source once.
        together: Pairs of properties that stand in one product's table, in either order.
    """
    uses = sorted(uses, key=lambda use: use.key)
    apart = {frozenset(pair) for pair in together}
    groups: dict[PropertyKey, set[PropertyKey]] = {use.key: {use.key} for use in uses}
    bags = {use.key: _bag(use) for use in uses}
    for _, one, other in sorted(_joins(uses, bags)):
        mine, theirs = groups[one], groups[other]
        if mine is not theirs and not any(frozenset((a, b)) in apart for a in mine for b in theirs):
            mine |= theirs
            groups.update(dict.fromkeys(theirs, mine))
    products = {use.key: sum(use.values.values()) for use in uses}
    return {key: _name(group, products) for key, group in groups.items()}


def _joins(
    uses: Sequence[PropertyUse], bags: Mapping[PropertyKey, Counter[str]]
) -> Iterable[tuple[float, PropertyKey, PropertyKey]]:
    """Yield the pairs that may be joined, with what sorts the best first."""
    folded = {use.key: _fold(use.name) for use in uses}
    for one, other in combinations(uses, 2):
        a, b = one.key, other.key
        if folded[a] == folded[b]:
            yield -2.0, a, b
            continue
        cosine, shared = _cosine(bags[a], bags[b])
        alike = label_similarity(folded[a], folded[b])
        if (alike >= _ALIKE_NAMES and cosine >= _SHARED_BY_ALIKE) or (
            cosine >= _SHARED_BY_UNLIKE and shared >= _TELLING
        ):
            yield -(alike + cosine) / 2, a, b


def _fold(name: str) -> str:
    folded = normalize("NFKC", name).casefold()
    return "".join(_BRACKETS.sub("", folded).split()) or folded


def _bag(use: PropertyUse) -> Counter[str]:
    """Return the values in normal form, numbers with their unit."""
    bag: Counter[str] = Counter()
    for value, products in use.values.items():
        normal = normal_value(value)
        bag[f"{normal.text.casefold()} {normal.unit or ''}"] += products
    return bag


def _cosine(one: Mapping[str, int], other: Mapping[str, int]) -> tuple[float, int]:
    """Return the cosine of two bags, and how many values they share."""
    shared = one.keys() & other.keys()
    product = sum(one[value] * other[value] for value in shared)
    lengths = sum(n * n for n in one.values()) * sum(n * n for n in other.values())
    return (product / sqrt(lengths) if product else 0.0), len(shared)


def _name(group: Iterable[PropertyKey], products: Mapping[PropertyKey, int]) -> str:
    """Return the name of most products; the smaller where two have as many."""
    counts: Counter[str] = Counter()
    for key in group:
        counts[key[1]] += products[key]
    return min(counts, key=lambda name: (-counts[name], name))
