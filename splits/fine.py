"""Fine retrieval: a gallery sample judged the same product as the query is right."""

from dataclasses import dataclass

import numpy as np

from splits.assignment import Assignment, FilledSplit, chosen_products, matched_of
from splits.drawing import Flags, Ranked, Rows, count_each, rank_within
from splits.recipe import Retrieval

__all__ = ["fill_fine"]


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Drawn queries and their matches."""

    queries: Rows
    right: Ranked
    """Products of the queries' components that may be in the gallery, in random order by component."""


def fill_fine(assignment: Assignment, block: Retrieval) -> list[FilledSplit]:
    """Draw fine queries and their gallery from the reserve.

    Distractors come from the chosen categories first. None is connected with a query by a group,
    a match or a judgement that was left undecided.

    Raises:
        RecipeError: The catalogue has too few matches, or too few products.
    """
    most = assignment.most(block.size, "reserve")
    pairs = _draw_queries(assignment, block, matched_of(assignment, block, most))
    others = np.flatnonzero(_unrelated(assignment, block, pairs.queries))
    total = assignment.wanted(block.gallery, block.size, "reserve", len(pairs.right.rows) + len(others))
    right = _draw_right(assignment, block, pairs, total)
    if len(right) + len(others) < min(total, block.size.number or block.size.least):
        raise assignment.shortage(block.gallery, total, len(right) + len(others))
    distractors = _draw_distractors(assignment, block, others, total - len(right))
    component = assignment.encoded.component
    gallery = np.concatenate([right, distractors])
    labels = np.concatenate([component[right], np.full_like(distractors, -1)])
    order = np.argsort(gallery)
    return [
        FilledSplit(block.query, pairs.queries, "query", component[pairs.queries], "match"),
        FilledSplit(block.gallery, gallery[order], "gallery", labels[order], "match"),
    ]


def _draw_right(assignment: Assignment, block: Retrieval, pairs: _Drawn, total: int) -> Rows:
    """Draw matches, one product of each component before the second of any."""
    there = len(pairs.right.rows)
    wanted = min(matched_of(assignment, block, total), there)
    if block.matched is not None and wanted < (block.matched.number or 0):
        raise assignment.shortage(block.gallery, block.matched.number or 0, wanted, "matched products")
    needed = len(np.unique(pairs.right.strata)) if block.need_match else 0
    if wanted < needed:
        raise assignment.shortage(block.gallery, needed, wanted, "places for one match of each query")
    keys = assignment.keys(block.gallery, pairs.right.rows)
    return pairs.right.rows[np.lexsort((keys, pairs.right.rank))[:wanted]]


def _unrelated(assignment: Assignment, block: Retrieval, queries: Rows) -> Flags:
    encoded = assignment.encoded
    if not block.distractors or not len(queries):
        return np.zeros(len(encoded.key), dtype=bool)
    related = np.zeros(len(encoded.key), dtype=bool)
    related[encoded.cluster[queries]] = True
    asked = related[encoded.cluster]
    left, right = encoded.undecided
    related[right[asked[left]]] = True
    related[left[asked[right]]] = True
    return assignment.available(block, "reserve") & ~related[encoded.cluster]


def _draw_distractors(assignment: Assignment, block: Retrieval, others: Rows, number: int) -> Rows:
    """Draw whole clusters one after the other: what is left of a cluster could be used nowhere else."""
    keys = assignment.keys(block.gallery, others)
    clusters = assignment.keys(block.gallery, assignment.encoded.cluster[others])
    strange = ~chosen_products(assignment, block)[others]
    return others[np.lexsort((keys, clusters, strange))[:number]]


def _draw_queries(assignment: Assignment, block: Retrieval, most: int) -> _Drawn:
    """Draw queries among products whose matches were asked for, first one of each component.

    Of a component all but one product (of as many duplicate groups, where near duplicates go) may
    be queries. Of components that share a duplicate group, probably one product unjudged, one is used.

    Args:
        assignment: What may be drawn.
        block: The recipe's wishes.
        most: Components that the gallery has room for, where each query needs a match.

    Raises:
        RecipeError: There are too few.
    """
    rows = _one_component_a_cluster(assignment, _candidates(assignment, block))
    names, strata = np.unique(assignment.encoded.component[rows], return_inverse=True)
    units = assignment.encoded.group[rows] if block.near_duplicates == "remove" else rows
    counts = np.bincount(strata[np.unique(units, return_index=True)[1]], minlength=len(names))
    room = counts - int(block.need_match)
    order = assignment.keys(block.query, names)
    asked = assignment.encoded.asked[rows]
    ranked = rank_within(rows[asked], strata[asked], assignment.keys(block.query, rows[asked]), units[asked])
    fit = ranked.rank < room[ranked.strata]
    if block.need_match:
        askable = np.unique(ranked.strata[fit])
        first = askable[np.argsort(order[askable], kind="stable")[:most]]
        fit &= np.isin(ranked.strata, first)
    number = assignment.wanted(block.query, block.queries, "reserve", int(fit.sum()))
    turn = np.lexsort((order[ranked.strata[fit]], ranked.rank[fit]))
    queries = np.sort(ranked.rows[fit][turn[:number]])
    right = np.isin(assignment.encoded.component[rows], assignment.encoded.component[queries])
    right &= ~np.isin(units, assignment.encoded.group[queries] if block.near_duplicates == "remove" else queries)
    gallery_keys = assignment.keys(block.gallery, rows[right])
    return _Drawn(queries, rank_within(rows[right], strata[right], gallery_keys))


def _candidates(assignment: Assignment, block: Retrieval) -> Rows:
    categories = assignment.encoded.categories[assignment.recipe.level_of(block)]
    free = (
        assignment.available(block, "reserve")
        & (assignment.encoded.component >= 0)
        & chosen_products(assignment, block)
    )
    rows = np.flatnonzero(free)
    if block.min_category > 1:
        names, strata = np.unique(categories[rows], return_inverse=True)
        large = (count_each(categories, names) >= block.min_category) & (names >= 0)
        rows = rows[large[strata]]
    return rows


def _one_component_a_cluster(assignment: Assignment, rows: Rows) -> Rows:
    components = np.unique(assignment.encoded.component[rows])
    order = np.argsort(assignment.encoded.key[components], kind="stable")
    _, first = np.unique(assignment.encoded.cluster[components[order]], return_index=True)
    return rows[np.isin(assignment.encoded.component[rows], components[order][first])]
