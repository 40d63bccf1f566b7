"""The plan of both shops: every listing with its flaws, all from one seed, before anything is drawn."""

from dataclasses import dataclass, replace

import numpy as np

from annotate.judgements import Judgement
from demo_shops.copies import add_copies
from demo_shops.flaws import Deck, add_contacts, add_missing, spoil_films, spoil_photos
from demo_shops.goods import Assortment, ShopName, read_assortment
from demo_shops.judgements import Pair, choose_pairs, judge
from demo_shops.listings import Listing
from demo_shops.merchants import deal_merchants
from demo_shops.presets import PRESETS, Preset, Size
from demo_shops.shelving import make_barred, make_film, stock_shelves

__all__ = ["SEED", "Plan", "make_plan"]

SEED = 20_220_619
"""The one seed: everything else follows from it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Both shops, complete."""

    size: Size
    assortment: Assortment
    listings: tuple[Listing, ...]
    """Products that a right crawl ends with, before duplicates are looked for; by shop, then native id."""
    barred: tuple[Listing, ...]
    """Products that must not be taken, two a shop: behind robots.txt, then opted out."""
    pairs: tuple[Pair, ...]
    judgements: tuple[Judgement, ...]

    def of(self, shop: ShopName) -> tuple[Listing, ...]:
        """Return the listings of one shop, by native id."""
        return tuple(one for one in self.listings if one.shop == shop)


def _add_films(listings: list[Listing], preset: Preset, rng: np.random.Generator) -> None:
    chosen = rng.permutation(len(listings))[: round(preset.film_share * len(listings))]
    for place in map(int, chosen):
        film = make_film(listings[place], preset.film_seconds, rng)
        listings[place] = replace(listings[place], film=film)


def make_plan(size: Size) -> Plan:
    """Return the plan of one size; every call returns an equal one."""
    rng, preset, assortment = np.random.default_rng(SEED), PRESETS[size], read_assortment()
    listings = stock_shelves(size, assortment, rng)
    _add_films(listings, preset, rng)
    deck = Deck(listings, rng)
    spoil_films(deck, preset)
    add_missing(deck, preset)
    add_contacts(Deck(listings, rng), preset, rng)
    copies = add_copies(deck, preset, assortment, rng)
    spoil_photos(deck, preset, rng)
    products = deal_merchants([*listings, *copies], rng)
    pairs = choose_pairs(products, rng)
    return Plan(
        size=size,
        assortment=assortment,
        listings=tuple(sorted(products, key=lambda one: (one.shop, one.native_id))),
        barred=tuple(deal_merchants(make_barred(assortment, rng), rng)),
        pairs=tuple(pairs),
        judgements=tuple(judge(pairs, rng)),
    )
