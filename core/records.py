"""Plain, frozen records that rooms exchange, free of any framework."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

__all__ = ["Availability", "Condition", "MediaKind", "ProductRecord", "Reject", "Specification", "Variant"]

Availability = Literal["InStock", "OutOfStock"]
Condition = Literal["New", "Used", "Refurbished", "Damaged"]
MediaKind = Literal["image", "video"]


@dataclass(frozen=True, slots=True)
class Specification:
    """One row of a specification table, as published."""

    property: str
    """Name of the property, white space folded, e.g. ``颜色``; never empty."""
    value: str
    """Its value as text, white space folded, e.g. ``深蓝色``; never empty."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One combination of options that a product is sold in."""

    id: str
    """The shop's own id for it (SKU), unique within the product."""
    options: tuple[Specification, ...] = ()
    """Properties that distinguish it, e.g. colour and size."""
    price: Decimal | None = None
    currency: str | None = None
    availability: Availability | None = None
    image_url: str | None = None


@dataclass(frozen=True, slots=True)
class ProductRecord:
    """One product as described by one page, or one feed row.

    Absent text is None, absent lists are empty. Contact details in ``caption``, ``description``,
    ``features`` and ``specs`` are masked already, and ``merchant`` is a keyed hash, or None if no key
    was given (``m5data parse``).
    """

    url: str
    """Canonical URL of the product page, http or https."""
    native_id: str | None = None
    """The site's own id (SKU), unique within a source."""
    caption: str | None = None
    """The product's title, 20-40 words in M5Product (section 3.1)."""
    category: tuple[str, ...] = ()
    """Path of category names, outermost first, without the shop's home and the product itself."""
    brand: str | None = None
    price: Decimal | None = None
    """Amount the buyer pays now, in ``currency``; not the struck-through one."""
    currency: str | None = None
    """ISO 4217 code if it is known, else the sign as published."""
    availability: Availability | None = None
    merchant: str | None = None
    """HMAC-SHA256 of the merchant's name under the workspace's key, hex; never the name."""
    gtin: str | None = None
    mpn: str | None = None
    description: str | None = None
    """What the shop writes about the product, a paragraph a line."""
    features: tuple[str, ...] = ()
    """Entries of its list of selling points."""
    list_price: Decimal | None = None
    """Higher amount in ``currency`` that the price replaces: struck through, or the recommended one."""
    rating: Decimal | None = None
    """Mean of its ratings, from 0 to 5."""
    rating_count: int | None = None
    """Number of these ratings, else of reviews."""
    condition: Condition | None = None
    item_group: str | None = None
    """The shop's own id of the product that this one is a variant of."""
    image_urls: tuple[str, ...] = ()
    """Absolute URLs, main image first, each once."""
    video_urls: tuple[str, ...] = ()
    specs: tuple[Specification, ...] = ()
    """In the order of the page."""
    variants: tuple[Variant, ...] = ()
    """In the order of the page; empty if the product has only one form, or the page does not say."""
    origins: Mapping[str, str] = field(default_factory=dict)
    """Field name -> where its value came from, e.g. ``json-ld``, ``microdata``, ``html:table``."""
    masked: int = 0
    """Number of contact details masked in caption, description, features and specs."""


@dataclass(frozen=True, slots=True)
class Reject:
    """One item that a stage dropped, and the reason; a row of the table ``rejects``."""

    item: str
    """A URL, product id, object hash or ``file:line``."""
    reason: str
    """One word of the stage's closed vocabulary, e.g. ``http_404``, ``robots``."""
    detail: str = ""
    """One line for people: where and what is wrong; no page content, no personal data."""
