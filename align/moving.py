"""Categories that belong to another class than the one their outermost category is mapped to."""

from collections.abc import Iterable, Mapping

from align.category import Category

__all__ = ["find_moves"]


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
