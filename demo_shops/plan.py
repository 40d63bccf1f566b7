"""The plan of both shops: every listing with its flaws, generated from one seed before anything is drawn."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import cycle

import numpy as np

from annotate.judgements import Judgement
from demo_shops.judgements import Pair, choose_pairs, judge
from demo_shops.listings import (
    PRESETS,
    Contact,
    CopyRule,
    ListedImage,
    ListedVideo,
    Listing,
    Missing,
    Outcome,
    Preset,
    Size,
)
from demo_shops.products import SHOPS, Assortment, Product, ShopName, make_product, read_assortment

__all__ = ["SEED", "Plan", "make_plan"]


class Deck:
    """Shuffled indices into a list of listings; each is drawn once.

    Args:
        listings: The listings to draw from; callers change the list in place.
        rng: Source of the shuffle.
    """

    def __init__(self, listings: list[Listing], rng: np.random.Generator) -> None:
        self.listings = listings
        self._cards = [int(card) for card in rng.permutation(len(listings))]

    def draw(self, suits: Callable[[Listing], bool] = lambda _: True) -> int:
        """Remove and return the next index whose listing is suitable.

        Raises:
            LookupError: No suitable listing is left; the preset asks for more than there are.
        """
        for card in self._cards:
            if suits(self.listings[card]):
                self._cards.remove(card)
                return card
        raise LookupError(f"demo plan: no suitable listing among {len(self._cards)} left; lower the preset's counts")


def _without(one: Listing, lacking: Missing) -> Listing:
    if lacking == "audio" and one.video:
        return replace(one, video=replace(one.video, audio=False))
    if lacking == "specs":
        return replace(one, specs=())
    if lacking == "images":
        return replace(one, images=())
    return replace(one, caption=None)


def add_missing(deck: Deck, preset: Preset) -> None:
    """Remove modalities; captions only where markup alone identifies the product page."""
    suits: dict[Missing, Callable[[Listing], bool]] = {
        "audio": lambda one: one.video is not None,
        "caption": lambda one: one.markup == "json-ld",
    }
    for lacking, count in preset.missing.items():
        for _ in range(count):
            place = deck.draw(suits.get(lacking, lambda _: True))
            deck.listings[place] = _without(deck.listings[place], lacking)


def _with_broken(one: Listing, outcomes: Sequence[Outcome], rng: np.random.Generator) -> Listing:
    images = list(one.images)
    for place, outcome in zip(rng.permutation(len(images)), outcomes, strict=False):
        images[int(place)] = replace(images[int(place)], outcome=outcome)
    return replace(one, images=tuple(images))


def break_images(deck: Deck, preset: Preset, rng: np.random.Generator) -> None:
    """Make images fail, at random positions in the gallery."""
    outcomes = [outcome for outcome, count in preset.image_flaws.items() for _ in range(count)]
    step = preset.flaws_per_listing
    for start in range(0, len(outcomes), step):
        place = deck.draw()
        deck.listings[place] = _with_broken(deck.listings[place], outcomes[start : start + step], rng)


def break_videos(deck: Deck, preset: Preset) -> None:
    """Make videos fail."""
    for outcome, count in preset.video_flaws.items():
        for _ in range(count):
            place = deck.draw(lambda one: one.video is not None)
            video: ListedVideo | None = deck.listings[place].video
            if video is not None:
                deck.listings[place] = replace(deck.listings[place], video=replace(video, outcome=outcome))


def _contact(kind: str, rng: np.random.Generator) -> Contact:
    digits = "".join(str(int(d)) for d in rng.integers(0, 10, 8))
    if kind == "wechat":
        lead = ("加微信：", "VX：", "微信号:")[int(rng.integers(3))]
        return Contact("wechat", lead, f"demo_{digits[:6]}")
    if kind == "email":
        return Contact("email", "邮箱：", f"shop{digits[:4]}@mail.example")
    number = f"139{digits[:4]}{digits[4:]}" if rng.random() < 0.5 else f"139-{digits[:4]}-{digits[4:]}"
    return Contact("phone", "咨询电话：", number)


def add_contacts(deck: Deck, preset: Preset, rng: np.random.Generator) -> None:
    """Write contact details into captions, and telephone numbers into tables."""
    for kind, count in preset.contacts.items():
        for _ in range(count):
            place = deck.draw(lambda one: bool(one.caption) and bool(one.specs))
            if kind == "spec":
                change = replace(deck.listings[place], spec_contact=_contact("phone", rng))
            else:
                change = replace(deck.listings[place], caption_contact=_contact(kind, rng))
            deck.listings[place] = change


_PROMISES: dict[ShopName, tuple[str, ...]] = {
    "north": ("【包邮】", "【新品】", "【官方授权】", "【顺丰速运】", "【七天退换】"),
    "south": ("厂家直销", "特价清仓", "专柜品质", "满百包邮", "店主推荐"),
}
_AMPERSAND = 0.1
"""Share of captions with an ampersand, which HTML must escape."""


def _words(product: Product, shop: ShopName, assortment: Assortment, rng: np.random.Generator) -> list[str]:
    """Return all but one of the kind's words, shuffled, in the shop's vocabulary."""
    order = rng.permutation(len(product.kind.words))[:-1]
    words = [product.kind.words[int(i)] for i in order]
    return [assortment.south_words.get(word, word) for word in words] if shop == "south" else words


def _pairs(words: list[str], ampersand: bool) -> str:  # noqa: FBT001 - the only caller passes it by name
    pairs = [words[i : i + 2] for i in range(0, len(words), 2)]
    glue = ["&" if ampersand and i == 0 else "" for i in range(len(pairs))]
    return " ".join(sign.join(pair) for sign, pair in zip(glue, pairs, strict=True))


def write_caption(product: Product, shop: ShopName, assortment: Assortment, rng: np.random.Generator) -> str:
    """Return a caption of 30 to 60 characters, worded differently on each call."""
    promise = _PROMISES[shop][int(rng.integers(len(_PROMISES[shop])))]
    words = _pairs(_words(product, shop, assortment, rng), ampersand=bool(rng.random() < _AMPERSAND))
    colour, size = product.colour.names[shop], next(iter(product.options.values()))
    if shop == "north":
        return f"{promise} {product.brand} {words} {size} {colour} {product.model}"
    return f"{words} {product.brand}{product.model} {colour} {promise}"


def _in_southern_units(value: str, assortment: Assortment) -> str:
    for unit, written in assortment.south_units.items():
        if value.endswith(unit):
            return value.removesuffix(unit) + written
    return value


def write_specs(product: Product, shop: ShopName, assortment: Assortment) -> tuple[tuple[str, str], ...]:
    """Return the product's specification table as the shop prints it, in the shop's order."""
    rows = [("品牌", product.brand), ("型号", product.model), *product.options.items()]
    rows.append(("颜色", product.colour.names[shop]))
    if shop == "north":
        return tuple(rows)
    renamed = [
        (assortment.south_properties.get(name, name), _in_southern_units(value, assortment)) for name, value in rows
    ]
    return (renamed[0], *reversed(renamed[1:]))


_IMAGES = 5
_MICRODATA = 0.4
"""Share of northern pages that carry microdata instead of JSON-LD."""
_OUT_OF_STOCK = 0.08
_FORBIDDEN_PRODUCTS = 900
"""First number of the products that must not be collected; far above all other product numbers."""


def name_listing(shop: ShopName, number: int) -> str:
    """Return the native id of the shop's listing ``number``, counted from 0."""
    return f"N{10_001 + number}" if shop == "north" else str(30_001 + number)


