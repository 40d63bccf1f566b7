"""Notes on the splits of a catalogue: their sizes, splits that stayed empty and why, unused products."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from splits.catalogue import Catalogue
from splits.recipe import UNUSED, Block, Classification, Recipe, Retrieval, Sample, names_of

__all__ = ["SMALL", "describe_splits"]

SMALL = "small"
"""The shipped recipe for shops of few products."""
_FEW = 3000
"""Products up to which the recipe ``small`` is advised."""


def describe_splits(catalogue: Catalogue, recipe: Recipe, splits: pa.Table) -> tuple[str, ...]:
    """Return notes on the splits of a catalogue: a line for each thing that a person may not expect.

    Args:
        catalogue: Products and judged pairs.
        recipe: Splits and rules, its level chosen.
        splits: The result of ``build``.
    """
    sizes = Counter(splits["split"].to_pylist())
    empty = [block for block in recipe.splits if any(not sizes[name] for name in names_of(block))]
    products, unused = len(catalogue.products), sizes[UNUSED]
    filled = ", ".join(f"{name} {sizes[name]:,}" for block in recipe.splits for name in names_of(block) if sizes[name])
    lines = [f"recipe {recipe.name}: {products:,} products: {filled or 'no split has any'}"]
    lines += [f"{' and '.join(names_of(block))}: empty: {_reason(catalogue, recipe, block)}" for block in empty]
    if unused:
        held = int(np.count_nonzero(catalogue.products["held_out"].to_numpy()))
        lines.append(
            f"unused: {unused:,} of {products:,} products, in no split of the recipe; {held:,} are held out for "
            "evaluation (splits.reserve_share), and are never trained on"
        )
    lines += _advice(recipe, products, many_unused=2 * unused > products, lacking=any(map(_is_by_category, empty)))
    return tuple(lines)


def _advice(recipe: Recipe, products: int, *, many_unused: bool, lacking: bool) -> Iterator[str]:
    if recipe.name != SMALL and products <= _FEW and (many_unused or lacking):
        yield f'splits.recipe = "{SMALL}" in m5data.toml makes more of a catalogue of {products:,} products'


def _is_by_category(block: Block) -> bool:
    return isinstance(block, Classification) or (isinstance(block, Retrieval) and block.truth == "category")


def _reason(catalogue: Catalogue, recipe: Recipe, block: Block) -> str:
    """Return what a block that stayed empty needs."""
    if isinstance(block, Sample):
        return "no product is left for it, or its share comes to none"
    if isinstance(block, Retrieval) and block.truth == "match":
        if not len(catalogue.matches):
            return "no pair has been judged; begin with m5data annotate candidates"
        return "too few of the pairs that people matched are held out"
    level = recipe.level_of(block)
    categories = catalogue.products[f"{level}_id"].to_numpy()
    largest = max(Counter(categories[categories >= 0].tolist()).values(), default=0)
    if largest < block.min_category:
        return f"needs a {level} of {block.min_category:,} products or more, and the largest has {largest:,}"
    return f"its shares of the products in a {level} of {block.min_category:,} or more come to none"
