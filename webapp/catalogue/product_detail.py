"""Everything about one product: its five modalities, its ledger, its labels and splits."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

import duckdb

from storage import Snapshot
from storage.tables import bucket_of
from storage.views import ledger_sql
from webapp.catalogue.product_card import TABLES, ProductCard, read_cards

__all__ = ["AudioClip", "Frame", "Membership", "ProductDetail", "read_detail"]

_BUCKETED = (*TABLES, "frames", "labels", "duplicates")
_FRAMES = 120
_LEDGER = "select image, caption, specifications, video, audio from ledger where product_id = ?"
_LABELS = """
select list_filter([class_name, sub_class_name, subsub_class_name], lambda name: name != '')
from labels where product_id = ?
"""
_SPLITS = "select recipe, split, role, label, label_level from splits where product_id = ? order by 1, 2"
_GROUP = "select group_id, rule, kept, size from duplicates where product_id = ?"
_FRAME = """
select second, object, "offset", length from frames where product_id = ? order by video_sha256, second limit ?
"""
_AUDIO = "select mp3, duration_s, n_mfcc, mfcc_frames from audio where product_id = ? order by video_sha256"


@dataclass(frozen=True, slots=True)
class Frame:
    """One kept frame."""

    second: int
    object: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class AudioClip:
    """The sound of one video."""

    mp3: str
    duration_s: float
    n_mfcc: int
    mfcc_frames: int


@dataclass(frozen=True, slots=True)
class Membership:
    """A split that the product is in."""

    recipe: str
    split: str
    role: str
    label: str | None
    label_level: str


@dataclass(frozen=True, slots=True)
class ProductDetail:
    """One product in full."""

    card: ProductCard
    ledger: Mapping[str, str]
    """Modality -> present, or the reason it is not."""
    labels: tuple[str, ...]
    """Names in the shared hierarchy, outermost first."""
    splits: tuple[Membership, ...]
    group: tuple[str, str, bool, int] | None
    """Duplicate group: its id, the rule, whether the product is kept, products in it; None: not looked for yet."""
    frames: tuple[Frame, ...]
    audio: tuple[AudioClip, ...]


def read_detail(snapshot: Snapshot, product_id: str) -> ProductDetail | None:
    """Return one product of a dataset version, None where it is not there; reads its bucket alone."""
    with closing(_bucket(snapshot, product_id)) as engine:
        card = read_cards(engine, [product_id]).get(product_id)
        if card is None:
            return None
        engine.execute(ledger_sql())
        ledger = engine.execute(_LEDGER, [product_id])
        names = [column[0] for column in ledger.description or ()]
        states = ledger.fetchone() or ()
        labels = engine.execute(_LABELS, [product_id]).fetchone()
        return ProductDetail(
            card=card,
            ledger=dict(zip(names, states, strict=True)),
            labels=tuple(labels[0]) if labels else (),
            splits=tuple(Membership(*row) for row in engine.execute(_SPLITS, [product_id]).fetchall()),
            group=engine.execute(_GROUP, [product_id]).fetchone(),
            frames=tuple(Frame(*row) for row in engine.execute(_FRAME, [product_id, _FRAMES]).fetchall()),
            audio=tuple(AudioClip(*row) for row in engine.execute(_AUDIO, [product_id]).fetchall()),
        )


def _bucket(snapshot: Snapshot, product_id: str) -> duckdb.DuckDBPyConnection:
    """Open a connection to the one bucket of each table that holds the product; the ledger stays cheap at any size."""
    engine = snapshot.connection(only=("splits", "rejects"))
    bucket = bucket_of(product_id, snapshot.record.buckets)
    for name in _BUCKETED:
        engine.execute(snapshot.view(name, name, only=[bucket]))
    return engine
