"""What a take-down removes: everything that one address, product or merchant is known by."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from storage.takedown import Mark, Words

__all__ = ["Plan", "Target", "TargetKind"]

TargetKind = Literal["url", "product", "merchant"]


@dataclass(frozen=True, slots=True)
class Target:
    """What a person asks to have taken down."""

    kind: TargetKind
    value: str
    """Address of a page or medium; ``source:native_id``; a merchant's name as published."""


class Plan(BaseModel):
    """What is known of a target, in any dataset version or in the state; in clear, and so not kept."""

    model_config = ConfigDict(frozen=True)

    kind: TargetKind
    digest: str
    """Keyed hash of the target, which the receipt bears."""
    products: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()
    """Addresses that show the products, or lead to them."""
    media: tuple[str, ...] = ()
    """Addresses of media that no other product has."""
    merchants: tuple[str, ...] = ()
    """Merchants' hashes."""
    texts: tuple[str, ...] = ()
    """The products' captions and the merchant's name, as far as no other product's caption or brand has them."""
    objects: tuple[str, ...] = ()
    """Stored objects that nothing else uses."""
    recipes: tuple[str, ...] = ()
    """Recipes whose splits held a product."""
    stages: tuple[str, ...] = ()
    """Stages that have rejects which go, in any version."""
    sound: tuple[tuple[int, str], ...] = ()
    """Dataset version and recipe of splits that had the content that was recorded of them."""
    rows: Mapping[str, int] = {}
    """Table -> rows of the newest version that go; tables without any are absent."""

    @property
    def marks(self) -> tuple[Mark, ...]:
        """What the register is to hold."""
        return (
            *(Mark("product", name) for name in self.products),
            *(Mark("url", url) for url in (*self.pages, *self.media)),
            *(Mark("merchant", name) for name in self.merchants),
        )

    @property
    def words(self) -> Words:
        """How the target is named in what nobody parses."""
        return Words((*self.pages, *self.media), self.texts, self.products)