def make_images(shop: ShopName, native_id: str, rng: np.random.Generator) -> tuple[ListedImage, ...]:
    """Return five new views of a listing's product."""
    template = "/img/{id}_{n}.jpg" if shop == "north" else "/pic/{id}/{n}.jpg"
    return tuple(ListedImage(template.format(id=native_id, n=n), int(rng.integers(2**31)), n) for n in range(_IMAGES))


def _places(size: Size, assortment: Assortment, rng: np.random.Generator) -> Iterator[tuple[ShopName, Product]]:
    """Yield the shop and product of each listing to make."""
    number = 0
    for kind in assortment.kinds:
        shared, north, south, again = kind.listed[size]
        for place in range(shared + north + south):
            product = make_product(number, kind, assortment, rng)
            number += 1
            if place < shared + north:
                yield "north", product
            if place < shared or place >= shared + north:
                yield "south", product
            if place < again:
                yield "north", product


def _listing(
    shop: ShopName, native_id: str, product: Product, assortment: Assortment, rng: np.random.Generator
) -> Listing:
    north = shop == "north"
    share = 1.0 if north else float(rng.uniform(0.8, 1.1))
    return Listing(
        shop=shop,
        native_id=native_id,
        product=product,
        markup=("microdata" if rng.random() < _MICRODATA else "json-ld") if north else "plain",
        merchant="",
        caption=write_caption(product, shop, assortment, rng),
        specs=write_specs(product, shop, assortment),
        price=Decimal(round(product.price * share * 10)).scaleb(-1).quantize(Decimal("0.01")),
        images=make_images(shop, native_id, rng),
        availability="OutOfStock" if rng.random() < _OUT_OF_STOCK else "InStock",
    )


