"""Fine retrieval, first half: queries, and the products that annotators judged the same."""

from dataclasses import dataclass

import numpy as np

from splits.allocation import Ranked, count_each, rank_within
from splits.draft import Draft
from splits.keys import Rows
from splits.naming import chosen_products
from splits.recipe_parts import Retrieval

__all__ = ["Pairs", "draw_pairs"]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Drawn queries and what is right for them."""

    queries: Rows
    right: Ranked
    """Products of the queries' components that may be in the gallery, in random order by component."""


def draw_pairs(draft: Draft, block: Retrieval, most: int) -> Pairs:
    """Draw queries among products whose matches were asked for, first one of each component.

    Of a component all but one product (of as many duplicate groups, where near duplicates go) may
    be queries. Of components that share a duplicate group, probably one product unjudged, one is used.

    Args:
        draft: What may be drawn.
        block: The recipe's wishes.
        most: Components that the gallery has room for, where each query needs a match.

    Raises:
        RecipeError: There are too few.
    """
    rows = _one_component_a_cluster(draft, _candidates(draft, block))
    names, strata = np.unique(draft.coded.component[rows], return_inverse=True)
    units = draft.coded.group[rows] if block.near_duplicates == "remove" else rows
    counts = np.bincount(strata[np.unique(units, return_index=True)[1]], minlength=len(names))
    room = counts - int(block.need_match)
    order = draft.keys(block.query, names)
    asked = draft.coded.asked[rows]
    ranked = rank_within(rows[asked], strata[asked], draft.keys(block.query, rows[asked]), units[asked])
    fit = ranked.rank < room[ranked.strata]
    if block.need_match:
        askable = np.unique(ranked.strata[fit])
        first = askable[np.argsort(order[askable], kind="stable")[:most]]
        fit &= np.isin(ranked.strata, first)
    number = draft.wanted(block.query, block.queries, "reserve", int(fit.sum()))
    turn = np.lexsort((order[ranked.strata[fit]], ranked.rank[fit]))
    queries = np.sort(ranked.rows[fit][turn[:number]])
    right = np.isin(draft.coded.component[rows], draft.coded.component[queries])
    right &= ~np.isin(units, draft.coded.group[queries] if block.near_duplicates == "remove" else queries)
    gallery_keys = draft.keys(block.gallery, rows[right])
    return Pairs(queries, rank_within(rows[right], strata[right], gallery_keys))


def _candidates(draft: Draft, block: Retrieval) -> Rows:
    categories = draft.coded.categories[draft.recipe.level_of(block)]
    free = draft.available(block, "reserve") & (draft.coded.component >= 0) & chosen_products(draft, block)
    rows = np.flatnonzero(free)
    if block.min_category > 1:
        names, strata = np.unique(categories[rows], return_inverse=True)
        large = (count_each(categories, names) >= block.min_category) & (names >= 0)
        rows = rows[large[strata]]
    return rows


def _one_component_a_cluster(draft: Draft, rows: Rows) -> Rows:
    components = np.unique(draft.coded.component[rows])
    order = np.argsort(draft.coded.key[components], kind="stable")
    _, first = np.unique(draft.coded.cluster[components[order]], return_index=True)
    return rows[np.isin(draft.coded.component[rows], components[order][first])]
