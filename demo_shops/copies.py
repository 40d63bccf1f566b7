"""Listings that repeat another one of the same shop, exactly or nearly."""

from dataclasses import replace
from itertools import cycle

import numpy as np

from demo_shops.flaws import Deck
from demo_shops.goods import SHOPS, Assortment, ShopName
from demo_shops.listings import CopyRule, Listing, Photo
from demo_shops.presets import Preset
from demo_shops.shelving import make_photos, name_listing
from demo_shops.wording import write_caption

__all__ = ["add_copies"]

_RECOMPRESSED = 62
"""JPEG quality of a re-encoded photo; the first one has 88."""
_FULL_WIDTH = {ord("A") + n: ord("Ａ") + n for n in range(26)}


def _same_pictures(photos: tuple[Photo, ...], base: Listing, quality: int) -> tuple[Photo, ...]:
    return tuple(replace(new, view=old.view, quality=quality) for new, old in zip(photos, base.photos, strict=True))


def _copy(base: Listing, name: str, rule: CopyRule, assortment: Assortment, rng: np.random.Generator) -> Listing:
    """Return a copy of ``base`` under another id; its film stays only in a copy of everything."""
    new = replace(base, native_id=name, base=base.native_id, copy_rule=rule)
    photos = make_photos(base.shop, name, rng)
    reworded = write_caption(base.good, base.shop, assortment, rng)
    if rule == "content_text":
        return replace(new, photos=_same_pictures(photos, base, base.photos[0].quality))
    if rule == "content":
        same = _same_pictures(photos, base, base.photos[0].quality)
        return replace(new, photos=same, film=None, caption=reworded, caption_contact=None)
    if rule == "text":  # the same to a reader: full-width letters
        return replace(new, photos=photos, film=None, caption=(base.caption or "").translate(_FULL_WIDTH))
    if rule == "near_photo":
        again = _same_pictures(photos, base, _RECOMPRESSED)
        return replace(new, photos=again, film=None, caption=reworded, caption_contact=None)
    return replace(new, photos=photos, film=None, caption=f"{base.caption} 新款")


def _draw_base(deck: Deck, shop: ShopName, rule: CopyRule) -> Listing:
    """Return a listing of the shop that nothing is wrong with; one with a film where that is copied too."""
    filmed = rule == "content_text"
    return deck.listings[deck.draw(lambda one: one.shop == shop and (one.film is not None or not filmed))]


def add_copies(deck: Deck, preset: Preset, assortment: Assortment, rng: np.random.Generator) -> list[Listing]:
    """Return the copies, of both shops in turn; their bases are drawn from the deck."""
    count = {shop: sum(one.shop == shop for one in deck.listings) for shop in SHOPS}
    rules = [rule for rule, wanted in preset.copies.items() for _ in range(wanted)]
    copies = []
    for shop, rule in zip(cycle(SHOPS), rules, strict=False):
        base = _draw_base(deck, shop, rule)
        copies.append(_copy(base, name_listing(shop, count[shop]), rule, assortment, rng))
        count[shop] += 1
    return copies
