"""Registry of a product's modalities.

A ``Modality`` declares everything that other rooms need: its table (``storage.tables``), the feed column that fills
it (``crawler.feeds``), its state in the ledger (``storage.views``), and its part of a sample (``export.reader``) and of
the shards. To add a modality, define it in its own folder and list it in ``_IN_FOLDERS``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from importlib import import_module
from threading import RLock
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core.records import Specification, Variant
from core.sample_display import sample_card, sample_line
from core.table_spec import FeedColumn, TableSpec
from core.usage import PURPOSES, Purpose

__all__ = [
    "FeedColumn",
    "LedgerEntry",
    "Member",
    "Modality",
    "Offer",
    "Payload",
    "Sample",
    "SampleFrame",
    "ShardColumn",
    "feed_columns",
    "modalities",
    "modality_tables",
    "register",
    "unregister",
]

Row = Mapping[str, Any]
"""One row of the reader's query."""

Payload = Sequence[bytes | memoryview]
"""Parts of a member's payload, written one after another."""

ReadObject = Callable[[str], bytes]
"""SHA-256 of an object -> its bytes."""


@dataclass(frozen=True, slots=True)
class SampleFrame:
    """One kept frame of the product's video."""

    second: int
    """The whole second that it represents, from 0."""
    pts_s: float
    """Its timestamp, seconds from the stream's start."""
    jpeg: bytes


@dataclass(frozen=True, slots=True)
class Offer:
    """Facts of an offer; None: not stated."""

    price: Decimal | None = None
    list_price: Decimal | None = None
    """Higher amount that the price replaces."""
    currency: str | None = None
    rating: float | None = None
    """Mean rating, 0 to 5."""
    rating_count: int | None = None
    condition: str | None = None
    """New, Used, Refurbished or Damaged."""
    item_group: str | None = None
    """The shop's own id of the group of variants."""
    gtin14: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Sample:
    """A product in a split; an absent modality is None (specs and frames: empty)."""

    product_id: str
    split: str
    role: str
    """sample, query, gallery or distractor."""
    label: str | None
    """Class or match id: samples with equal labels count as the same; None for a distractor."""
    label_level: str
    group_id: str
    source: str
    url: str
    licence: str
    """Licence of the source, as stated in its settings; empty if none is stated."""
    classes: Mapping[str, str | int]
    """class_id, class_name, sub_class_id, … of the shared hierarchy; id -1 and an empty name: none."""
    caption: str | None
    specs: tuple[Specification, ...]
    image: bytes | None
    """The image file as the shop served it."""
    image_url: str | None
    """URL of the image."""
    image_size: tuple[int, int] | None
    """Width and height, pixels; None if unknown."""
    frames: tuple[SampleFrame, ...]
    """Ordered by second."""
    audio: bytes | None
    """mp3."""
    mfcc: NDArray[np.float32] | None
    """[n_mfcc, T]."""
    image_text: tuple[str, ...] = ()
    """Lines of text in its images, without contact details, watermarks and slogans; needs ``extract.ocr``."""
    description: str | None = None
    """Text about the product, a paragraph a line."""
    features: tuple[str, ...] = ()
    """Selling points."""
    offer: Offer = field(default_factory=Offer)
    """Price, ratings and condition as the shop last stated them."""
    variants: tuple[Variant, ...] = ()
    """Combinations of options that the product is sold in; not exported."""
    purposes: tuple[Purpose, ...] = PURPOSES
    """Permitted uses: the purposes that neither its shop's signals nor the settings refuse."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Values of modalities registered in addition to these five, under names that they choose."""

    @property
    def present(self) -> dict[str, bool]:
        """Modality -> whether this sample has it."""
        return {modality.name: modality.is_present(self) for modality in modalities()}

    __repr__ = sample_line

    def _repr_html_(self) -> str:
        return sample_card(self, self.present)


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A modality's column of the ledger: ``present``, or the reason it is not."""

    column: str
    meaning: str
    state: str
    """SQL expression over ``p`` (products), ``joins``, and tables that every modality may use: ``image`` and
    ``video`` (the best media file: ok, sha256, reason) and ``refusal`` (rejects of that video: frames, sound)."""
    joins: str = ""
    """SQL joins that the expression needs."""


@dataclass(frozen=True, slots=True)
class ShardColumn:
    """A column of Parquet shards."""

    name: str
    type: pa.DataType
    feature: Mapping[str, object]
    """The type as a feature of Hugging Face ``datasets``."""
    value: Callable[[Sample, int], object]
    """Sample and its number in the split -> value."""
    croissant: str | None = None
    """Its type in the Croissant metadata; None: left to Parquet's own schema."""


