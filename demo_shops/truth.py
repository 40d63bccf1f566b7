"""The results of a correct run over the demo shops, derived from their plan and never from a run."""

import unicodedata
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from difflib import SequenceMatcher
from itertools import combinations

from core.records import MediaKind, ProductRecord, Specification
from demo_shops.judgements import Pair, write_csv
from demo_shops.listings import Listing, Markup, Outcome
from demo_shops.plan import Plan
from demo_shops.products import SHOPS, ShopName
from demo_shops.site import find_special_paths, navigation_paths

__all__ = ["AlignmentTruth", "Cell", "Drop", "MediaTruth", "ProductTruth", "Truth", "align_categories", "find_truth"]

Cell = tuple[ShopName, str, str]
"""Source, first-level and second-level name of a category."""
_ALIKE = 0.5
"""Minimum similarity of two names (MEP-3M: S_label). Captions are worded so that the second test,
similarity of titles above 0.75, holds for cells that share a kind of product and fails for all others."""


@dataclass(frozen=True, slots=True)
class AlignmentTruth:
    """Expected alignment: first levels are mapped by a person, second levels by the rule."""

    first_level: dict[str, dict[ShopName, str]]
    """Key of a class -> its name in each shop."""
    merged: tuple[tuple[Cell, ...], ...]
    """Groups of cells that the rule merges into one sub-class; an unmerged cell is a group of one."""
    lookalikes: tuple[tuple[Cell, Cell], ...]
    """Pairs of cells from different shops with similar names but different products: the rule must keep them apart."""
    missed: tuple[tuple[Cell, Cell], ...]
    """Pairs of cells with the same products under different names: only a person can merge them."""
    properties: dict[str, str]
    """Name of a property in the southern shop -> its name in the northern one, if they differ."""

    def group_of(self, cell: Cell) -> tuple[Cell, ...]:
        """Return the sub-class that a cell belongs to."""
        return next(group for group in self.merged if cell in group)


def _alike(one: str, other: str) -> bool:
    """Return whether two names are similar, by the larger ratio of both directions (it is not symmetric)."""
    ways = (SequenceMatcher(None, one, other), SequenceMatcher(None, other, one))
    return max(way.ratio() for way in ways) >= _ALIKE


def _contents(plan: Plan) -> dict[Cell, set[str]]:
    """Return every cell with the kinds of products in it, sorted."""
    found: dict[Cell, set[str]] = {}
    for one in plan.listings:
        found.setdefault((one.shop, one.category[0], one.category[1]), set()).add(one.product.kind.key)
    return dict(sorted(found.items()))


def _rivals(plan: Plan) -> Iterator[tuple[Cell, Cell, bool]]:
    """Yield each pair of cells of one class in different shops, and whether they share a kind."""
    contents = _contents(plan)
    classes = {name: key for key, names in plan.assortment.classes.items() for name in names.values()}
    for (one, kinds), (other, more) in combinations(contents.items(), 2):
        if one[0] != other[0] and classes[one[1]] == classes[other[1]]:
            yield one, other, bool(kinds & more)


def align_categories(plan: Plan) -> AlignmentTruth:
    """Return the correct alignment of both shops' categories."""
    rivals = list(_rivals(plan))
    joined = {
        one: other for one, other, shared in rivals if one[2] == other[2] or (shared and _alike(one[2], other[2]))
    }
    alone = [cell for cell in _contents(plan) if cell not in joined and cell not in joined.values()]
    groups = [*joined.items(), *((cell,) for cell in alone)]
    return AlignmentTruth(
        first_level={key: dict(names) for key, names in plan.assortment.classes.items()},
        merged=tuple(sorted(groups)),
        lookalikes=tuple((a, b) for a, b, shared in rivals if not shared and a[2] != b[2] and _alike(a[2], b[2])),
        missed=tuple((a, b) for a, b, shared in rivals if shared and not _alike(a[2], b[2])),
        properties={south: north for north, south in plan.assortment.south_properties.items()},
    )


Groups = tuple[tuple[str, ...], ...]
"""Groups of two or more product ids, each sorted, ordered by first id."""


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _content(one: Listing) -> Hashable:
    """Return what determines a listing's image bytes, and its table; None if it has no images or one fails."""
    if not one.images or any(image.outcome != "ok" for image in one.images):
        return None
    return (tuple((image.view, image.quality) for image in one.images), one.specs_masked)


