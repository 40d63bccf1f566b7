"""Coarse retrieval, first half: how many queries and gallery samples, of which categories."""

from dataclasses import dataclass

import numpy as np

from m5data.errors import RecipeError
from splits.allocation import count_each
from splits.category_choice import Bounds, choose_categories, smallest_sum
from splits.draft import Draft
from splits.keys import Flags, Rows, stir
from splits.naming import chosen_products, matched_of
from splits.recipe_parts import Retrieval

__all__ = ["Plan", "Stock", "plan_coarse", "take_stock"]


@dataclass(frozen=True, slots=True)
class Stock:
    """What there is to draw from."""

    rows: Rows
    strata: Rows
    """Number of each row's category, from 0."""
    units: Rows | None
    """Duplicate group of each row, where near duplicates of a query must go; None: each row by itself."""
    names: Rows
    """Id of each category, ascending."""
    sizes: Rows
    """Rows of each category."""
    room: Rows
    """Queries that each category has room for; 0: it may not be asked for."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to draw."""

    asked: Flags
    """Categories that have queries."""
    queries: int
    gallery: int
    matched: int
    """Gallery samples of asked categories; fewer where the recipe gives no number and no more are there."""


def take_stock(draft: Draft, block: Retrieval) -> Stock:
    """Return the labelled products of the reserve that ``block`` may use."""
    categories = draft.coded.categories[draft.recipe.level_of(block)]
    free = draft.available(block, "reserve") & (categories >= 0)
    units = None
    if block.near_duplicates == "remove":
        # a duplicate group of two categories would be right and wrong at once
        free &= categories == categories[draft.coded.group]
        units = draft.coded.group[free]
    rows = np.flatnonzero(free)
    names, strata = np.unique(categories[rows], return_inverse=True)
    sizes = np.bincount(strata, minlength=len(names))
    distinct = sizes
    if units is not None:
        _, first = np.unique(units, return_index=True)
        distinct = np.bincount(strata[first], minlength=len(names))
    asked = count_each(categories, names) >= block.min_category
    asked[strata[~chosen_products(draft, block)[rows]]] = False  # categories are asked for whole
    room = np.where(asked, np.maximum(distinct - int(block.need_match), 0), 0)
    return Stock(rows, strata, units, names, sizes, room)


def plan_coarse(draft: Draft, block: Retrieval, stock: Stock) -> Plan | None:
    """Return how many to draw of which categories; None where queries or gallery may be, and are, empty.

    Raises:
        RecipeError: The catalogue has too few products, or no choice of categories leaves enough
            for matched samples and for distractors.
    """
    queries = draft.wanted(block.query, block.queries, "reserve", int(stock.room.sum()))
    gallery = draft.wanted(block.gallery, block.size, "reserve", len(stock.rows) - queries)
    matched = matched_of(draft, block, gallery)
    # each category needs a gallery sample, so no more than `matched` categories can have queries
    most_room = int(np.sort(stock.room)[::-1][:matched].sum())
    queries = min(queries, draft.wanted(block.query, block.queries, "reserve", most_room))
    if not queries or not gallery:
        draft.wanted(block.gallery, block.size, "reserve", 0)
        return None
    bounds = Bounds(0, len(stock.rows), queries, min(queries, matched))
    orders = _orders(draft, block, stock)
    if block.matched is not None and block.matched.share is not None:
        orders[0] = orders[0][: _enough(stock, orders[0], queries + matched, queries)]
    elif block.matched is not None:
        high = len(stock.rows) - (gallery - matched)
        bounds = Bounds(queries + matched, high, queries, min(queries, matched))
    asked = choose_categories(stock.sizes, stock.room, orders, bounds)
    if asked is None:
        raise _no_choice(draft, block, stock.sizes, orders[-1], bounds)
    return Plan(asked, queries, gallery, matched)


def _orders(draft: Draft, block: Retrieval, stock: Stock) -> list[Rows]:
    """Return the categories that may be asked for: at random, largest first, and those with most room first."""
    keys = stir(stock.names.astype(np.uint64), f"{draft.seed}:category:{block.query}")
    order = np.argsort(keys, kind="stable")
    order = order[stock.room[order] > 0]
    return [order, *(order[np.argsort(-by[order], kind="stable")] for by in (stock.sizes, stock.room))]


def _enough(stock: Stock, order: Rows, products: int, queries: int) -> int:
    """Return how many categories of ``order`` hold so many products and queries; all where they do not."""
    held, room = np.cumsum(stock.sizes[order]), np.cumsum(stock.room[order])
    return 1 + int(max(np.searchsorted(held, products), np.searchsorted(room, queries)))


def _no_choice(draft: Draft, block: Retrieval, sizes: Rows, order: Rows, bounds: Bounds) -> RecipeError:
    """Return the error that names what falls short: matched samples, distractors or room for queries."""
    there = int(sizes[order].sum())
    if there < bounds.low:
        wanted = bounds.low - bounds.queries
        return draft.shortage(block.gallery, wanted, max(there - bounds.queries, 0), "matched products")
    held = int(sizes[smallest_sum(sizes, order, bounds.low)].sum())
    if held > bounds.high:
        spare = int(sizes.sum())
        return draft.shortage(block.gallery, spare - bounds.high, spare - held, "distractors")
    return draft.shortage(block.query, bounds.queries, bounds.most, "queries in as many categories")
