"""Which shop sells which good, as plain listings: no film, no flaw, no copy, no merchant yet."""

from collections.abc import Iterator
from decimal import Decimal

import numpy as np

from demo_shops.goods import SHOPS, Assortment, Good, ShopName, make_good
from demo_shops.listings import Film, Listing, Photo
from demo_shops.presets import Size
from demo_shops.wording import write_caption, write_specs

__all__ = ["make_barred", "make_film", "make_photos", "name_listing", "stock_shelves"]

_PHOTOS = 5
_MICRODATA = 0.4
"""Share of northern pages that carry microdata instead of JSON-LD."""
_OUT_OF_STOCK = 0.08
_BARRED_GOODS = 900
"""First number of the goods on pages that must not be taken; far above any other good's."""


def name_listing(shop: ShopName, number: int) -> str:
    """Return the native id of the shop's listing ``number``, counted from 0."""
    return f"N{10_001 + number}" if shop == "north" else str(30_001 + number)


def make_photos(shop: ShopName, native_id: str, rng: np.random.Generator) -> tuple[Photo, ...]:
    """Return five new views of a listing's good."""
    template = "/img/{id}_{n}.jpg" if shop == "north" else "/pic/{id}/{n}.jpg"
    return tuple(Photo(template.format(id=native_id, n=n), int(rng.integers(2**31)), n) for n in range(_PHOTOS))


def _places(size: Size, assortment: Assortment, rng: np.random.Generator) -> Iterator[tuple[ShopName, Good]]:
    """Yield each place where a good is sold."""
    number = 0
    for kind in assortment.kinds:
        shared, north, south, again = kind.listed[size]
        for place in range(shared + north + south):
            good = make_good(number, kind, assortment, rng)
            number += 1
            if place < shared + north:
                yield "north", good
            if place < shared or place >= shared + north:
                yield "south", good
            if place < again:
                yield "north", good


def _listing(shop: ShopName, native_id: str, good: Good, assortment: Assortment, rng: np.random.Generator) -> Listing:
    north = shop == "north"
    share = 1.0 if north else float(rng.uniform(0.8, 1.1))
    return Listing(
        shop=shop,
        native_id=native_id,
        good=good,
        markup=("microdata" if rng.random() < _MICRODATA else "json-ld") if north else "plain",
        merchant="",
        caption=write_caption(good, shop, assortment, rng),
        specs=write_specs(good, shop, assortment),
        price=Decimal(round(good.price * share * 10)).scaleb(-1).quantize(Decimal("0.01")),
        photos=make_photos(shop, native_id, rng),
        availability="OutOfStock" if rng.random() < _OUT_OF_STOCK else "InStock",
    )


def stock_shelves(size: Size, assortment: Assortment, rng: np.random.Generator) -> list[Listing]:
    """Return a listing for every place where a good is sold, the north first, shuffled within a shop."""
    places = list(_places(size, assortment, rng))
    found: list[Listing] = []
    for shop in SHOPS:
        goods = [good for where, good in places if where == shop]
        found.extend(
            _listing(shop, name_listing(shop, number), goods[int(index)], assortment, rng)
            for number, index in enumerate(rng.permutation(len(goods)))
        )
    return found


def make_barred(assortment: Assortment, rng: np.random.Generator) -> list[Listing]:
    """Return two listings a shop that must not be taken: behind robots.txt, and opted out."""
    names = [(shop, name_listing(shop, 8_000 + n)) for shop in SHOPS for n in range(2)]
    return [
        _listing(shop, name, make_good(_BARRED_GOODS + n, assortment.kinds[0], assortment, rng), assortment, rng)
        for n, (shop, name) in enumerate(names)
    ]


def make_film(one: Listing, seconds: tuple[int, int], rng: np.random.Generator) -> Film:
    """Return a new film of a listing; short ones are commoner than long ones."""
    folder = "video" if one.shop == "north" else "media"
    quarters = round(4 * (seconds[0] + (seconds[1] - seconds[0]) * float(rng.beta(1.0, 3.6))))
    return Film(f"/{folder}/{one.native_id}.mp4", int(rng.integers(2**31)), Decimal(quarters) / 4)