def stock_shops(size: Size, assortment: Assortment, rng: np.random.Generator) -> list[Listing]:
    """Return all listings, the northern shop's first, shuffled within each shop."""
    places = list(_places(size, assortment, rng))
    found: list[Listing] = []
    for shop in SHOPS:
        products = [product for where, product in places if where == shop]
        found.extend(
            _listing(shop, name_listing(shop, number), products[int(index)], assortment, rng)
            for number, index in enumerate(rng.permutation(len(products)))
        )
    return found


def make_forbidden(assortment: Assortment, rng: np.random.Generator) -> list[Listing]:
    """Return two listings per shop that must not be collected: one behind robots.txt, one opted out."""
    names = [(shop, name_listing(shop, 8_000 + n)) for shop in SHOPS for n in range(2)]
    return [
        _listing(
            shop, name, make_product(_FORBIDDEN_PRODUCTS + n, assortment.kinds[0], assortment, rng), assortment, rng
        )
        for n, (shop, name) in enumerate(names)
    ]


def make_video(one: Listing, seconds: tuple[int, int], rng: np.random.Generator) -> ListedVideo:
    """Return a new video of a listing; short videos are more common than long ones."""
    folder = "video" if one.shop == "north" else "media"
    quarters = round(4 * (seconds[0] + (seconds[1] - seconds[0]) * float(rng.beta(1.0, 3.6))))
    return ListedVideo(f"/{folder}/{one.native_id}.mp4", int(rng.integers(2**31)), Decimal(quarters) / 4)


_RECOMPRESSED = 62
"""JPEG quality of a re-encoded image; the original has 88."""
_FULL_WIDTH = {ord("A") + n: ord("Ａ") + n for n in range(26)}


def _same_images(images: tuple[ListedImage, ...], base: Listing, quality: int) -> tuple[ListedImage, ...]:
    return tuple(replace(new, view=old.view, quality=quality) for new, old in zip(images, base.images, strict=True))


def _copy(base: Listing, name: str, rule: CopyRule, assortment: Assortment, rng: np.random.Generator) -> Listing:
    """Return a copy of ``base`` under another id; only a copy of everything keeps its video."""
    new = replace(base, native_id=name, base=base.native_id, copy_rule=rule)
    images = make_images(base.shop, name, rng)
    reworded = write_caption(base.product, base.shop, assortment, rng)
    if rule == "content_text":
        return replace(new, images=_same_images(images, base, base.images[0].quality))
    if rule == "content":
        same = _same_images(images, base, base.images[0].quality)
        return replace(new, images=same, video=None, caption=reworded, caption_contact=None)
    if rule == "text":  # full-width letters read the same
        return replace(new, images=images, video=None, caption=(base.caption or "").translate(_FULL_WIDTH))
    if rule == "near_image":
        again = _same_images(images, base, _RECOMPRESSED)
        return replace(new, images=again, video=None, caption=reworded, caption_contact=None)
    return replace(new, images=images, video=None, caption=f"{base.caption} 新款")


def _draw_base(deck: Deck, shop: ShopName, rule: CopyRule) -> Listing:
    """Return a listing of the shop without flaws, with a video if the copy has one."""
    with_video = rule == "content_text"
    return deck.listings[deck.draw(lambda one: one.shop == shop and (one.video is not None or not with_video))]


