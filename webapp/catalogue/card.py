"""One product as an annotator or reviewer sees it."""

from dataclasses import dataclass

__all__ = ["Card", "Picture", "Specification", "Video"]


@dataclass(frozen=True, slots=True)
class Picture:
    """An image of the product."""

    sha256: str
    width: int | None
    """Pixels; None: not known."""
    height: int | None


@dataclass(frozen=True, slots=True)
class Video:
    """A video of the product."""

    sha256: str
    mime: str
    duration_s: float | None
    sound: bool
    """Whether it has sound."""


@dataclass(frozen=True, slots=True)
class Specification:
    """One line of the specification table."""

    property: str
    value: str
    property_norm: str | None
    """Shared name; None: not aligned."""
    value_norm: str | None
    unit: str | None


@dataclass(frozen=True, slots=True)
class Card:
    """A product; texts are plain and cut, lists are cut."""

    product_id: str
    source: str
    url: str
    caption: str | None
    category: tuple[str, ...]
    brand: str | None
    price: str | None
    """Amount and currency."""
    pictures: tuple[Picture, ...]
    """The main one first."""
    videos: tuple[Video, ...]
    specs: tuple[Specification, ...]
    """In the order of the page."""
