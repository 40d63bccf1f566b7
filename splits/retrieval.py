"""Retrieval splits, by category (coarse) or by judged matches (fine): queries, and a gallery to search."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import RecipeError
from splits.assignment import Assignment, FilledSplit, chosen_products, matched_of
from splits.drawing import Flags, Ranked, Rows, allocate, count_each, derive_keys, draw, rank_within
from splits.recipe import Retrieval

__all__ = ["Bounds", "choose_categories", "fill_coarse", "fill_fine", "smallest_sum"]


@dataclass(frozen=True, slots=True)
class _Stock:
    """Rows to draw from."""

    rows: Rows
    strata: Rows
    """Number of each row's category, from 0."""
    units: Rows | None
    """Duplicate group of each row, if near duplicates of queries are removed; None: each row by itself."""
    names: Rows
    """Id of each category, ascending."""
    sizes: Rows
    """Rows of each category."""
    room: Rows
    """Queries that each category has room for; 0: it may not be queried."""


@dataclass(frozen=True, slots=True)
class _Quantities:
    """Numbers to draw."""

    asked: Flags
    """Categories that have queries."""
    queries: int
    gallery: int
    matched: int
    """Gallery samples of queried categories; fewer if the recipe gives no number and not enough are available."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds on the chosen categories and their products."""

    low: int
    """Fewest products: queries and matched gallery."""
    high: int
    """Most products: the rest must suffice for distractors."""
    queries: int
    """Queries that the categories must have room for."""
    most: int
    """Most categories: each needs a query and a gallery sample."""


def fill_coarse(assignment: Assignment, block: Retrieval) -> list[FilledSplit]:
    """Draw coarse queries and their gallery from the reserve.

    Some categories are queried: each gets queries in proportion to its size, at least one, and
    gallery samples likewise. All other categories supply distractors.

    Raises:
        RecipeError: The catalogue has too few products, or no choice of categories leaves enough
            for matched samples and for distractors.
    """
    stock = _take_stock(assignment, block)
    plan = _plan(assignment, block, stock)
    queries = matched = distractors = np.zeros(0, dtype=np.int64)
    if plan is not None:
        queries = _draw_queries(assignment, block, stock, plan)
        matched = _draw_matched(assignment, block, stock, plan, queries)
        distractors = _draw_distractors(assignment, block, stock, plan, len(matched))
    level = assignment.recipe.level_of(block)
    categories = assignment.encoded.categories[level]
    gallery = np.concatenate([matched, distractors])
    labels = np.concatenate([categories[matched], np.full_like(distractors, -1)])
    order = np.argsort(gallery)
    return [
        FilledSplit(block.query, queries, "query", categories[queries], level),
        FilledSplit(block.gallery, gallery[order], "gallery", labels[order], level),
    ]


def _draw_queries(assignment: Assignment, block: Retrieval, stock: _Stock, plan: _Quantities) -> Rows:
    room = np.where(plan.asked, stock.room, 0)
    quotas = allocate(plan.queries, stock.sizes, np.minimum(room, 1), room)
    keys = assignment.keys(block.query, stock.rows)
    return draw(rank_within(stock.rows, stock.strata, keys, stock.units), quotas)


def _draw_matched(assignment: Assignment, block: Retrieval, stock: _Stock, plan: _Quantities, queries: Rows) -> Rows:
    left = plan.asked[stock.strata] & ~np.isin(stock.rows, queries)
    if stock.units is not None:
        left &= ~np.isin(stock.units, assignment.encoded.group[queries])
    sizes = np.bincount(stock.strata[left], minlength=len(stock.sizes))
    there = int(sizes.sum())
    if there < plan.matched and block.matched is not None and block.matched.number is not None:
        raise assignment.shortage(block.gallery, plan.matched, there, "matched products")
    low = np.minimum(sizes, int(block.need_match))
    quotas = allocate(min(plan.matched, there), sizes, low, sizes)
    return _draw_from(assignment, block, stock, left, quotas)


def _draw_distractors(assignment: Assignment, block: Retrieval, stock: _Stock, plan: _Quantities, matched: int) -> Rows:
    left = ~plan.asked[stock.strata] & block.distractors
    sizes = np.bincount(stock.strata[left], minlength=len(stock.sizes))
    wanted, there = plan.gallery - matched, int(sizes.sum())
    if wanted > there and (block.size.number is not None or matched + there < block.size.least):
        raise assignment.shortage(block.gallery, plan.gallery, matched + there)
    total = min(wanted, there)
    low = np.minimum(sizes, int(total >= np.count_nonzero(sizes)))
    return _draw_from(assignment, block, stock, left, allocate(total, sizes, low, sizes))


def _draw_from(assignment: Assignment, block: Retrieval, stock: _Stock, chosen: Flags, quotas: Rows) -> Rows:
    keys = assignment.keys(block.gallery, stock.rows[chosen])
    return draw(rank_within(stock.rows[chosen], stock.strata[chosen], keys), quotas)


