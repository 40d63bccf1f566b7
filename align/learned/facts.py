"""What is known of categories beside their names and titles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from align.category import Category

__all__ = ["NO_FACTS", "Facts"]


@dataclass(frozen=True, slots=True)
class Facts:
    """Products of each category, directly in it; what is not known is left out."""

    specs: Mapping[Category, Mapping[tuple[str, str], int]] = field(default_factory=dict)
    """Category -> (property, value) as published -> products that have it."""
    prices: Mapping[Category, Sequence[float]] = field(default_factory=dict)
    """Category -> prices of some of its products, one currency."""
    pictures: Mapping[Category, frozenset[str]] = field(default_factory=dict)
    """Category -> perceptual hashes of its products' images."""


NO_FACTS = Facts()
