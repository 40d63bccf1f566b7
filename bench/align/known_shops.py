"""Shops whose alignment is known: what every synthetic set of trees is, and its truth."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from align import Category

__all__ = ["KnownShops", "Offer", "Relation", "scores"]

Relation = Literal["same", "broader", "narrower", "other"]


@dataclass(frozen=True, slots=True)
class Offer:
    """A product of a synthetic shop."""

    category: Category
    title: str
    specs: Mapping[str, str]
    price: float


@dataclass(frozen=True, slots=True)
class KnownShops:
    """Shops with their truth."""

    offers: Sequence[Offer]
    parts: Mapping[Category, frozenset[str]]
    """Second-level category -> the smallest kinds of goods that it holds."""
    first_level: Mapping[str, str]
    """``source:Name`` -> class, as a person maps it."""
    classes: Mapping[str, str]
    """Smallest kind -> its class in truth."""

    def relation(self, a: Category, b: Category) -> Relation:
        """Return how what ``a`` holds is to what ``b`` holds."""
        one, other = self.parts[a], self.parts[b]
        if one == other:
            return "same"
        return "broader" if one > other else "narrower" if one < other else "other"

    def class_of(self, category: Category) -> str:
        """Return the class that a category's goods belong to, whatever shelf they stand on."""
        return self.classes[min(self.parts[category])]

    def pairs(self, pairs_among: Iterable[str]) -> Iterator[tuple[Category, Category]]:
        """Yield all pairs of categories of two shops whose goods are of one of these classes each."""
        wanted = set(pairs_among)
        there = [category for category in sorted(self.parts) if self.class_of(category) in wanted]
        yield from ((a, b) for a, b in combinations(there, 2) if a.source != b.source)

    @property
    def titles(self) -> dict[Category, list[str]]:
        """Category as deep as products have it -> titles."""
        found: dict[Category, list[str]] = {}
        for offer in self.offers:
            found.setdefault(offer.category, []).append(offer.title)
        return found

    @property
    def sizes(self) -> Counter[str]:
        """Source -> number of sub-classes."""
        return Counter(category.source for category in self.parts)


def scores(found: Iterable[object], true: Iterable[object]) -> tuple[float, float, float]:
    """Return precision, recall and F1 of a set of pairs; 0 where nothing is found or true."""
    found, true = set(found), set(true)
    right = len(found & true)
    precision, recall = right / max(len(found), 1), right / max(len(true), 1)
    return precision, recall, 2 * right / max(len(found) + len(true), 1)
