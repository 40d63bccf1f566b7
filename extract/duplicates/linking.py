"""Joining near products, strongest pairs first, without endless chains."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

__all__ = ["NEAR_RULES", "Links", "link"]

NEAR_RULES = ("near_image", "near_text")
"""Rules for near duplicates, strongest first."""


@dataclass(frozen=True, slots=True)
class Links:
    """Groups of near products; products that are near none are left out."""

    group_of: Mapping[str, str]
    """Product -> smallest product of its group."""
    rule_of: Mapping[str, str]
    """Product -> the strongest rule of a pair that it has within its group."""


def link(pairs: pa.Table, sizes: Mapping[str, int], most: int) -> Links:
    """Join pairs of products into groups of at most ``most``.

    Pairs are taken by rule (``NEAR_RULES``), then by distance, then by ids. One that would make a
    group of more than ``most`` products is left out: a long chain of small differences ends in
    other products, and its strongest parts are kept.

    Args:
        pairs: left, right, rule, distance.
        sizes: Product -> exact duplicates that it stands for, itself included; absent: 1.
        most: Largest group that a pair may make.
    """
    ranked = sorted(
        (NEAR_RULES.index(row["rule"]), row["distance"], row["left"], row["right"]) for row in pairs.to_pylist()
    )
    groups: dict[str, list[str]] = {}
    weight: dict[str, int] = {}
    group_of: dict[str, str] = {}
    for _, _, left, right in ranked:
        for product in (left, right):
            if product not in group_of:
                group_of[product], groups[product] = product, [product]
                weight[product] = sizes.get(product, 1)
        small, large = sorted((group_of[left], group_of[right]), key=lambda name: (len(groups[name]), name))
        if small != large and weight[small] + weight[large] <= most:
            group_of.update(dict.fromkeys(groups[small], large))
            groups[large] += groups.pop(small)
            weight[large] += weight.pop(small)
    rule_of: dict[str, str] = {}
    for rule, _, left, right in ranked:
        if group_of[left] == group_of[right]:
            rule_of.setdefault(left, NEAR_RULES[rule])
            rule_of.setdefault(right, NEAR_RULES[rule])
    smallest = {name: min(members) for name, members in groups.items() if len(members) > 1}
    return Links({product: smallest[name] for product, name in group_of.items() if name in smallest}, rule_of)
