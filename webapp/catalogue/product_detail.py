"""All data of one product: its five modalities, ledger, labels and splits."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from core.product_keys import same_products_sql
from core.usage import PURPOSES
from storage import Snapshot
from storage.views import ledger_sql
from webapp.catalogue.lineage import Lineage, lineage_of
from webapp.catalogue.product_bucket import open_bucket
from webapp.catalogue.product_card import ProductCard, plain, price_text, read_cards

__all__ = [
    "AudioClip",
    "Change",
    "FrameView",
    "MediaFile",
    "Offer",
    "ProductDetail",
    "Statements",
    "UsageSignal",
    "read_detail",
]

_MAX = 400
_LONGEST = 300
_LINES = f"""
select t.sha256, any_value(i.width), any_value(i.height), text, confidence, contact, repeated,
    x0 || ',' || y0 || ' ' || x1 || ',' || y1 || ' ' || x2 || ',' || y2 || ' ' || x3 || ',' || y3
from image_text t join images i on i.product_id = t.product_id and i.sha256 = t.sha256
where t.product_id = ? group by all order by min(t.position), min(line) limit {_MAX}
"""  # noqa: S608 - a constant
_PROPOSALS = "select property, value, position, rule from spec_proposals where product_id = ? order by 1, 2"


@dataclass(frozen=True, slots=True)
class TextBox:
    """A line of text in an image."""

    text: str
    confidence: float
    mark: str
    """``contact`` or ``repeated``; empty: neither."""
    contact: str | None
    """Kinds of contact details in it."""
    points: str
    """Corners in SVG syntax."""


@dataclass(frozen=True, slots=True)
class ImageBoxes:
    """The lines of text in one image."""

    width: int
    height: int
    lines: tuple[TextBox, ...]

    @property
    def has_contact(self) -> bool:
        """Whether the image shows contact details."""
        return any(line.contact for line in self.lines)


@dataclass(frozen=True, slots=True)
class ProposedSpec:
    """A property value that an image states and the specification table lacks."""

    property: str
    value: str
    position: int
    """Position of the image."""
    rule: str


@dataclass(frozen=True, slots=True)
class ImageText:
    """The text in the images of one product."""

    images: Mapping[str, ImageBoxes]
    """Object of an image -> its lines, in reading order."""
    proposals: tuple[ProposedSpec, ...]


def read_image_text(engine: duckdb.DuckDBPyConnection, product_id: str) -> ImageText:
    """Return the text in a product's images; empty if none was read."""
    found: dict[str, tuple[int, int, list[TextBox]]] = {}
    for sha256, width, height, text, confidence, contact, repeated, points in engine.execute(
        _LINES, [product_id]
    ).fetchall():
        mark = "contact" if contact else "repeated" if repeated else ""
        line = TextBox(plain(text, _LONGEST), confidence, mark, contact, points)
        found.setdefault(sha256, (width, height, []))[2].append(line)
    images = {sha256: ImageBoxes(width, height, tuple(lines)) for sha256, (width, height, lines) in found.items()}
    rows = engine.execute(_PROPOSALS, [product_id]).fetchall()
    proposals = (ProposedSpec(plain(name, _LONGEST), plain(value, _LONGEST), *rest) for name, value, *rest in rows)
    return ImageText(images, tuple(proposals))


_FRAMES = 120
_CHANGED_PRICES, _MAX_OFFERS = 12, 24
_LONGEST_URL = 300
_LEDGER = "select image, caption, specifications, video, audio from ledger where product_id = ?"
_FRAME = """
select video_sha256, second, object, "offset", length from frames where product_id = ?
order by video_sha256, second limit ?
"""
_AUDIO = """
select video_sha256, mp3, start_s, duration_s, mfcc, n_mfcc, mfcc_frames from audio where product_id = ?
order by video_sha256
"""
_MEDIA = """
select kind, position, left(url, 600), state, reason, attempts, http_status, width, height, bytes
from media where product_id = ? order by kind, position limit 100
"""
_CHANGES = """
select changed_at, field, name, left(before, 300), left("after", 300) from history where product_id = ?
order by changed_at desc, field, name limit 50
"""
_SIGNALS = f"""
select signal, place, left(served, 2000), since, until, {", ".join(PURPOSES)} from usage_rights where product_id = ?
order by until is not null, since desc, signal, place limit 100
"""  # noqa: S608 - constants
_AVAILABILITY = "select availability from products where product_id = ?"
_LONGEST_DESCRIPTION = 4_000
_STATEMENTS = f"""
select left(description, {_LONGEST_DESCRIPTION + 1}), features[:50], list_price, currency, rating, rating_count,
    condition, item_group, gtin14 from products where product_id = ?
"""  # noqa: S608 - constants
_OFFERS = f"select unnest(offers) from ({same_products_sql('gtin14 = $gtin')}) limit {_MAX_OFFERS}"  # noqa: S608


@dataclass(frozen=True, slots=True)
class FrameView:
    """One kept frame."""

    video: str
    """Object of its video."""
    second: int
    object: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class AudioClip:
    """The audio of one video."""

    video: str
    """Object of the video."""
    mp3: str
    start_s: float | None
    """Seconds from the first frame; None: unknown."""
    duration_s: float
    mfcc: str
    """Object of the array."""
    n_mfcc: int
    mfcc_frames: int


