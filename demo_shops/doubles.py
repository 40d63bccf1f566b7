"""Which listings are the same product twice in one shop, told from the plan."""

import unicodedata
from collections.abc import Callable, Hashable

from demo_shops.listings import Listing
from demo_shops.planning import Plan

__all__ = ["Groups", "exact_content", "exact_text", "near_image", "near_text"]

Groups = tuple[tuple[str, ...], ...]
"""Groups of two or more product ids, each sorted, in the order of their first."""


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _content(one: Listing) -> Hashable:
    """Return what decides the bytes of a listing's pictures, and its table; None: it has none, or one fails."""
    if not one.photos or any(photo.outcome != "ok" for photo in one.photos):
        return None
    return (tuple((photo.view, photo.quality) for photo in one.photos), one.specs_masked)


def _views(one: Listing) -> Hashable:
    return tuple(photo.view for photo in one.photos) or None


def _words(one: Listing) -> Hashable:
    if not one.caption_masked or not one.specs_masked:
        return None
    return (_plain(one.caption_masked), tuple((_plain(name), _plain(value)) for name, value in one.specs_masked))


def _group(plan: Plan, key: Callable[[Listing], Hashable]) -> Groups:
    found: dict[Hashable, list[str]] = {}
    for one in plan.listings:
        found.setdefault(key(one), []).append(one.product_id)
    return tuple(sorted(tuple(sorted(ids)) for by, ids in found.items() if by is not None and len(ids) > 1))


def exact_content(plan: Plan) -> Groups:
    """Return groups whose pictures are the same bytes and whose tables are equal."""
    return _group(plan, _content)


def exact_text(plan: Plan) -> Groups:
    """Return groups whose caption and table are the same but for case, width and white space."""
    return _group(plan, _words)


def near_image(plan: Plan) -> Groups:
    """Return groups with the same pictures in other encodings."""
    same = set(exact_content(plan))
    return tuple(group for group in _group(plan, _views) if group not in same)


def near_text(plan: Plan) -> Groups:
    """Return groups whose captions differ by one word."""
    copies = [one for one in plan.listings if one.copy_rule == "near_caption"]
    there = {one.product_id for one in plan.listings}
    pairs = [(f"{one.shop}:{one.base}", one.product_id) for one in copies]
    return tuple(sorted(pair for pair in pairs if there.issuperset(pair)))
