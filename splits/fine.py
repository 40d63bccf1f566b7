"""Fine retrieval, second half: the gallery of matched products and distractors."""

import numpy as np

from splits.draft import Draft, Holding
from splits.fine_pairs import Pairs, draw_pairs
from splits.keys import Flags, Rows
from splits.naming import chosen_products, matched_of
from splits.recipe_parts import Retrieval

__all__ = ["fill_fine"]


def fill_fine(draft: Draft, block: Retrieval) -> list[Holding]:
    """Draw fine queries and their gallery from the reserve.

    Distractors come from the chosen categories first. None is connected with a query by a group,
    a match or a judgement that was left undecided.

    Raises:
        RecipeError: The catalogue has too few matches, or too few products.
    """
    most = draft.most(block.size, "reserve")
    pairs = draw_pairs(draft, block, matched_of(draft, block, most))
    others = np.flatnonzero(_unrelated(draft, block, pairs.queries))
    total = draft.wanted(block.gallery, block.size, "reserve", len(pairs.right.rows) + len(others))
    right = _draw_right(draft, block, pairs, total)
    if len(right) + len(others) < min(total, block.size.number or block.size.least):
        raise draft.shortage(block.gallery, total, len(right) + len(others))
    distractors = _draw_distractors(draft, block, others, total - len(right))
    component = draft.coded.component
    gallery = np.concatenate([right, distractors])
    labels = np.concatenate([component[right], np.full_like(distractors, -1)])
    order = np.argsort(gallery)
    return [
        Holding(block.query, pairs.queries, "query", component[pairs.queries], "match"),
        Holding(block.gallery, gallery[order], "gallery", labels[order], "match"),
    ]


def _draw_right(draft: Draft, block: Retrieval, pairs: Pairs, total: int) -> Rows:
    """Draw what is right, one product of each component before the second of any."""
    there = len(pairs.right.rows)
    wanted = min(matched_of(draft, block, total), there)
    if block.matched is not None and wanted < (block.matched.number or 0):
        raise draft.shortage(block.gallery, block.matched.number or 0, wanted, "matched products")
    needed = len(np.unique(pairs.right.strata)) if block.need_match else 0
    if wanted < needed:
        raise draft.shortage(block.gallery, needed, wanted, "places for one match of each query")
    keys = draft.keys(block.gallery, pairs.right.rows)
    return pairs.right.rows[np.lexsort((keys, pairs.right.rank))[:wanted]]


def _unrelated(draft: Draft, block: Retrieval, queries: Rows) -> Flags:
    coded = draft.coded
    if not block.distractors or not len(queries):
        return np.zeros(len(coded.key), dtype=bool)
    related = np.zeros(len(coded.key), dtype=bool)
    related[coded.cluster[queries]] = True
    asked = related[coded.cluster]
    left, right = coded.undecided
    related[right[asked[left]]] = True
    related[left[asked[right]]] = True
    return draft.available(block, "reserve") & ~related[coded.cluster]


def _draw_distractors(draft: Draft, block: Retrieval, others: Rows, number: int) -> Rows:
    """Draw whole clusters one after the other: what is left of a cluster could be used nowhere else."""
    keys = draft.keys(block.gallery, others)
    clusters = draft.keys(block.gallery, draft.coded.cluster[others])
    strange = ~chosen_products(draft, block)[others]
    return others[np.lexsort((keys, clusters, strange))[:number]]