def _take_stock(assignment: Assignment, block: Retrieval) -> _Stock:
    """Return the labelled products of the reserve that ``block`` may use."""
    categories = assignment.encoded.categories[assignment.recipe.level_of(block)]
    free = assignment.available(block, "reserve") & (categories >= 0)
    units = None
    if block.near_duplicates == "remove":
        # a duplicate group of two categories would be right and wrong at once
        free &= categories == categories[assignment.encoded.group]
        units = assignment.encoded.group[free]
    rows = np.flatnonzero(free)
    names, strata = np.unique(categories[rows], return_inverse=True)
    sizes = np.bincount(strata, minlength=len(names))
    distinct = sizes
    if units is not None:
        _, first = np.unique(units, return_index=True)
        distinct = np.bincount(strata[first], minlength=len(names))
    asked = count_each(categories, names) >= block.min_category
    asked[strata[~chosen_products(assignment, block)[rows]]] = False  # only whole categories are queried
    room = np.where(asked, np.maximum(distinct - int(block.need_match), 0), 0)
    return _Stock(rows, strata, units, names, sizes, room)


def _plan(assignment: Assignment, block: Retrieval, stock: _Stock) -> _Quantities | None:
    """Return how many to draw of which categories; None if queries or gallery are empty, which they may be.

    Raises:
        RecipeError: The catalogue has too few products, or no choice of categories leaves enough
            for matched samples and for distractors.
    """
    queries = assignment.wanted(block.query, block.queries, "reserve", int(stock.room.sum()))
    gallery = assignment.wanted(block.gallery, block.size, "reserve", len(stock.rows) - queries)
    matched = matched_of(assignment, block, gallery)
    # each category needs a gallery sample, so no more than `matched` categories can have queries
    most_room = int(np.sort(stock.room)[::-1][:matched].sum())
    queries = min(queries, assignment.wanted(block.query, block.queries, "reserve", most_room))
    if not queries or not gallery:
        assignment.wanted(block.gallery, block.size, "reserve", 0)
        return None
    bounds = Bounds(0, len(stock.rows), queries, min(queries, matched))
    orders = _orders(assignment, block, stock)
    if block.matched is not None and block.matched.share is not None:
        orders[0] = orders[0][: _enough(stock, orders[0], queries + matched, queries)]
    elif block.matched is not None:
        high = len(stock.rows) - (gallery - matched)
        bounds = Bounds(queries + matched, high, queries, min(queries, matched))
    asked = choose_categories(stock.sizes, stock.room, orders, bounds)
    if asked is None:
        raise _no_choice(assignment, block, stock.sizes, orders[-1], bounds)
    return _Quantities(asked, queries, gallery, matched)


def _orders(assignment: Assignment, block: Retrieval, stock: _Stock) -> list[Rows]:
    """Return three orders of the categories that may be queried: random, largest first and most room first."""
    keys = derive_keys(stock.names.astype(np.uint64), f"{assignment.seed}:category:{block.query}")
    order = np.argsort(keys, kind="stable")
    order = order[stock.room[order] > 0]
    return [order, *(order[np.argsort(-by[order], kind="stable")] for by in (stock.sizes, stock.room))]


def _enough(stock: _Stock, order: Rows, products: int, queries: int) -> int:
    """Return how many categories of ``order``, from the first, suffice for the products and queries, or all."""
    held, room = np.cumsum(stock.sizes[order]), np.cumsum(stock.room[order])
    return 1 + int(max(np.searchsorted(held, products), np.searchsorted(room, queries)))


def _no_choice(assignment: Assignment, block: Retrieval, sizes: Rows, order: Rows, bounds: Bounds) -> RecipeError:
    """Return the error that names the shortage: of matched samples, distractors or room for queries."""
    there = int(sizes[order].sum())
    if there < bounds.low:
        wanted = bounds.low - bounds.queries
        return assignment.shortage(block.gallery, wanted, max(there - bounds.queries, 0), "matched products")
    held = int(sizes[smallest_sum(sizes, order, bounds.low)].sum())
    if held > bounds.high:
        spare = int(sizes.sum())
        return assignment.shortage(block.gallery, spare - bounds.high, spare - held, "distractors")
    return assignment.shortage(block.query, bounds.queries, bounds.most, "queries in as many categories")


def choose_categories(sizes: Rows, room: Rows, orders: Sequence[Rows], bounds: Bounds) -> Flags | None:
    """Choose as many categories as the bounds allow; None if no choice was found.

    Each order is gone through once, taking what fits. If no result is inside the bounds, all possible
    sums of the categories of the last order are considered.

    Args:
        sizes: Products of each category.
        room: Queries that each category has room for.
        orders: Categories that may be chosen, the preferred order first.
        bounds: Bounds that the choice must meet.
    """
    for order in orders:
        chosen = _first_that_fit(sizes, order, bounds)
        if _holds(sizes, room, chosen, bounds):
            return chosen
    chosen = smallest_sum(sizes, orders[-1], bounds.low)
    return chosen if _holds(sizes, room, chosen, bounds) else None


