"""Categories that belong to another class than the one their outermost category is mapped to."""

from collections.abc import Iterable, Mapping, Sequence

from align.category import Category
from align.pairs import EVEN, Pair
from align.review.standing import Standing

__all__ = ["find_moves", "standing_out"]


def find_moves(
    joined: Iterable[tuple[Category, Category]], class_of: Mapping[Category, str], sizes: Mapping[Category, int]
) -> dict[Category, str]:
    """Return second-level category -> class that it moves to, for categories joined across classes.

    A label lies in one class: that of most products among the categories joined; of the smaller name
    where two have as many.

    Args:
        joined: Pairs of second-level categories that are one label.
        class_of: Second-level category -> class by its outermost category.
        sizes: Second-level category -> products in it and below.
    """
    group_of: dict[Category, set[Category]] = {}
    for a, b in joined:
        group = group_of.setdefault(a, {a}) | group_of.setdefault(b, {b})
        group_of.update(dict.fromkeys(group, group))
    moves = {}
    for category, group in sorted(group_of.items()):
        products: dict[str, int] = {}
        for member in group:
            products[class_of[member]] = products.get(class_of[member], 0) + sizes.get(member, 0)
        chosen = min(products, key=lambda name: (-products[name], name))
        if chosen != class_of[category]:
            moves[category] = chosen
    return moves


def standing_out(
    pairs: Sequence[Pair], class_of: Mapping[Category, str], decided: Standing
) -> list[tuple[Category, Category]]:
    """Return the pairs across classes that the learned rule holds to be one label.

    Only where each is the most probable partner of the other, its own class included: a category
    leaves its class for its equal, never for a mere relative. Pairs that a person rejected are left out.
    """
    best: dict[tuple[Category, str], Pair] = {}
    for pair in pairs:
        ends = pair.a.own[0], pair.b.own[0]
        for end, other in (ends, ends[::-1]):
            place = end, other.source
            if place not in best or (pair.probability or 0.0) > (best[place].probability or 0.0):
                best[place] = pair
    found = []
    for pair in pairs:
        a, b = pair.a.own[0], pair.b.own[0]
        mutual = best[a, b.source] is pair and best[b, a.source] is pair
        probable = pair.probability is not None and pair.probability >= EVEN
        if mutual and probable and class_of[a] != class_of[b] and decided.verdict(a, b) is not False:
            found.append((a, b))
    return found
