"""What a right run over the demo shops finds, told from their plan and never from a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from demo_shops.alignment import AlignmentTruth, align_categories
from demo_shops.detours import find_detours
from demo_shops.doubles import Groups, exact_content, exact_text, near_image, near_text
from demo_shops.furniture import navigation_paths
from demo_shops.goods import SHOPS, ShopName
from demo_shops.judgements import Pair, write_csv
from demo_shops.listings import Listing, Markup, Outcome
from demo_shops.planning import Plan
from m5data.records import MediaKind, ProductRecord, Specification

__all__ = ["Drop", "MediaTruth", "ProductTruth", "Truth", "find_truth"]


@dataclass(frozen=True, slots=True)
class MediaTruth:
    """One file that a product page names."""

    kind: MediaKind
    position: int
    url: str
    outcome: Outcome
    """``ok``, or the reason for which fetching it fails."""
    duration_s: Decimal | None = None
    """Of a video that is ok."""
    seconds: tuple[int, ...] = ()
    """Whole seconds at which such a video has a frame at or after: 0 to the last."""
    sound: bool = False
    """Whether such a video has an audio stream."""


@dataclass(frozen=True, slots=True)
class ProductTruth:
    """One product."""

    product_id: str
    source: ShopName
    record: ProductRecord
    """As its page must be read; ``merchant`` is None and ``origins`` empty, for they need a key and a reader."""
    merchant: str
    """The merchant's name, which must be in no table."""
    contacts: tuple[str, ...]
    """Contact details on its page, which must be in no table either."""
    markup: Markup
    media: tuple[MediaTruth, ...]
    good: int
    """Number of the true good: the same in every listing of it."""
    class_key: str
    kind: str

    @property
    def modalities(self) -> frozenset[str]:
        """Which of image, text, table, video and audio a right run ends with."""
        fetched = [one for one in self.media if one.outcome == "ok"]
        present = {
            "image": any(one.kind == "image" for one in fetched),
            "text": self.record.caption is not None,
            "table": bool(self.record.specs),
            "video": any(one.kind == "video" for one in fetched),
            "audio": any(one.sound for one in fetched),
        }
        return frozenset(name for name, there in present.items() if there)


@dataclass(frozen=True, slots=True)
class Drop:
    """One linked address that must not become a product of its own."""

    source: ShopName
    url: str
    reason: str
    """robots, opt_out, soft_404, http_404, not_a_product or duplicate_url."""


@dataclass(frozen=True, slots=True)
class Truth:
    """Everything; products and drops are sorted by source, then address."""

    products: tuple[ProductTruth, ...]
    drops: tuple[Drop, ...]
    navigation: tuple[str, ...]
    """Addresses that lead to products and are none; neither kept nor a fault."""
    redirects: tuple[tuple[str, str], ...]
    """Old address and where it leads."""
    exact_content: Groups
    """Groups of product ids whose pictures are the same bytes (and whose tables are equal)."""
    exact_text: Groups
    """Groups whose normalised caption and specifications are the same."""
    near_image: Groups
    """Groups whose pictures are the same, encoded again."""
    near_text: Groups
    """Groups whose captions differ by one word, and whose specifications are the same."""
    alignment: AlignmentTruth
    pairs: tuple[Pair, ...]
    """Judged pairs; the majority of the judgements is right on each."""
    judgements_csv: str
    """The file of judgements: query, candidate, worker, answer, gold."""

    def product(self, product_id: str) -> ProductTruth:
        """Return one product by its id."""
        return next(one for one in self.products if one.product_id == product_id)


def _media(one: Listing, base: str) -> tuple[MediaTruth, ...]:
    found = [MediaTruth("image", n, base + photo.path, photo.outcome) for n, photo in enumerate(one.photos)]
    film = one.film
    if film and film.outcome == "ok":
        whole = int(film.seconds.to_integral_value("ROUND_CEILING"))
        seconds = tuple(range(whole))
        found.append(MediaTruth("video", 0, base + film.path, "ok", film.seconds, seconds, film.sound))
    elif film:
        found.append(MediaTruth("video", 0, base + film.path, film.outcome))
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
        mpn=one.good.model if one.shop == "north" else None,
        image_urls=tuple(base + photo.path for photo in one.photos),
        video_urls=(base + one.film.path,) if one.film else (),
        specs=tuple(Specification(name, value) for name, value in one.specs_masked),
        masked=len(contacts),
    )


def _brand(one: Listing) -> str | None:
    """Return the brand as far as the page tells: the plain ones only in their table."""
    return one.good.brand if one.shop == "north" or one.specs else None


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
        good=one.good.number,
        class_key=one.good.kind.class_key,
        kind=one.good.kind.key,
    )


def _drops(plan: Plan, original: Plan, shop: ShopName, base: str) -> list[Drop]:
    detours = find_detours(original, shop)
    removed = {one.path for one in original.of(shop)} - {one.path for one in plan.of(shop)}
    reasons = dict.fromkeys(detours.disallowed, "robots") | dict.fromkeys(detours.not_a_product, "not_a_product")
    reasons |= {detours.soft_404: "soft_404", detours.missing: "http_404", detours.opted_out: "opt_out"}
    reasons |= {path: "http_404" if target in removed else "duplicate_url" for path, target in detours.aliases}
    reasons |= dict.fromkeys(removed, "http_404")
    return [Drop(shop, base + path, reason) for path, reason in sorted(reasons.items())]


def find_truth(plan: Plan, original: Plan, addresses: Mapping[ShopName, str]) -> Truth:
    """Return the truth about shops.

    Args:
        plan: The shops as they are now.
        original: The shops as they were built; what they link does not change.
        addresses: Where each shop is served, without a slash at the end.
    """
    there = {one.product_id for one in plan.listings}
    detours = {shop: find_detours(original, shop) for shop in SHOPS}
    return Truth(
        products=tuple(_product(one, addresses[one.shop]) for one in plan.listings),
        drops=tuple(drop for shop in SHOPS for drop in _drops(plan, original, shop, addresses[shop])),
        navigation=tuple(addresses[s] + path for s in SHOPS for path in navigation_paths(original, s)),
        redirects=tuple((addresses[s] + old, addresses[s] + new) for s in SHOPS for old, new in detours[s].redirects),
        exact_content=exact_content(plan),
        exact_text=exact_text(plan),
        near_image=near_image(plan),
        near_text=near_text(plan),
        alignment=align_categories(plan),
        pairs=tuple(pair for pair in plan.pairs if pair.query in there and pair.candidate in there),
        judgements_csv=write_csv(plan.judgements),
    )