def _views(one: Listing) -> Hashable:
    return tuple(image.view for image in one.images) or None


def _words(one: Listing) -> Hashable:
    if not one.caption_masked or not one.specs_masked or any(image.outcome != "ok" for image in one.images):
        return None
    words = (_plain(one.caption_masked), tuple((_plain(name), _plain(value)) for name, value in one.specs_masked))
    return words, tuple((image.view, image.quality) for image in one.images)


def _group(plan: Plan, key: Callable[[Listing], Hashable]) -> Groups:
    found: dict[Hashable, list[str]] = {}
    for one in plan.listings:
        found.setdefault(key(one), []).append(one.product_id)
    return tuple(sorted(tuple(sorted(ids)) for by, ids in found.items() if by is not None and len(ids) > 1))


def exact_content(plan: Plan) -> Groups:
    """Return groups with byte-identical images and equal tables."""
    return _group(plan, _content)


def exact_text(plan: Plan) -> Groups:
    """Return groups with the same images, or none, and captions and tables that differ in case or white space only."""
    return _group(plan, _words)


def near_image(plan: Plan) -> Groups:
    """Return groups with the same images in other encodings."""
    same = set(exact_content(plan))
    return tuple(group for group in _group(plan, _views) if group not in same)


def near_text(plan: Plan) -> Groups:
    """Return groups whose captions differ by one word."""
    copies = [one for one in plan.listings if one.copy_rule == "near_caption"]
    there = {one.product_id for one in plan.listings}
    pairs = [(f"{one.shop}:{one.base}", one.product_id) for one in copies]
    return tuple(sorted(pair for pair in pairs if there.issuperset(pair)))


@dataclass(frozen=True, slots=True)
class MediaTruth:
    """One media file that a product page links."""

    kind: MediaKind
    position: int
    url: str
    outcome: Outcome
    """``ok``, or the reason why fetching it fails."""
    duration_s: Decimal | None = None
    """Duration of a video that is ok."""
    seconds: tuple[int, ...] = ()
    """Whole seconds, from 0, that have a frame of such a video at or after them."""
    audio: bool = False
    """Whether such a video has an audio stream."""


@dataclass(frozen=True, slots=True)
class ProductTruth:
    """One product."""

    product_id: str
    source: ShopName
    record: ProductRecord
    """Correct record of its page; ``merchant`` is None and ``origins`` empty, as they need a key and a reader."""
    merchant: str
    """The merchant's name, which must not be in any table."""
    contacts: tuple[str, ...]
    """Contact details on its page, which must not be in any table either."""
    markup: Markup
    media: tuple[MediaTruth, ...]
    product: int
    """Number of the true product, the same in all its listings."""
    class_key: str
    kind: str

    @property
    def modalities(self) -> frozenset[str]:
        """The modalities (image, text, table, video, audio) that the product has after a correct run."""
        fetched = [one for one in self.media if one.outcome == "ok"]
        present = {
            "image": any(one.kind == "image" for one in fetched),
            "text": self.record.caption is not None,
            "table": bool(self.record.specs),
            "video": any(one.kind == "video" for one in fetched),
            "audio": any(one.audio for one in fetched),
        }
        return frozenset(name for name, there in present.items() if there)


@dataclass(frozen=True, slots=True)
class Drop:
    """One linked URL that must not become a product of its own."""

    source: ShopName
    url: str
    reason: str
    """robots, opt_out, soft_404, http_404, not_a_product or duplicate_url."""


@dataclass(frozen=True, slots=True)
class Truth:
    """All results of a correct run; products and drops are sorted by source, then URL."""

    products: tuple[ProductTruth, ...]
    drops: tuple[Drop, ...]
    navigation: tuple[str, ...]
    """URLs of non-product pages that lead to products: rejected as ``listing`` or ``other``."""
    redirects: tuple[tuple[str, str], ...]
    """Old URL and its target."""
    exact_content: Groups
    """Groups of product ids with byte-identical images (and equal tables)."""
    exact_text: Groups
    """Groups whose normalised caption and specifications are the same."""
    near_image: Groups
    """Groups with the same images, re-encoded."""
    near_text: Groups
    """Groups whose captions differ by one word, and whose specifications are the same."""
    alignment: AlignmentTruth
    pairs: tuple[Pair, ...]
    """Judged pairs; the majority of the judgements is right on each."""
    judgements_csv: str
    """Content of the judgements file: query, candidate, worker, answer, gold."""

    def product(self, product_id: str) -> ProductTruth:
        """Return one product by its id."""
        return next(one for one in self.products if one.product_id == product_id)


