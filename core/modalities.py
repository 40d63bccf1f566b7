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

from core.npy import npy_parts
from core.records import Specification, Variant
from core.sample_display import sample_card, sample_line
from core.table_spec import FeedColumn, TableSpec
from core.usage import PURPOSES, Purpose

__all__ = [
    "TEXT_FEATURE",
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
    "file_struct",
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
    if modality.name in _REGISTERED:
        raise ValueError(f"The modality {modality.name!r} is registered already.")
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
                register(modality)


TEXT_FEATURE: Mapping[str, object] = {"dtype": "string", "_type": "Value"}
"""Text, as a feature of ``datasets``."""
file_struct = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
"""Type of a media file in Parquet, as ``datasets`` stores it."""
_SPEC_STRUCT = pa.struct([("name", pa.string()), ("value", pa.string())])


def _list_of(feature: Mapping[str, object]) -> Mapping[str, object]:
    return {"feature": feature, "_type": "List"}


def _file(payload: bytes | None, path: str) -> dict[str, object] | None:
    return None if payload is None else {"bytes": payload, "path": path}


def _variant(row: Mapping[str, Any]) -> Variant:
    pairs = (option.partition(": ") for option in row["options"])
    return Variant(**{**row, "options": tuple(Specification(name, value) for name, _, value in pairs)})


_OFFER: Mapping[str, pa.DataType] = {
    "price": pa.float64(),
    "list_price": pa.float64(),
    "currency": pa.string(),
    "rating": pa.float64(),
    "rating_count": pa.int64(),
    "condition": pa.string(),
    "item_group": pa.string(),
    "gtin14": pa.string(),
}
"""Field of ``Offer``, and column of products -> its type in shards."""
_OFFER_TYPES = {
    pa.float64(): ("float64", "sc:Float"),
    pa.int64(): ("int64", "sc:Integer"),
    pa.string(): ("string", "sc:Text"),
}
"""Type -> the same in ``datasets`` and in Croissant."""


def _offer_column(name: str) -> "ShardColumn":
    kind = _OFFER[name]
    dtype, croissant = _OFFER_TYPES[kind]
    feature = {"dtype": dtype, "_type": "Value"}
    return ShardColumn(name, kind, feature, lambda sample, _: _offer_value(sample, name), croissant)


def _offer_value(sample: "Sample", name: str) -> object:
    value = getattr(sample.offer, name)
    return float(value) if isinstance(value, Decimal) else value


def _offer_text(sample: "Sample", name: str) -> str:
    """Return a value as text, empty if it is absent: loaders infer types from the first samples, and refuse others."""
    value = _offer_value(sample, name)
    return "" if value is None else str(value)


def _spec_rows(sample: Sample) -> list[dict[str, str]]:
    return [{"name": spec.property, "value": spec.value} for spec in sample.specs]


def _frame_index(sample: Sample) -> list[dict[str, float]]:
    rows, offset = [], 0
    for frame in sample.frames:
        rows.append({"second": frame.second, "pts_s": frame.pts_s, "offset": offset, "length": len(frame.jpeg)})
        offset += len(frame.jpeg)
    return rows


def _load_frames(row: Row, read: ReadObject) -> Mapping[str, Any]:
    if not row["frames"]:
        return {}
    whole = read(row["frames_object"])
    cut = (slice(shot["offset"], shot["offset"] + shot["length"]) for shot in row["frames"])
    frames = zip(row["frames"], cut, strict=True)
    return {"frames": tuple(SampleFrame(shot["second"], shot["pts_s"], whole[part]) for shot, part in frames)}


def _load_audio(row: Row, read: ReadObject) -> Mapping[str, Any]:
    mfcc = np.frombuffer(read(row["mfcc"]), dtype="<f4").reshape(row["n_mfcc"], -1) if row["mfcc"] else None
    return {"audio": read(row["mp3"]) if row["mp3"] else None, "mfcc": mfcc}


_FIVE = (
    Modality(
        name="image",
        meaning="image",
        ledger=LedgerEntry(
            "image",
            "present: any image is ok and can be decoded; no_image_on_page; else why the main image is not",
            "CASE WHEN image.ok THEN 'present' ELSE coalesce(image.reason, 'no_image_on_page') END",
        ),
        is_present=lambda sample: sample.image is not None,
        present_sql="image",
        select={
            "image": "main_image.shown.sha256",
            "image_url": "main_image.shown.url",
            "image_width": "main_image.shown.width",
            "image_height": "main_image.shown.height",
            "image_text": "image_lines.texts",
        },
        tables={
            "image_lines": """
                select t.product_id, list(t.text order by t.position, t.line) as texts
                from image_text t join chosen using (product_id)
                where t.contact is null and not t.repeated
                group by 1
            """,
            "main_image": """
                select c.product_id, arg_min({'sha256': m.sha256, 'url': m.url, 'width': m.width, 'height': m.height},
                                             (m.position != c.image_position, m.position)) as shown
                from chosen c join media m on m.product_id = c.product_id and m.kind = 'image' and m.state = 'ok'
                left join (select distinct item from rejects where stage = 'extract' and detail like 'image%') refused
                    on refused.item = m.sha256
                where refused.item is null
                group by 1
            """,
        },
        facts=lambda row: {
            "image_url": row["image_url"],
            "image_size": (row["image_width"], row["image_height"]) if row["image_width"] else None,
            "image_text": tuple(row["image_text"] or ()),
        },
        load=lambda row, read: {"image": read(row["image"]) if row["image"] else None},
        objects=("image",),
        columns=(
            ShardColumn(
                "image",
                file_struct,
                {"_type": "Image"},
                lambda sample, number: _file(sample.image, f"{number:08d}.jpg"),
                "sc:ImageObject",
            ),
            ShardColumn(
                "image_text", pa.list_(pa.string()), _list_of(TEXT_FEATURE), lambda sample, _: list(sample.image_text)
            ),
        ),
        members=(Member("image.jpg", lambda sample: None if sample.image is None else [sample.image]),),
        json=lambda sample: {"image_text": list(sample.image_text)},
    ),
    Modality(
        name="caption",
        meaning="caption",
        ledger=LedgerEntry(
            "caption",
            "present, or no_caption",
            "CASE WHEN trim(p.caption) <> '' THEN 'present' ELSE 'no_caption' END",
        ),
        is_present=lambda sample: sample.caption is not None,
        present_sql="caption",
        details="with the description and the facts of the offer",
        select={
            "caption": "p.caption",
            "description": "p.description",
            "features": "p.features",
            **{name: f"p.{name}" for name in _OFFER},
        },
        facts=lambda row: {
            "caption": row["caption"],
            "description": row["description"],
            "features": tuple(row["features"] or ()),
            "offer": Offer(**{name: row[name] for name in _OFFER}),
        },
        columns=(
            ShardColumn("caption", pa.string(), TEXT_FEATURE, lambda sample, _: sample.caption, "sc:Text"),
            ShardColumn("description", pa.string(), TEXT_FEATURE, lambda sample, _: sample.description, "sc:Text"),
            ShardColumn(
                "features", pa.list_(pa.string()), _list_of(TEXT_FEATURE), lambda sample, _: list(sample.features)
            ),
            *(_offer_column(name) for name in _OFFER),
        ),
        json=lambda sample: {
            "caption": sample.caption,
            "description": sample.description or "",
            "features": "\n".join(sample.features),
            **{name: _offer_text(sample, name) for name in _OFFER},
        },
    ),
    Modality(
        name="specs",
        meaning="specification table",
        ledger=LedgerEntry(
            "specifications",
            "present, or no_specs",
            "CASE WHEN specs.product_id IS NULL THEN 'no_specs' ELSE 'present' END",
            "LEFT JOIN (SELECT DISTINCT product_id FROM specs) specs ON specs.product_id = p.product_id",
        ),
        is_present=lambda sample: bool(sample.specs),
        present_sql="specs",
        select={"specs": "rows.specs", "variants": "forms.variants"},
        tables={
            "forms": """
                select v.product_id, list({'id': v.variant_id, 'options': v.options, 'price': v.price,
                    'currency': v.currency, 'availability': v.availability, 'image_url': v.image_url}
                    order by v.position) as variants
                from variants v join chosen using (product_id)
                group by 1
            """,
            "rows": """
                select s.product_id, list({'property': s.property, 'value': s.value} order by s.position) as specs
                from specs s join chosen using (product_id)
                group by 1
            """,
        },
        facts=lambda row: {
            "specs": tuple(Specification(spec["property"], spec["value"]) for spec in row["specs"] or ()),
            "variants": tuple(map(_variant, row["variants"] or ())),
        },
        columns=(
            ShardColumn(
                "specs",
                pa.list_(_SPEC_STRUCT),
                _list_of({"name": TEXT_FEATURE, "value": TEXT_FEATURE}),
                lambda sample, _: _spec_rows(sample),
            ),
        ),
        json=lambda sample: {"specs": _spec_rows(sample)},
    ),
    Modality(
        name="video",
        meaning="video (1 frame a second)",
        ledger=LedgerEntry(
            "video",
            "present: frames are kept; no_video; pending; else why the first video gave none",
            "CASE WHEN frames.product_id IS NOT NULL THEN 'present' "
            "WHEN video.ok THEN coalesce(refusal.frames, 'pending') ELSE coalesce(video.reason, 'no_video') END",
            "LEFT JOIN (SELECT DISTINCT product_id FROM frames) frames ON frames.product_id = p.product_id",
        ),
        is_present=lambda sample: bool(sample.frames),
        present_sql="frames",
        select={"frames_object": "shots.frames_object", "frames": "shots.frames"},
        tables={
            "shots": """
                select f.product_id, any_value(f.object) as frames_object,
                       list({'second': f.second, 'pts_s': f.pts_s, 'offset': f."offset", 'length': f.length}
                            order by f.second) as frames
                from frames f join clip on clip.product_id = f.product_id and clip.video = f.video_sha256
                group by 1
            """
        },
        facts=lambda _: {},
        load=_load_frames,
        objects=("frames_object",),
        columns=(
            ShardColumn(
                "frames",
                pa.list_(file_struct),
                _list_of({"_type": "Image"}),
                lambda sample, number: [
                    _file(frame.jpeg, f"{number:08d}-{frame.second:04d}.jpg") for frame in sample.frames
                ],
            ),
            ShardColumn(
                "frame_times_s",
                pa.list_(pa.float64()),
                _list_of({"dtype": "float64", "_type": "Value"}),
                lambda sample, _: [frame.pts_s for frame in sample.frames],
            ),
        ),
        members=(Member("frames.mjpeg", lambda sample: [frame.jpeg for frame in sample.frames]),),
        json=lambda sample: {"frames": _frame_index(sample)},
    ),
    Modality(
        name="audio",
        meaning="audio",
        details="mp3 and MFCC",
        ledger=LedgerEntry(
            "audio",
            "present: audio is kept; no_video; no_sound; pending; else why there is none",
            "CASE WHEN audio.product_id IS NOT NULL THEN 'present' "
            "WHEN video.ok THEN coalesce(refusal.sound, refusal.frames, 'pending') "
            "ELSE coalesce(video.reason, 'no_video') END",
            "LEFT JOIN (SELECT DISTINCT product_id FROM audio) audio ON audio.product_id = p.product_id",
        ),
        is_present=lambda sample: sample.audio is not None,
        present_sql="mp3",
        select={"mp3": "track.mp3", "mfcc": "track.mfcc", "n_mfcc": "track.n_mfcc"},
        tables={
            "track": """
                select a.product_id, a.mp3, a.mfcc, a.n_mfcc
                from audio a join clip on clip.product_id = a.product_id and clip.video = a.video_sha256
            """
        },
        facts=lambda _: {},
        load=_load_audio,
        objects=("mp3", "mfcc"),
        columns=(
            ShardColumn(
                "audio",
                file_struct,
                {"_type": "Audio", "decode": False},
                lambda sample, number: _file(sample.audio, f"{number:08d}.mp3"),
            ),
            ShardColumn(
                "mfcc",
                pa.list_(pa.list_(pa.float32())),
                _list_of(_list_of({"dtype": "float32", "_type": "Value"})),
                lambda sample, _: None if sample.mfcc is None else list(sample.mfcc),
            ),
        ),
        # .mp3 makes Hugging Face's loader require torch; .mpga is its other registered name
        members=(
            Member("audio.mpga", lambda sample: [sample.audio or b""]),
            Member("mfcc.npy", lambda sample: npy_parts(sample.mfcc)),
        ),
    ),
)

_REGISTERED: dict[str, Modality] = {modality.name: modality for modality in _FIVE}

_IN_FOLDERS: tuple[str, ...] = ()
"""Modalities besides the five, each in its own folder: ``package.module:NAME``, e.g. ``extract.reviews:REVIEWS``.
An entry is the whole registration: table, ingest, take-down, ledger, shards, metadata and reader follow from it."""