@dataclass(frozen=True, slots=True)
class Member:
    """A member of each sample in WebDataset shards; empty where the modality is absent."""

    extension: str
    payload: Callable[[Sample], Payload | None]
    """None: the sample has no such member. Only samples without an image, which have their own shards, may lack one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Modality:
    """One modality of a product."""

    name: str
    meaning: str
    """A noun phrase for dataset cards."""
    details: str = ""
    """Details that a dataset card adds in parentheses."""
    table: TableSpec | None = None
    """Its own table, bucketed by ``product_id``; None: it reads tables of ``storage.tables``."""
    feed: FeedColumn | None = None
    """Column of feeds that fills the table; None: its own stage writes the table."""
    ledger: LedgerEntry
    is_present: Callable[[Sample], bool]
    present_sql: str
    """Column of ``select`` that is NULL where the modality is absent."""
    select: Mapping[str, str]
    """Columns of the reader's query: name -> SQL expression."""
    tables: Mapping[str, str] = field(default_factory=dict)
    """Named queries that are joined to the sample, at most one row per product_id. They may use
    ``chosen`` (the rows of the split) and ``clip`` (product_id, video: SHA-256 of its stored video)."""
    facts: Callable[[Row], Mapping[str, Any]]
    """Row -> fields of ``Sample`` that need no stored bytes; other names go to ``Sample.more``."""
    load: Callable[[Row, ReadObject], Mapping[str, Any]] | None = None
    """Row -> fields of ``Sample`` that are read from stored objects."""
    objects: tuple[str, ...] = ()
    """Columns of the row that name the objects that ``load`` reads; their lengths decide where a shard ends."""
    columns: tuple[ShardColumn, ...]
    members: tuple[Member, ...] = ()
    json: Callable[[Sample], Mapping[str, object]] = lambda _: {}
    """Its values in the sample's JSON member."""


def modalities() -> tuple[Modality, ...]:
    """Return every registered modality, in the order of registration."""
    _load_folders()
    return tuple(_REGISTERED.values())


def modality_tables() -> tuple[TableSpec, ...]:
    """Return the tables that modalities declare."""
    return tuple(modality.table for modality in modalities() if modality.table is not None)


@cache  # called for every row of a feed
def feed_columns() -> tuple[tuple[FeedColumn, TableSpec], ...]:
    """Return the feed columns that modalities declare, each with the table that it fills."""
    return tuple((m.feed, m.table) for m in modalities() if m.feed is not None and m.table is not None)


def register(modality: Modality) -> None:
    """Add a modality.

    Raises:
        ValueError: The name is taken, or its table cannot be stored.
    """
    _load_folders()
    if modality.name in _REGISTERED:
        raise ValueError(f"The modality {modality.name!r} is registered already.")
    _add(modality)


def _add(modality: Modality) -> None:
    _check_table(modality)
    _REGISTERED[modality.name] = modality
    feed_columns.cache_clear()


def unregister(name: str) -> None:
    """Remove a modality, for tests."""
    del _REGISTERED[name]
    feed_columns.cache_clear()


def _check_table(modality: Modality) -> None:
    """Raise unless ingest and take-down can find the table's rows and ingest can mask its texts."""
    start, table = f"The modality {modality.name!r}", modality.table
    if table is None:
        if modality.feed is not None:
            raise ValueError(f"{start} has a column of feeds but no table. Declare the table that it fills.")
        return
    if table.bucket_of != "product_id" or table.key[0] != "product_id":
        raise ValueError(f"{start}: the key of the table {table.name} must begin with product_id, also its bucket.")
    kinds = {column.name: column.type for column in table.columns}
    if modality.feed is not None and any(pa.types.is_nested(kind) for kind in kinds.values()):
        raise ValueError(f"{start}: the table {table.name} must have no lists, whose texts would not be masked.")
    if modality.feed is not None and any(pa.types.is_string(kinds[name]) for name in table.key[1:]):
        raise ValueError(f"{start}: masking could make texts equal, so the key of {table.name} must hold none.")


_LOADING = RLock()


@cache  # called for every sample
def _load_folders() -> None:
    """Register the modalities of ``_IN_FOLDERS`` once; not at import, because they import this module."""
    with _LOADING:
        for path in _IN_FOLDERS:
            module, _, name = path.partition(":")
            modality = getattr(import_module(module), name)
            if modality.name not in _REGISTERED:
                _add(modality)


_REGISTERED: dict[str, Modality] = {}

_IN_FOLDERS = (
    "core.five_modalities:IMAGE",
    "core.five_modalities:CAPTION",
    "core.five_modalities:SPECS",
    "core.five_modalities:VIDEO",
    "core.five_modalities:AUDIO",
)
"""The modalities in their order: ``package.module:NAME``; others in a folder of their own, e.g.
``extract.reviews:REVIEWS``. An entry is the whole registration: table, ingest, take-down, ledger, shards, metadata and
reader follow from it."""
