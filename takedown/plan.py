"""The target of a take-down, the plan with everything known of it, and the hooks of rooms."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib import import_module
from typing import Any, Literal, Protocol, cast

from pydantic import BaseModel, ConfigDict

from storage import Store
from storage.objects.warc import StoredPage
from takedown.register import Mark
from takedown.words import Words

__all__ = ["PageCleaner", "PageHook", "Plan", "Removal", "TakedownHook", "Target", "TargetKind", "hooks", "page_hook"]

TargetKind = Literal["url", "product", "merchant"]

_PAGES = "crawler.takedown"
_ROOMS = (_PAGES, "splits.takedown", "export.takedown", "flows.takedown")
"""Modules that implement ``TakedownHook``, in the order of removal; imported when a take-down runs."""


@dataclass(frozen=True, slots=True)
class Target:
    """A page, image, video, product or merchant to take down."""

    kind: TargetKind
    value: str
    """URL of a page, image or video; ``source:native_id``; a merchant's name as published."""


class Plan(BaseModel):
    """Everything known of a target, in any dataset version or in the state; in plain text, so deleted at the end."""

    model_config = ConfigDict(frozen=True)

    kind: TargetKind
    digest: str = ""
    """Keyed hash of the target, as in register and receipt."""
    products: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    """Products that any dataset version contains."""
    pages: tuple[str, ...] = ()
    """URLs of pages that show the products, or lead to them."""
    media: tuple[str, ...] = ()
    """URLs of images and videos that no other product uses."""
    merchants: tuple[str, ...] = ()
    """Merchants' hashes."""
    texts: tuple[str, ...] = ()
    """The products' captions and the merchant's name, unless another product's caption or brand contains them."""
    objects: tuple[str, ...] = ()
    """Stored objects that nothing else uses."""
    properties: tuple[tuple[str, str], ...] = ()
    """Source and name of the properties that only the products have."""
    paths: tuple[tuple[str, str], ...] = ()
    """Source and category path or the start of one, joined by `` > ``, that only the products have."""
    remains: tuple[str, ...] = ()
    """Places of people's texts that have words which only the products have; they stay."""
    near: tuple[str, ...] = ()
    """What the target may have meant, if nothing in the workspace is it."""
    recipes: tuple[str, ...] = ()
    """Recipes whose splits held a product."""
    stages: tuple[str, ...] = ()
    """Stages whose rejects are removed, in any version."""
    sound: tuple[tuple[int, str], ...] = ()
    """Dataset version and recipe of splits whose recorded digest matches their rows."""
    rows: Mapping[str, int] = {}
    """Table -> number of rows that the newest version loses; tables that lose none are absent."""

    @property
    def urls(self) -> tuple[str, ...]:
        """URLs of pages, images and videos."""
        return (*self.pages, *self.media)

    @property
    def marks(self) -> tuple[Mark, ...]:
        """Entries for the register."""
        return (
            *(Mark("product", name) for name in self.products),
            *(Mark("url", url) for url in self.urls),
            *(Mark("merchant", name) for name in self.merchants),
        )

    @property
    def words(self) -> Words:
        """Names of the target, to find it in unparsed bytes."""
        return Words(self.urls, self.texts, self.products, self.objects)


@dataclass(slots=True)
class Removal:
    """A take-down in progress, or its dry run."""

    store: Store
    """The workspace's storage, locked."""
    plan: Plan
    groups: Mapping[str, str]
    """Product -> new name, a keyed hash, of the groups and labels that were named after it."""
    now: datetime
    dry_run: bool
    words: Words
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Page object -> the cleaned one that replaces it."""
    files: dict[str, int] = field(default_factory=dict)
    """Table -> number of data files rewritten; hooks that rewrite more add theirs."""


class TakedownHook(Protocol):
    """One room's part in a take-down: the functions of its module ``takedown``."""

    def search(self, store: Store, target: Target, plan: Plan) -> Plan:
        """Return the plan extended by what the room knows of the target, its products and URLs."""

    def remove(self, removal: Removal) -> Mapping[str, Any]:
        """Remove the target from the room's data; return fields of the receipt.

        A dry run removes nothing and returns the fields that are known beforehand. A killed removal is repeated.
        """


class PageCleaner(Protocol):
    """Search for an item in stored pages, and its removal."""

    def is_item(self, url: str) -> bool:
        """Return whether a URL belongs to the item."""

    def names_it(self, record: bytes) -> bool:
        """Return whether a ``response`` record names the item in its header or page."""

    def clean(self, page: StoredPage) -> StoredPage:
        """Return a page without the item's names."""


class PageHook(TakedownHook, Protocol):
    """The hook of the room that stores pages; its ``search`` is repeated until nothing new is found."""

    def users_of(self, store: Store, plan: Plan, objects: Collection[str]) -> dict[str, str]:
        """Return object -> URL for the objects that pages outside the plan use."""

    def near_merchants(self, store: Store, name: str, merchants: Collection[str]) -> list[str]:
        """Return whole names of merchants that contain a part of a name; ``merchants`` are known hashes."""

    def cleaner(self, plan: Plan, words: Words) -> PageCleaner:
        """Return the cleaner that removes the plan's item from other pages."""


def hooks() -> tuple[TakedownHook, ...]:
    """Import and return the hooks of all rooms, that of the one that stores pages first."""
    return tuple(cast("TakedownHook", import_module(name)) for name in _ROOMS)


def page_hook() -> PageHook:
    """Import and return the hook of the room that stores pages."""
    return cast("PageHook", import_module(_PAGES))
