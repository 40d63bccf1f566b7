"""The splits under construction: the products that may be drawn, and those that have been."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

import numpy as np
import pyarrow.compute as pc

from core.errors import RecipeError
from splits.catalogue import Catalogue, EncodedCatalogue
from splits.drawing import Flags, Keys, Rows, derive_keys, hash_ids
from splits.recipe import LEVELS, Block, Level, Pool, Recipe, Retrieval, Separate, Size, names_of

__all__ = ["Assignment", "FilledSplit", "chosen_products", "floor_share", "matched_of", "pools_of"]


@dataclass(frozen=True, slots=True)
class FilledSplit:
    """One finished split."""

    name: str
    rows: Rows
    """Row numbers, ascending."""
    role: Literal["sample", "query", "gallery"]
    """A gallery row without a label is a distractor."""
    labels: Rows
    """Category id, or with level ``match`` the first row of the matched component; -1: none."""
    level: Level | Literal["match"]


@dataclass(slots=True)
class Assignment:
    """The state that blocks are filled from, one after the other."""

    catalogue: Catalogue
    encoded: EncodedCatalogue
    recipe: Recipe
    seed: int
    pools: dict[Pool, Flags]
    filled: dict[str, FilledSplit] = field(default_factory=dict)

    def keys(self, purpose: str, rows: Rows) -> Keys:
        """Return random keys of products, independent of those for other purposes."""
        return derive_keys(self.encoded.key[rows], purpose)

    def available(self, block: Block, pool: Pool) -> Flags:
        """Return the products of ``pool`` that ``block`` may use.

        Products of splits that it may not overlap are excluded; if both splits are for evaluation, so
        are all products that groups and matches connect with those.
        """
        free = self.pools[pool].copy()
        for other, split in self.filled.items():
            if all(frozenset((name, other)) in self.recipe.overlaps for name in names_of(block)):
                continue
            free[split.rows] = False
            if pool == "reserve" and self.recipe.sides[other] == "evaluation":
                taken = np.zeros(len(free), dtype=bool)
                taken[self.encoded.cluster[split.rows]] = True
                free &= ~taken[self.encoded.cluster]
        return free

    def most(self, size: Size, pool: Pool) -> int:
        """Return how many products a split of this size gets if enough are available."""
        if size.number is not None:
            return size.number
        return max(floor_share(size.share or 0.0, self._base(size, pool)), size.least)

    def wanted(self, split: str, size: Size, pool: Pool, available: int) -> int:
        """Return how many products ``split`` gets.

        Raises:
            RecipeError: Fewer are available than its number or its minimum.
        """
        least = size.least if size.number is None else size.number
        if available < least:
            raise self.shortage(split, least, available)
        return min(self.most(size, pool), available)

    def shortage(self, split: str, wanted: int, available: int, what: str = "products") -> RecipeError:
        """Return the error for a catalogue that is too small for ``split``."""
        left = ""
        if self.recipe.separate != Separate():
            train, held = int(self.pools["train"].sum()), int(self.pools["reserve"].sum())
            left = (
                f" Of its {len(self.encoded.key):,} products, separate leaves {train:,} to train and {held:,} held out."
            )
        return RecipeError(
            f"recipe {self.recipe.name}, split {split}: the catalogue has {available:,} of the {wanted:,} {what} that "
            f"the recipe asks for.{left} Add products, or ask for fewer."
        )

    def _base(self, size: Size, pool: Pool) -> int:
        if size.of == "pool":
            return int(self.pools[pool].sum())
        if size.of == "catalogue":
            return len(self.encoded.key)
        return len(self.filled[size.of].rows)


def floor_share(share: float, base: int) -> int:
    """Return ``share`` of ``base``, rounded down, with the share as the exact decimal that is written."""
    return int(Fraction(str(share)) * base)


def pools_of(encoded: EncodedCatalogue, separate: Separate, seed: int) -> dict[Pool, Flags]:
    """Return the products of both pools.

    The reserve holds the products held out. Train holds the others, except products that duplicate
    groups and matches connect with one held out. The recipe's separations may remove more.

    Raises:
        RecipeError: The recipe separates by a column that the catalogue does not have.
    """
    train, reserve = ~encoded.tied, encoded.held.copy()
    if separate.merchant:
        train, reserve = _separate_merchants(encoded, separate, seed, train, reserve)
    if separate.time is not None:
        _need(encoded, "first_seen")
        before = pc.less(encoded.products["first_seen"], separate.time)
        early = pc.fill_null(before, fill_value=False).to_numpy()
        train, reserve = train & early, reserve & ~early
    return {"train": train, "reserve": reserve}


def _separate_merchants(
    encoded: EncodedCatalogue, separate: Separate, seed: int, train: Flags, reserve: Flags
) -> tuple[Flags, Flags]:
    _need(encoded, "merchant")
    merchants = encoded.products["merchant"].combine_chunks().dictionary_encode()
    codes: Rows = pc.fill_null(merchants.indices, -1).to_numpy().astype(np.int64)
    if separate.yields == "train":
        return train & ~_of_any(codes, reserve), reserve
    if separate.yields == "evaluation":
        return train, reserve & ~_of_any(codes, train)
    drawn = hash_ids(merchants.dictionary, f"{seed}:merchant") < np.uint64(int(separate.share * 2**64))
    judged = np.append(drawn, False)[codes]
    named = codes >= 0
    return train & ~judged, reserve & (judged | ~named)


def _of_any(codes: Rows, flags: Flags) -> Flags:
    """Return the products whose merchant has any flagged product."""
    seen = np.zeros(codes.max(initial=-1) + 2, dtype=bool)
    seen[codes[flags]] = True
    seen[-1] = False
    return seen[codes]


def _need(encoded: EncodedCatalogue, column: str) -> None:
    if column not in encoded.products.column_names:
        raise RecipeError(f"catalogue.products.{column}: the recipe separates by this column. Add it.")


def chosen_products(assignment: Assignment, block: Retrieval) -> Flags:
    """Return the products of the block's chosen categories, which can be of any level.

    Raises:
        RecipeError: A category does not exist at any level of the catalogue.
    """
    chosen = np.full(len(assignment.encoded.key), block.categories == "all")
    if block.categories == "all":
        return chosen
    names = assignment.catalogue.categories
    rows = list(zip(*(names[c].to_pylist() for c in ("level", "id", "name")), strict=True))
    for category in block.categories:
        meant = [(level, number) for level, number, name in rows if name == category]
        if not meant:
            raise RecipeError(
                f"recipe {assignment.recipe.name}, split {block.query}: the catalogue has no category "
                f"{category!r} at any level. Correct the recipe's categories."
            )
        for level in LEVELS:
            ids = [number for found, number in meant if found == level]
            chosen |= np.isin(assignment.encoded.categories[level], ids)
    return chosen


def matched_of(assignment: Assignment, block: Retrieval, gallery: int) -> int:
    """Return how many of ``gallery`` samples may be right for some query: all, unless the recipe sets a limit.

    Raises:
        RecipeError: The recipe gives a number, and the gallery is smaller.
    """
    part = block.matched
    if part is None or not gallery:
        return gallery
    if part.number is not None and part.number > gallery:
        raise assignment.shortage(block.gallery, part.number, gallery, "matched products")
    return part.number or max(floor_share(part.share or 0.0, gallery), 1)
