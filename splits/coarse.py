"""Coarse retrieval, second half: a gallery sample of the query's category is right."""

import numpy as np

from splits.allocation import allocate, draw, rank_within
from splits.coarse_plan import Plan, Stock, plan_coarse, take_stock
from splits.draft import Draft, Holding
from splits.keys import Flags, Rows
from splits.recipe_parts import Retrieval

__all__ = ["fill_coarse"]


def fill_coarse(draft: Draft, block: Retrieval) -> list[Holding]:
    """Draw coarse queries and their gallery from the reserve.

    Some categories are asked for: each has queries in proportion to its size, at least one, and
    gallery samples likewise. All other categories give distractors.

    Raises:
        RecipeError: The catalogue has too few products, or no choice of categories leaves enough
            for matched samples and for distractors.
    """
    stock = take_stock(draft, block)
    plan = plan_coarse(draft, block, stock)
    queries = matched = distractors = np.zeros(0, dtype=np.int64)
    if plan is not None:
        queries = _draw_queries(draft, block, stock, plan)
        matched = _draw_matched(draft, block, stock, plan, queries)
        distractors = _draw_distractors(draft, block, stock, plan, len(matched))
    level = draft.recipe.level_of(block)
    categories = draft.coded.categories[level]
    gallery = np.concatenate([matched, distractors])
    labels = np.concatenate([categories[matched], np.full_like(distractors, -1)])
    order = np.argsort(gallery)
    return [
        Holding(block.query, queries, "query", categories[queries], level),
        Holding(block.gallery, gallery[order], "gallery", labels[order], level),
    ]


def _draw_queries(draft: Draft, block: Retrieval, stock: Stock, plan: Plan) -> Rows:
    room = np.where(plan.asked, stock.room, 0)
    quotas = allocate(plan.queries, stock.sizes, np.minimum(room, 1), room)
    keys = draft.keys(block.query, stock.rows)
    return draw(rank_within(stock.rows, stock.strata, keys, stock.units), quotas)


def _draw_matched(draft: Draft, block: Retrieval, stock: Stock, plan: Plan, queries: Rows) -> Rows:
    left = plan.asked[stock.strata] & ~np.isin(stock.rows, queries)
    if stock.units is not None:
        left &= ~np.isin(stock.units, draft.coded.group[queries])
    sizes = np.bincount(stock.strata[left], minlength=len(stock.sizes))
    there = int(sizes.sum())
    if there < plan.matched and block.matched is not None and block.matched.number is not None:
        raise draft.shortage(block.gallery, plan.matched, there, "matched products")
    low = np.minimum(sizes, int(block.need_match))
    quotas = allocate(min(plan.matched, there), sizes, low, sizes)
    return _draw_from(draft, block, stock, left, quotas)


def _draw_distractors(draft: Draft, block: Retrieval, stock: Stock, plan: Plan, matched: int) -> Rows:
    left = ~plan.asked[stock.strata] & block.distractors
    sizes = np.bincount(stock.strata[left], minlength=len(stock.sizes))
    wanted, there = plan.gallery - matched, int(sizes.sum())
    if wanted > there and (block.size.number is not None or matched + there < block.size.least):
        raise draft.shortage(block.gallery, plan.gallery, matched + there)
    total = min(wanted, there)
    low = np.minimum(sizes, int(total >= np.count_nonzero(sizes)))
    return _draw_from(draft, block, stock, left, allocate(total, sizes, low, sizes))


def _draw_from(draft: Draft, block: Retrieval, stock: Stock, chosen: Flags, quotas: Rows) -> Rows:
    keys = draft.keys(block.gallery, stock.rows[chosen])
    return draw(rank_within(stock.rows[chosen], stock.strata[chosen], keys), quotas)
