"""What one reader says about a product; absent means that it says nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from m5data.records import Availability

__all__ = ["Facts", "Findings"]


class Findings(Protocol):
    """One reader's findings, read or still to be read: a reader may look a thing up when it is asked for."""

    @property
    def origin(self) -> str:
        """``json-ld``, ``microdata``, ``opengraph`` or ``html``."""

    @property
    def caption(self) -> str | None:
        """The product's name."""

    @property
    def category(self) -> tuple[str, ...]:
        """Path of categories, outermost first."""

    @property
    def brand(self) -> str | None:
        """Brand as published."""

    @property
    def price(self) -> Decimal | None:
        """Price of the first offer, or the one shown."""

    @property
    def prices(self) -> Sequence[Decimal]:
        """Prices of all offers, where they differ: which one the buyer sees, the visible page tells."""

    @property
    def currency(self) -> str | None:
        """ISO 4217 code, else the sign."""

    @property
    def availability(self) -> Availability | None:
        """InStock or OutOfStock."""

    @property
    def merchant_name(self) -> str | None:
        """The seller's name: it never leaves the page object but as a keyed hash."""

    @property
    def sku(self) -> str | None:
        """The shop's own id."""

    @property
    def gtin(self) -> str | None:
        """GTIN, digits."""

    @property
    def mpn(self) -> str | None:
        """Manufacturer's part number."""

    @property
    def image_urls(self) -> Sequence[str]:
        """Absolute addresses, in order."""

    @property
    def video_urls(self) -> Sequence[str]:
        """Absolute addresses of files, in order."""

    @property
    def specs(self) -> Sequence[tuple[str, str]]:
        """Names and values, in order."""


@dataclass(slots=True)
class Facts:
    """Findings of a reader of markup, which has read everything at once."""

    origin: str
    caption: str | None = None
    category: tuple[str, ...] = ()
    brand: str | None = None
    price: Decimal | None = None
    prices: list[Decimal] = field(default_factory=list)
    currency: str | None = None
    availability: Availability | None = None
    merchant_name: str | None = None
    sku: str | None = None
    gtin: str | None = None
    mpn: str | None = None
    image_urls: list[str] = field(default_factory=list)
    video_urls: list[str] = field(default_factory=list)
    specs: list[tuple[str, str]] = field(default_factory=list)