def add_copies(deck: Deck, preset: Preset, assortment: Assortment, rng: np.random.Generator) -> list[Listing]:
    """Return the copies, alternating between the shops; their bases are drawn from the deck."""
    count = {shop: sum(one.shop == shop for one in deck.listings) for shop in SHOPS}
    rules = [rule for rule, wanted in preset.copies.items() for _ in range(wanted)]
    copies = []
    for shop, rule in zip(cycle(SHOPS), rules, strict=False):
        base = _draw_base(deck, shop, rule)
        copies.append(_copy(base, name_listing(shop, count[shop]), rule, assortment, rng))
        count[shop] += 1
    return copies


_FIRST: dict[ShopName, tuple[str, ...]] = {
    "north": ("青禾", "云间", "拾光", "半夏", "南枝", "小满", "知夏", "望舒", "白露", "松间", "竹里", "漫野", "初一"),
    "south": ("喆记", "堃达", "镕庭", "福顺", "老街", "金桥", "华联", "百佳", "祥云", "宏图", "兴隆", "瑞丰", "东门"),
}
"""Invented names; some southern ones contain characters that GBK has and GB2312 lacks."""
_SECOND: dict[ShopName, tuple[str, ...]] = {"north": ("旗舰店", "专营店"), "south": ("商行", "小店")}
_MAX = 10
_DECLINE = 0.92
"""Number of a merchant's products relative to the merchant before it."""


def _slots(shop: ShopName, wanted: int) -> list[str]:
    """Return ``wanted`` merchant names, each repeated once per product."""
    names = [first + second for second in _SECOND[shop] for first in _FIRST[shop]]
    most = min(_MAX, max(1, wanted // 3))
    slots = [name for n, name in enumerate(names) for _ in range(max(1, round(most * _DECLINE**n)))]
    if len(slots) < wanted:
        raise LookupError(
            f"demo plan: {len(slots)} places at merchants of {shop}, but {wanted} are needed. Name more merchants."
        )
    return slots[:wanted]


def deal_merchants(listings: list[Listing], rng: np.random.Generator) -> list[Listing]:
    """Return the listings in the same order, each with a merchant assigned."""
    slots = {shop: _slots(shop, sum(one.shop == shop for one in listings)) for shop in _FIRST}
    orders = {shop: iter(rng.permutation(names).tolist()) for shop, names in slots.items()}
    return [replace(one, merchant=next(orders[one.shop])) for one in listings]


SEED = 20_220_619
"""The only seed; everything else is derived from it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Both shops, complete."""

    size: Size
    assortment: Assortment
    listings: tuple[Listing, ...]
    """Products after a correct crawl, duplicates included, sorted by shop, then native id."""
    forbidden: tuple[Listing, ...]
    """Products that must not be collected, two per shop: one behind robots.txt, then one opted out."""
    pairs: tuple[Pair, ...]
    judgements: tuple[Judgement, ...]

    def of(self, shop: ShopName) -> tuple[Listing, ...]:
        """Return the listings of one shop, sorted by native id."""
        return tuple(one for one in self.listings if one.shop == shop)


def _add_videos(listings: list[Listing], preset: Preset, rng: np.random.Generator) -> None:
    chosen = rng.permutation(len(listings))[: round(preset.video_share * len(listings))]
    for place in map(int, chosen):
        video = make_video(listings[place], preset.video_seconds, rng)
        listings[place] = replace(listings[place], video=video)


def make_plan(size: Size) -> Plan:
    """Return the plan of one size; every call returns an equal plan."""
    rng, preset, assortment = np.random.default_rng(SEED), PRESETS[size], read_assortment()
    listings = stock_shops(size, assortment, rng)
    _add_videos(listings, preset, rng)
    deck = Deck(listings, rng)
    break_videos(deck, preset)
    add_missing(deck, preset)
    add_contacts(Deck(listings, rng), preset, rng)
    copies = add_copies(deck, preset, assortment, rng)
    break_images(deck, preset, rng)
    products = deal_merchants([*listings, *copies], rng)
    pairs = choose_pairs(products, rng)
    return Plan(
        size=size,
        assortment=assortment,
        listings=tuple(sorted(products, key=lambda one: (one.shop, one.native_id))),
        forbidden=tuple(deal_merchants(make_forbidden(assortment, rng), rng)),
        pairs=tuple(pairs),
        judgements=tuple(judge(pairs, rng)),
    )
