"""What the encoders look at. The annotation's listings have this form; the rooms share no code."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

__all__ = ["BATCH", "Listing", "ReadObject", "image_of"]

BATCH = 32
"""Listings that are on the device at a time."""

ReadObject = Callable[[str], bytes]
"""SHA-256 of an object -> its bytes."""


class Listing(Protocol):
    """One product; absent modalities are None or empty."""

    @property
    def product_id(self) -> str:
        """Its id."""

    @property
    def caption(self) -> str | None:
        """Its title."""

    @property
    def specs(self) -> Sequence[tuple[str, str]]:
        """Property and value, in order."""

    @property
    def image(self) -> str | None:
        """SHA-256 of its main image."""


def image_of(listing: Listing, read: ReadObject) -> bytes | None:
    """Return the bytes of a listing's main image."""
    return read(listing.image) if listing.image else None


def batches(listings: Sequence[Listing]) -> Iterable[Sequence[Listing]]:
    """Yield the listings in batches."""
    for start in range(0, len(listings), BATCH):
        yield listings[start : start + BATCH]
