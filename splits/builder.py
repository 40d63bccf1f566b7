"""Building the splits of a catalogue."""

import numpy as np
import pyarrow as pa

from splits.assembly import assemble
from splits.catalogue import Catalogue
from splits.classification import fill_classification
from splits.coarse import fill_coarse
from splits.coded import encode
from splits.draft import Draft, Holding
from splits.fine import fill_fine
from splits.pools import pools_of
from splits.recipe import UNUSED, Recipe
from splits.recipe_parts import Block, Retrieval, Sample
from splits.sample_split import fill_sample

__all__ = ["build"]


def build(catalogue: Catalogue, recipe: Recipe, seed: int) -> pa.Table:
    """Divide a catalogue into the splits of a recipe.

    What is held out is never trained on, no duplicate group and no matched products straddle train
    and evaluation, and every product is in exactly one split, or in splits that the recipe lets
    overlap, or in ``unused``. The same catalogue (in any order), recipe and seed give the same
    table on every machine.

    Args:
        catalogue: Products and judged pairs.
        recipe: Splits and rules.
        seed: Any whole number.

    Returns:
        split, product_id, role, label, label_level, group_id and image_position, as in the table
        ``splits``; ordered by split and product_id. ``label`` is a category id or, at level
        ``match``, the smallest product_id that is judged the same; NULL for distractors and where
        there is none. ``image_position`` is -1 for a product without a stored image.

    Raises:
        RecipeError: The catalogue is too small for the recipe; the message names the split, what
            was wanted, what is there and what is short.
    """
    coded = encode(catalogue, seed)
    draft = Draft(catalogue, coded, recipe, seed, pools_of(coded, recipe.separate, seed))
    for block in recipe.splits:
        draft.holdings.update({holding.split: holding for holding in _fill(draft, block)})
    return assemble(coded, recipe, [*draft.holdings.values(), _unused(draft)])


def _fill(draft: Draft, block: Block) -> list[Holding]:
    if isinstance(block, Sample):
        return fill_sample(draft, block)
    if isinstance(block, Retrieval):
        return fill_fine(draft, block) if block.truth == "match" else fill_coarse(draft, block)
    return fill_classification(draft, block)


def _unused(draft: Draft) -> Holding:
    free = np.ones(len(draft.coded.key), dtype=bool)
    for holding in draft.holdings.values():
        free[holding.rows] = False
    rows = np.flatnonzero(free)
    level = draft.recipe.label
    return Holding(UNUSED, rows, "sample", draft.coded.categories[level][rows], level)
