"""What a shop shows of a good: one listing, its photos, its film, its contact details."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from demo_shops.goods import Good, ShopName
from m5data.records import Availability

__all__ = ["MASKS", "Contact", "CopyRule", "Film", "Listing", "Markup", "Outcome", "Photo"]

Markup = Literal["json-ld", "microdata", "plain"]
Outcome = Literal["ok", "http_404", "http_410", "http_5xx", "wrong_type", "truncated", "too_large", "broken"]
"""What fetching a file must end in: ok, or the reason why it fails."""
CopyRule = Literal["content_text", "content", "text", "near_photo", "near_caption"]
"""What a copy shares with its base: all; the pictures' bytes; the words; re-encoded pictures; nearly the words."""
MASKS = {"phone": "〈phone〉", "wechat": "〈wechat〉", "email": "〈email〉"}
"""What a masked contact detail becomes in captions and specifications."""

_SERVICE = "售后服务"


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact detail that a merchant wrote where it does not belong."""

    kind: Literal["phone", "wechat", "email"]
    lead: str
    """Words before the detail; they stay."""
    detail: str

    def published(self) -> str:
        """Return it as the page shows it."""
        return self.lead + self.detail

    def masked(self) -> str:
        """Return it as a record must show it."""
        return self.lead + MASKS[self.kind]


@dataclass(frozen=True, slots=True)
class Photo:
    """One picture of a listing."""

    path: str
    """Path on the shop's server, with its leading slash."""
    view: int
    """Seed of viewpoint, background and colour cast."""
    position: int
    """Place in the gallery: 0 front, 1 turned, 2 close, 3 in a scene, 4 two of them."""
    quality: int = 88
    """JPEG quality."""
    outcome: Outcome = "ok"


@dataclass(frozen=True, slots=True)
class Film:
    """The video of a listing, 24 frames a second."""

    path: str
    view: int
    seconds: Decimal
    """Duration, a multiple of a quarter of a second."""
    sound: bool = True
    outcome: Outcome = "ok"


@dataclass(frozen=True, slots=True)
class Listing:
    """One product page of one shop."""

    shop: ShopName
    native_id: str
    good: Good
    markup: Markup
    merchant: str
    caption: str | None
    """Title without its contact detail."""
    specs: tuple[tuple[str, str], ...]
    """Specification table without its contact detail."""
    price: Decimal
    photos: tuple[Photo, ...]
    film: Film | None = None
    availability: Availability = "InStock"
    caption_contact: Contact | None = None
    spec_contact: Contact | None = None
    """Published as the value of a last line of the table, ``售后服务``."""
    base: str | None = None
    """Native id of the listing that this one copies; None: it copies none."""
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
        return self.good.kind.paths[self.shop]

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
