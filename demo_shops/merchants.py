"""Merchants of both shops, with one to ten products each."""

from dataclasses import replace

import numpy as np

from demo_shops.goods import ShopName
from demo_shops.listings import Listing

__all__ = ["deal_merchants"]

_FIRST: dict[ShopName, tuple[str, ...]] = {
    "north": ("青禾", "云间", "拾光", "半夏", "南枝", "小满", "知夏", "望舒", "白露", "松间", "竹里", "漫野", "初一"),
    "south": ("喆记", "堃达", "镕庭", "福顺", "老街", "金桥", "华联", "百佳", "祥云", "宏图", "兴隆", "瑞丰", "东门"),
}
"""Invented names; some southern ones hold characters that GBK has and GB2312 lacks."""
_SECOND: dict[ShopName, tuple[str, ...]] = {"north": ("旗舰店", "专营店"), "south": ("商行", "小店")}
_MOST = 10
_DECLINE = 0.92
"""Each merchant has this share of the products of the one before."""


def _slots(shop: ShopName, wanted: int) -> list[str]:
    """Return ``wanted`` merchants' names, each as often as it has products."""
    names = [first + second for second in _SECOND[shop] for first in _FIRST[shop]]
    most = min(_MOST, max(1, wanted // 3))
    slots = [name for n, name in enumerate(names) for _ in range(max(1, round(most * _DECLINE**n)))]
    if len(slots) < wanted:
        raise LookupError(
            f"demo plan: {len(slots)} places at merchants of {shop}, wanted {wanted}; name more merchants"
        )
    return slots[:wanted]


def deal_merchants(listings: list[Listing], rng: np.random.Generator) -> list[Listing]:
    """Return the listings, each with its merchant, in the same order."""
    slots = {shop: _slots(shop, sum(one.shop == shop for one in listings)) for shop in _FIRST}
    orders = {shop: iter(rng.permutation(names).tolist()) for shop, names in slots.items()}
    return [replace(one, merchant=next(orders[one.shop])) for one in listings]