@dataclass(frozen=True, slots=True)
class MediaFile:
    """An image or video that the page refers to, and the state of its download."""

    kind: str
    position: int
    url: str
    state: str
    reason: str | None
    attempts: int
    http_status: int | None
    width: int | None
    height: int | None
    bytes: int | None


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the page's content."""

    at: datetime
    field: str
    name: str
    """Property of the specification; empty for other fields."""
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Statements:
    """What the shop states beside the caption, as shown; None: not stated."""

    description: str | None
    features: tuple[str, ...]
    list_price: str | None
    """Amount and currency."""
    rating: float | None
    rating_count: int | None
    condition: str | None
    item_group: str | None
    gtin14: str | None


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer of the same product, by its GTIN."""

    product_id: str
    source: str
    price: str | None
    """Amount and currency, like ``list_price``."""
    list_price: str | None
    availability: str | None
    condition: str | None
    earlier: tuple[tuple[datetime, str], ...]
    """Earlier prices, each with the time of its change; oldest first."""


@dataclass(frozen=True, slots=True)
class UsageSignal:
    """A current or earlier statement of the shop about the use of the product."""

    signal: str
    place: str
    served: str
    verdicts: Mapping[str, str]
    """Purpose -> allowed, refused or unknown."""
    since: datetime
    until: datetime | None
    """None: it still holds."""


@dataclass(frozen=True, slots=True)
class ProductDetail:
    """One product in full."""

    card: ProductCard
    ledger: Mapping[str, str]
    """Modality -> present, or the reason why it is not."""
    lineage: Lineage
    frames: tuple[FrameView, ...]
    audio: tuple[AudioClip, ...]
    media: tuple[MediaFile, ...]
    signals: tuple[UsageSignal, ...]
    """Current ones first."""
    purposes: Mapping[str, bool]
    """Purpose -> whether no signal refuses it."""
    image_text: ImageText
    """Text found in the images, and the property values that it proposes."""
    changes: tuple[Change, ...]
    """Latest first."""
    availability: str | None
    stated: Statements
    offers: tuple[Offer, ...]
    """All offers of the product, its own included; empty if no other product has its GTIN."""


def read_detail(snapshot: Snapshot, product_id: str) -> ProductDetail | None:
    """Return one product of a dataset version, or None if it does not exist, reading only its bucket of most tables."""
    with closing(open_bucket(snapshot, product_id)) as engine:
        card, lineage = read_cards(engine, [product_id]).get(product_id), lineage_of(engine, snapshot, product_id)
        if card is None or lineage is None:
            return None
        engine.execute(f"CREATE VIEW ledger AS {ledger_sql()}")
        ledger = engine.execute(_LEDGER, [product_id])
        names = [column[0] for column in ledger.description or ()]
        states = ledger.fetchone() or ()
        signals = tuple(map(_signal, engine.execute(_SIGNALS, [product_id]).fetchall()))
        present = [one.verdicts for one in signals if one.until is None]
        stated = _statements(engine.execute(_STATEMENTS, [product_id]).fetchall()[0])
        availability = engine.execute(_AVAILABILITY, [product_id]).fetchall()[0][0]
        return ProductDetail(
            card=card,
            ledger=dict(zip(names, states, strict=True)),
            lineage=lineage,
            frames=tuple(FrameView(*row) for row in engine.execute(_FRAME, [product_id, _FRAMES]).fetchall()),
            audio=tuple(AudioClip(*row) for row in engine.execute(_AUDIO, [product_id]).fetchall()),
            media=tuple(_media_file(row) for row in engine.execute(_MEDIA, [product_id]).fetchall()),
            signals=signals,
            purposes={name: all(one[name] != "refused" for one in present) for name in PURPOSES},
            image_text=read_image_text(engine, product_id),
            changes=tuple(Change(*row) for row in engine.execute(_CHANGES, [product_id]).fetchall()),
            availability=availability,
            stated=stated,
            offers=_offers(snapshot, stated.gtin14) if stated.gtin14 else (),
        )


def _statements(row: tuple[Any, ...]) -> Statements:
    description, features, list_price, currency, rating, count, condition, group, gtin = row
    return Statements(
        description=None if description is None else plain(description, _LONGEST_DESCRIPTION),
        features=tuple(plain(one, _LONGEST) for one in features or ()),
        list_price=price_text(list_price, currency),
        rating=rating,
        rating_count=count,
        condition=condition,
        item_group=None if group is None else plain(group, _LONGEST),
        gtin14=gtin,
    )


def _offers(snapshot: Snapshot, gtin: str) -> tuple[Offer, ...]:
    with closing(snapshot.connection(only=("products", "history"))) as engine:
        rows = engine.execute(_OFFERS, {"gtin": gtin}).fetchall()
    return tuple(_offer(row) for (row,) in rows)


def _offer(row: Mapping[str, Any]) -> Offer:
    before = tuple((one["until"], plain(one["price"], _LONGEST)) for one in row["earlier"][-_CHANGED_PRICES:])
    price, former = (price_text(row[name], row["currency"]) for name in ("price", "list_price"))
    return Offer(row["product_id"], row["source"], price, former, row["availability"], row["condition"], before)


def _signal(row: tuple[Any, ...]) -> UsageSignal:
    signal, place, served, since, until, *verdicts = row
    said = dict(zip(PURPOSES, verdicts, strict=True))
    return UsageSignal(signal, place, plain(served, _LONGEST_URL), said, since, until)


def _media_file(row: tuple[Any, ...]) -> MediaFile:
    kind, position, url, *rest = row
    return MediaFile(kind, position, plain(url, _LONGEST_URL), *rest)
