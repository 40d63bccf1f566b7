"""Captions and specification tables: the same good in the words of either shop."""

import numpy as np

from demo_shops.goods import Assortment, Good, ShopName

__all__ = ["write_caption", "write_specs"]

_PROMISES: dict[ShopName, tuple[str, ...]] = {
    "north": ("【包邮】", "【新品】", "【官方授权】", "【顺丰速运】", "【七天退换】"),
    "south": ("厂家直销", "特价清仓", "专柜品质", "满百包邮", "店主推荐"),
}
_AMPERSAND = 0.1
"""Share of captions with an ampersand, which HTML must escape."""


def _words(good: Good, shop: ShopName, assortment: Assortment, rng: np.random.Generator) -> list[str]:
    """Return the kind's words in a new order, all but one, as the shop says them."""
    order = rng.permutation(len(good.kind.words))[:-1]
    words = [good.kind.words[int(i)] for i in order]
    return [assortment.south_words.get(word, word) for word in words] if shop == "south" else words


def _pairs(words: list[str], ampersand: bool) -> str:  # noqa: FBT001 - one private call, both words said
    pairs = [words[i : i + 2] for i in range(0, len(words), 2)]
    glue = ["&" if ampersand and i == 0 else "" for i in range(len(pairs))]
    return " ".join(sign.join(pair) for sign, pair in zip(glue, pairs, strict=True))


def write_caption(good: Good, shop: ShopName, assortment: Assortment, rng: np.random.Generator) -> str:
    """Return a new caption of 30 to 60 characters; each call words it anew."""
    promise = _PROMISES[shop][int(rng.integers(len(_PROMISES[shop])))]
    words = _pairs(_words(good, shop, assortment, rng), ampersand=bool(rng.random() < _AMPERSAND))
    colour, size = good.colour.names[shop], next(iter(good.options.values()))
    if shop == "north":
        return f"{promise} {good.brand} {words} {size} {colour} {good.model}"
    return f"{words} {good.brand}{good.model} {colour} {promise}"


def _in_southern_units(value: str, assortment: Assortment) -> str:
    for unit, written in assortment.south_units.items():
        if value.endswith(unit):
            return value.removesuffix(unit) + written
    return value


def write_specs(good: Good, shop: ShopName, assortment: Assortment) -> tuple[tuple[str, str], ...]:
    """Return the good's specification table as the shop prints it, in the shop's order."""
    rows = [("品牌", good.brand), ("型号", good.model), *good.options.items()]
    rows.append(("颜色", good.colour.names[shop]))
    if shop == "north":
        return tuple(rows)
    renamed = [
        (assortment.south_properties.get(name, name), _in_southern_units(value, assortment)) for name, value in rows
    ]
    return (renamed[0], *reversed(renamed[1:]))
