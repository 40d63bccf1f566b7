"""Comparison of two products and of their specification tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from storage import Snapshot
from webapp.catalogue.product_card import ProductCard, Specification
from webapp.catalogue.product_detail import read_detail

__all__ = ["ComparisonRow", "ProductComparison", "compare", "compare_products"]

Relation = Literal["same", "different", "alone"]
"""Both have the property and agree; both have it and differ; only one has it."""


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """One property of both products."""

    property: str
    query: tuple[str, ...]
    """Values as published; empty if the query lacks the property."""
    candidate: tuple[str, ...]
    relation: Relation


@dataclass(frozen=True, slots=True)
class ProductComparison:
    """Two products side by side."""

    query: ProductCard
    candidate: ProductCard
    links: tuple[str, ...]
    """Rules that join them as duplicates, and the decision of annotators."""
    distance: float | None
    """0: the same; None: nothing has compared them."""
    following: str | None
    """The next product that is, or may be, the same as the query; None: this is the last."""
    rows: tuple[ComparisonRow, ...]


def compare_products(snapshot: Snapshot, query: str, candidate: str) -> ProductComparison | None:
    """Return two products side by side, or None if one does not exist."""
    left, right = read_detail(snapshot, query), read_detail(snapshot, candidate)
    if left is None or right is None:
        return None
    related = left.lineage.related
    place = next((number for number, one in enumerate(related) if one.product_id == candidate), None)
    found = None if place is None else related[place]
    later = related[0 if place is None else place + 1 :]
    return ProductComparison(
        query=left.card,
        candidate=right.card,
        links=() if found is None else found.how,
        distance=None if found is None else found.distance,
        following=later[0].product_id if later else None,
        rows=tuple(compare(left.card.specs, right.card.specs)),
    )


def compare(query: Sequence[Specification], candidate: Sequence[Specification]) -> list[ComparisonRow]:
    """Return the properties of the query in its order, then those that only the candidate has.

    Properties match by their shared name or else by their own, values by normalised value and unit or else by the
    published text, all regardless of case and white space.
    """
    left, right = _grouped(query), _grouped(candidate)
    return [_line(left.get(key, []), right.get(key, [])) for key in dict.fromkeys((*left, *right))]


def _grouped(specs: Sequence[Specification]) -> dict[str, list[Specification]]:
    groups: dict[str, list[Specification]] = {}
    for spec in specs:
        groups.setdefault(_folded(spec.property_norm or spec.property), []).append(spec)
    return groups


def _line(left: list[Specification], right: list[Specification]) -> ComparisonRow:
    relation: Relation = "alone"
    if left and right:
        relation = "same" if {*map(_value, left)} == {*map(_value, right)} else "different"
    return ComparisonRow((left or right)[0].property, _published(left), _published(right), relation)


def _published(specs: list[Specification]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(spec.value for spec in specs))


def _value(spec: Specification) -> tuple[str, str]:
    if spec.value_norm is not None:
        return _folded(spec.value_norm), spec.unit or ""
    return _folded(spec.value), ""


def _folded(text: str) -> str:
    return "".join(text.casefold().split())