def _media(one: Listing, base: str) -> tuple[MediaTruth, ...]:
    found = [MediaTruth("image", n, base + image.path, image.outcome) for n, image in enumerate(one.images)]
    video = one.video
    if video and video.outcome == "ok":
        whole = int(video.seconds.to_integral_value("ROUND_CEILING"))
        seconds = tuple(range(whole))
        found.append(MediaTruth("video", 0, base + video.path, "ok", video.seconds, seconds, video.audio))
    elif video:
        found.append(MediaTruth("video", 0, base + video.path, video.outcome))
    return tuple(found)


def _record(one: Listing, base: str) -> ProductRecord:
    contacts = [contact for contact in (one.caption_contact, one.spec_contact) if contact]
    return ProductRecord(
        url=base + one.path,
        native_id=one.native_id,
        caption=one.caption_masked,
        category=one.category,
        brand=_brand(one),
        price=one.price,
        currency="CNY",
        availability=one.availability,
        mpn=one.product.model if one.shop == "north" else None,
        image_urls=tuple(base + image.path for image in one.images),
        video_urls=(base + one.video.path,) if one.video else (),
        specs=tuple(Specification(name, value) for name, value in one.specs_masked),
        masked=len(contacts),
    )


def _brand(one: Listing) -> str | None:
    """Return the brand if the page shows it: plain pages have it only in their table."""
    return one.product.brand if one.shop == "north" or one.specs else None


def _product(one: Listing, base: str) -> ProductTruth:
    contacts = (one.caption_contact, one.spec_contact)
    return ProductTruth(
        product_id=one.product_id,
        source=one.shop,
        record=_record(one, base),
        merchant=one.merchant,
        contacts=tuple(contact.detail for contact in contacts if contact),
        markup=one.markup,
        media=_media(one, base),
        product=one.product.number,
        class_key=one.product.kind.class_key,
        kind=one.product.kind.key,
    )


def _drops(plan: Plan, original: Plan, shop: ShopName, base: str) -> list[Drop]:
    special = find_special_paths(original, shop)
    removed = {one.path for one in original.of(shop)} - {one.path for one in plan.of(shop)}
    reasons = dict.fromkeys(special.disallowed, "robots") | dict.fromkeys(special.not_a_product, "not_a_product")
    reasons |= {special.soft_404: "soft_404", special.missing: "http_404", special.opted_out: "opt_out"}
    reasons |= {path: "http_404" if target in removed else "duplicate_url" for path, target in special.aliases}
    reasons |= dict.fromkeys(removed, "http_404")
    return [Drop(shop, base + path, reason) for path, reason in sorted(reasons.items())]


def find_truth(plan: Plan, original: Plan, base_urls: Mapping[ShopName, str]) -> Truth:
    """Return the results of a correct run over the shops.

    Args:
        plan: The shops as they are now.
        original: The shops as they were built; their links do not change.
        base_urls: Shop -> its URL, without a trailing slash.
    """
    there = {one.product_id for one in plan.listings}
    special = {shop: find_special_paths(original, shop) for shop in SHOPS}
    return Truth(
        products=tuple(_product(one, base_urls[one.shop]) for one in plan.listings),
        drops=tuple(drop for shop in SHOPS for drop in _drops(plan, original, shop, base_urls[shop])),
        navigation=tuple(base_urls[s] + path for s in SHOPS for path in navigation_paths(original, s)),
        redirects=tuple((base_urls[s] + old, base_urls[s] + new) for s in SHOPS for old, new in special[s].redirects),
        exact_content=exact_content(plan),
        exact_text=exact_text(plan),
        near_image=near_image(plan),
        near_text=near_text(plan),
        alignment=align_categories(plan),
        pairs=tuple(pair for pair in plan.pairs if pair.query in there and pair.candidate in there),
        judgements_csv=write_csv(plan.judgements),
    )