def smallest_sum(sizes: Rows, order: Rows, low: int) -> Flags:
    """Return categories whose sizes have the smallest sum of at least ``low``; all if none reaches it.

    Subset sums by dynamic programming: ``last[s]`` is the place of the category that first made sum ``s`` possible.
    """
    top = int(sizes[order].sum())
    last = np.full(top + 1, -1, dtype=np.int64)
    possible = np.zeros(top + 1, dtype=bool)
    possible[0] = True
    for place, category in enumerate(order):
        size = int(sizes[category])
        fresh = possible[: top + 1 - size] & ~possible[size:]
        last[size:][fresh] = place
        possible[size:] |= fresh
        if low <= top and possible[low]:
            break
    reached = np.flatnonzero(possible[low:]) + low if low <= top else np.array([top])
    return _trace(sizes, order, last, int(reached[0]))


def _first_that_fit(sizes: Rows, order: Rows, bounds: Bounds) -> Flags:
    chosen = np.zeros(len(sizes), dtype=bool)
    left, free = bounds.high, bounds.most
    for category in order:
        size = int(sizes[category])
        if free and size <= left:
            chosen[category] = True
            left, free = left - size, free - 1
    return chosen


def _holds(sizes: Rows, room: Rows, chosen: Flags, bounds: Bounds) -> bool:
    products = int(sizes[chosen].sum())
    fits = bounds.low <= products <= bounds.high and int(chosen.sum()) <= bounds.most
    return fits and int(room[chosen].sum()) >= bounds.queries


def _trace(sizes: Rows, order: Rows, last: Rows, total: int) -> Flags:
    chosen = np.zeros(len(sizes), dtype=bool)
    while total:
        category = order[last[total]]
        chosen[category] = True
        total -= int(sizes[category])
    return chosen


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Drawn queries and their matches."""

    queries: Rows
    right: Ranked
    """Products of the queries' components that may be in the gallery, in random order by component."""


def fill_fine(assignment: Assignment, block: Retrieval) -> list[FilledSplit]:
    """Draw fine queries and their gallery from the reserve.

    Distractors come from the chosen categories first. None is connected with a query by a group,
    a match or an undecided judgement.

    Raises:
        RecipeError: The catalogue has too few matches, or too few products.
    """
    most = assignment.most(block.size, "reserve")
    pairs = _draw_pairs(assignment, block, matched_of(assignment, block, most))
    others = np.flatnonzero(_unrelated(assignment, block, pairs.queries))
    total = assignment.wanted(block.gallery, block.size, "reserve", len(pairs.right.rows) + len(others))
    right = _draw_right(assignment, block, pairs, total)
    if len(right) + len(others) < min(total, block.size.number or block.size.least):
        raise assignment.shortage(block.gallery, total, len(right) + len(others))
    distractors = _draw_unrelated(assignment, block, others, total - len(right))
    component = assignment.encoded.component
    gallery = np.concatenate([right, distractors])
    labels = np.concatenate([component[right], np.full_like(distractors, -1)])
    order = np.argsort(gallery)
    return [
        FilledSplit(block.query, pairs.queries, "query", component[pairs.queries], "match"),
        FilledSplit(block.gallery, gallery[order], "gallery", labels[order], "match"),
    ]


def _draw_right(assignment: Assignment, block: Retrieval, pairs: _Pairs, total: int) -> Rows:
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


def _draw_unrelated(assignment: Assignment, block: Retrieval, others: Rows, number: int) -> Rows:
    """Draw whole clusters one after the other: the rest of a cluster could not be used elsewhere."""
    keys = assignment.keys(block.gallery, others)
    clusters = assignment.keys(block.gallery, assignment.encoded.cluster[others])
    strange = ~chosen_products(assignment, block)[others]
    return others[np.lexsort((keys, clusters, strange))[:number]]


def _draw_pairs(assignment: Assignment, block: Retrieval, most: int) -> _Pairs:
    """Draw queries among products whose matches were searched for, first one of each component.

    If queries need a match, one product of each component (one duplicate group, if near duplicates are
    removed) is left for the gallery. Of components that share a duplicate group, and are thus probably
    one product that was not judged, only one is used.

    Args:
        assignment: State of the splits.
        block: The recipe's retrieval block.
        most: Components that the gallery has room for, if each query needs a match.

    Raises:
        RecipeError: There are too few products.
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
    return _Pairs(queries, rank_within(rows[right], strata[right], gallery_keys))


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
