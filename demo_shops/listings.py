"""Listings (product pages of a shop) with texts, images, video and contact details, and their number in a demo."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from core.records import Availability
from demo_shops.products import Product, ShopName

__all__ = [
    "PRESETS",
    "Contact",
    "CopyRule",
    "ListedImage",
    "ListedVideo",
    "Listing",
    "Markup",
    "Missing",
    "Outcome",
    "Preset",
    "Size",
]

Markup = Literal["json-ld", "microdata", "plain"]
Outcome = Literal["ok", "http_404", "http_410", "http_5xx", "wrong_type", "truncated", "too_large", "broken"]
"""Expected result of fetching a file: ok, or the reason why it fails."""
CopyRule = Literal["content_text", "content", "text", "near_image", "near_caption"]
"""Content shared by a copy and its base: everything, image bytes, texts, images re-encoded, or nearly equal texts."""
MASKS = {"phone": "〈phone〉", "wechat": "〈wechat〉", "email": "〈email〉"}
"""Replacement of a masked contact detail in captions and specifications."""

_SERVICE = "售后服务"


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact detail that a merchant wrote where it does not belong."""

    kind: Literal["phone", "wechat", "email"]
    lead: str
    """Words before the detail; they are not masked."""
    detail: str

    def published(self) -> str:
        """Return the detail as the page shows it."""
        return self.lead + self.detail

    def masked(self) -> str:
        """Return the detail as a record must show it."""
        return self.lead + MASKS[self.kind]


@dataclass(frozen=True, slots=True)
class ListedImage:
    """One image of a listing."""

    path: str
    """Path on the shop's server, with its leading slash."""
    view: int
    """Seed of viewpoint, background and colour cast."""
    position: int
    """Position in the gallery: 0 front, 1 turned, 2 close-up, 3 in a scene, 4 two of the product."""
    quality: int = 88
    """JPEG quality."""
    outcome: Outcome = "ok"


@dataclass(frozen=True, slots=True)
class ListedVideo:
    """The video of a listing, at 24 frames per second."""

    path: str
    view: int
    seconds: Decimal
    """Duration, a multiple of a quarter of a second."""
    audio: bool = True
    outcome: Outcome = "ok"


@dataclass(frozen=True, slots=True)
class Listing:
    """One product page of one shop."""

    shop: ShopName
    native_id: str
    product: Product
    markup: Markup
    merchant: str
    caption: str | None
    """Title without its contact detail."""
    specs: tuple[tuple[str, str], ...]
    """Specification table without its contact detail."""
    price: Decimal
    images: tuple[ListedImage, ...]
    video: ListedVideo | None = None
    availability: Availability = "InStock"
    caption_contact: Contact | None = None
    spec_contact: Contact | None = None
    """Published as the value of an extra last row of the table, ``售后服务``."""
    base: str | None = None
    """Native id of the listing that this one copies; None if it is not a copy."""
    copy_rule: CopyRule | None = None

    @property
    def product_id(self) -> str:
        """The product's id in every table: ``shop:native_id``."""
        return f"{self.shop}:{self.native_id}"

    @property
    def path(self) -> str:
        """Canonical path of the page on the shop's server."""
        return f"/p/{self.native_id}.html" if self.shop == "north" else f"/product/{self.native_id}.html"

    @property
    def category(self) -> tuple[str, ...]:
        """Category path as this shop names it, outermost first."""
        return self.product.kind.paths[self.shop]

    @property
    def caption_shown(self) -> str | None:
        """Caption as the page shows it."""
        if self.caption is None or self.caption_contact is None:
            return self.caption
        return f"{self.caption} {self.caption_contact.published()}"

    @property
    def caption_masked(self) -> str | None:
        """Caption as a record must have it."""
        if self.caption is None or self.caption_contact is None:
            return self.caption
        return f"{self.caption} {self.caption_contact.masked()}"

    @property
    def specs_shown(self) -> tuple[tuple[str, str], ...]:
        """Specification table as the page shows it."""
        extra = ((_SERVICE, self.spec_contact.published()),) if self.spec_contact else ()
        return (*self.specs, *extra)

    @property
    def specs_masked(self) -> tuple[tuple[str, str], ...]:
        """Specification table as a record must have it."""
        extra = ((_SERVICE, self.spec_contact.masked()),) if self.spec_contact else ()
        return (*self.specs, *extra)


Size = Literal["demo", "tiny"]
Missing = Literal["audio", "specs", "images", "caption"]
"""A modality that a listing lacks by design (a missing video is common and not counted here)."""


@dataclass(frozen=True, slots=True)
class Preset:
    """Counts of one demo size; every flaw except a video with ``http_404`` occurs at least once in each size."""

    copies: Mapping[CopyRule, int]
    missing: Mapping[Missing, int]
    image_flaws: Mapping[Outcome, int]
    video_flaws: Mapping[Outcome, int]
    contacts: Mapping[str, int]
    """Kind of contact detail -> number of captions with one; ``spec`` counts tables with a telephone number."""
    flaws_per_listing: int
    """Failing images per flawed listing."""
    video_share: float
    """Share of listings (copies excluded) with a video."""
    video_seconds: tuple[int, int]
    """Shortest and longest duration of a video."""
    page_length: int
    """Products per listing page of the southern shop."""


PRESETS: dict[Size, Preset] = {
    "demo": Preset(
        copies={"content_text": 3, "content": 2, "text": 2, "near_image": 3, "near_caption": 3},
        missing={"audio": 6, "specs": 5, "images": 3, "caption": 3},
        image_flaws={
            "http_404": 6,
            "http_410": 2,
            "http_5xx": 2,
            "wrong_type": 4,
            "truncated": 3,
            "too_large": 1,
            "broken": 3,
        },
        video_flaws={"http_404": 2, "wrong_type": 3, "broken": 2},
        contacts={"phone": 6, "wechat": 5, "email": 3, "spec": 3},
        flaws_per_listing=1,
        video_share=0.72,
        video_seconds=(2, 12),
        page_length=12,
    ),
    "tiny": Preset(
        copies={"content_text": 1, "content": 1, "text": 1, "near_image": 1, "near_caption": 1},
        missing={"audio": 1, "specs": 1, "images": 1, "caption": 1},
        image_flaws={
            "http_404": 1,
            "http_410": 1,
            "http_5xx": 1,
            "wrong_type": 1,
            "truncated": 1,
            "too_large": 1,
            "broken": 1,
        },
        video_flaws={"wrong_type": 1, "broken": 1},
        contacts={"phone": 1, "wechat": 1, "email": 1, "spec": 1},
        flaws_per_listing=3,
        video_share=0.4,
        video_seconds=(2, 3),
        page_length=3,
    ),
}
