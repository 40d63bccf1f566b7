"""Splits in the making: what has been drawn, and what may still be."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

import numpy as np

from m5data.errors import RecipeError
from splits.catalogue import Catalogue
from splits.coded import Coded
from splits.keys import Flags, Keys, Rows, stir
from splits.recipe import Recipe, names_of
from splits.recipe_parts import Block, Level, Pool, Size

__all__ = ["Draft", "Holding", "floor_share"]


@dataclass(frozen=True, slots=True)
class Holding:
    """One finished split."""

    split: str
    rows: Rows
    """Row numbers, ascending."""
    role: Literal["sample", "query", "gallery"]
    """A gallery row without a label is a distractor."""
    labels: Rows
    """Category id, or with level ``match`` the first row of the matched component; -1: none."""
    level: Level | Literal["match"]


@dataclass(slots=True)
class Draft:
    """The state that blocks are filled from, one after the other."""

    catalogue: Catalogue
    coded: Coded
    recipe: Recipe
    seed: int
    pools: dict[Pool, Flags]
    holdings: dict[str, Holding] = field(default_factory=dict)

    def keys(self, purpose: str, rows: Rows) -> Keys:
        """Return random keys of products, independent of those for other purposes."""
        return stir(self.coded.key[rows], purpose)

    def available(self, block: Block, pool: Pool) -> Flags:
        """Return the products of ``pool`` that ``block`` may use.

        Out are products of splits that it may not overlap, and, where both are for evaluation, all
        that groups and matches connect with those.
        """
        free = self.pools[pool].copy()
        for other, holding in self.holdings.items():
            if all(frozenset((name, other)) in self.recipe.overlaps for name in names_of(block)):
                continue
            free[holding.rows] = False
            if pool == "reserve" and self.recipe.sides[other] == "evaluation":
                taken = np.zeros(len(free), dtype=bool)
                taken[self.coded.cluster[holding.rows]] = True
                free &= ~taken[self.coded.cluster]
        return free

    def most(self, size: Size, pool: Pool) -> int:
        """Return how many products a split of this size gets where there are enough."""
        if size.number is not None:
            return size.number
        return max(floor_share(size.share or 0.0, self._base(size, pool)), size.least)

    def wanted(self, split: str, size: Size, pool: Pool, available: int) -> int:
        """Return how many products ``split`` gets.

        Raises:
            RecipeError: Fewer are available than its number, or than its least.
        """
        least = size.least if size.number is None else size.number
        if available < least:
            raise self.shortage(split, least, available)
        return min(self.most(size, pool), available)

    def shortage(self, split: str, wanted: int, available: int, what: str = "products") -> RecipeError:
        """Return the error of a catalogue that is too small for ``split``."""
        return RecipeError(
            f"recipe {self.recipe.name}, split {split}: wanted {wanted:,} {what}, the catalogue allows "
            f"{available:,}, {wanted - available:,} short; add products or ask the recipe for fewer"
        )

    def _base(self, size: Size, pool: Pool) -> int:
        if size.of == "pool":
            return int(self.pools[pool].sum())
        if size.of == "catalogue":
            return len(self.coded.key)
        return len(self.holdings[size.of].rows)


def floor_share(share: float, base: int) -> int:
    """Return the whole number of products in ``share`` of ``base``, the share taken as it is written."""
    return int(Fraction(str(share)) * base)
