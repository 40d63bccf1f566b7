"""What a retrieval block's choices mean for a catalogue: its categories, and its matched part."""

import numpy as np

from m5data.errors import RecipeError
from splits.draft import Draft, floor_share
from splits.keys import Flags
from splits.recipe_parts import LEVELS, Retrieval

__all__ = ["chosen_products", "matched_of"]


def chosen_products(draft: Draft, block: Retrieval) -> Flags:
    """Return the products of the block's chosen categories, of whatever level those are.

    Raises:
        RecipeError: A category is in no level of the catalogue.
    """
    chosen = np.full(len(draft.coded.key), block.categories == "all")
    if block.categories == "all":
        return chosen
    names = draft.catalogue.categories
    rows = list(zip(*(names[c].to_pylist() for c in ("level", "id", "name")), strict=True))
    for category in block.categories:
        meant = [(level, number) for level, number, name in rows if name == category]
        if not meant:
            raise RecipeError(
                f"recipe {draft.recipe.name}, split {block.query}: wanted category {category!r}, the "
                f"catalogue has no such name at any level; correct the recipe's categories"
            )
        for level in LEVELS:
            ids = [number for found, number in meant if found == level]
            chosen |= np.isin(draft.coded.categories[level], ids)
    return chosen


def matched_of(draft: Draft, block: Retrieval, gallery: int) -> int:
    """Return how many of ``gallery`` samples may be right for some query: all, where the recipe does not say.

    Raises:
        RecipeError: The recipe gives a number, and the gallery is smaller.
    """
    part = block.matched
    if part is None or not gallery:
        return gallery
    if part.number is not None and part.number > gallery:
        raise draft.shortage(block.gallery, part.number, gallery, "matched products")
    return part.number or max(floor_share(part.share or 0.0, gallery), 1)
