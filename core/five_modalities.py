"""The five modalities, and the facts of a product's offers."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from core.modalities import LedgerEntry, Member, Modality, Offer, ReadObject, Row, Sample, SampleFrame, ShardColumn
from core.npy import npy_parts
from core.records import Specification, Variant

__all__ = ["AUDIO", "CAPTION", "IMAGE", "SPECS", "TEXT_FEATURE", "VIDEO"]

TEXT_FEATURE: Mapping[str, object] = {"dtype": "string", "_type": "Value"}
"""Text, as a feature of ``datasets``."""
_FILE_STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
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


def _offer_column(name: str) -> ShardColumn:
    kind = _OFFER[name]
    dtype, croissant = _OFFER_TYPES[kind]
    feature = {"dtype": dtype, "_type": "Value"}
    return ShardColumn(name, kind, feature, lambda sample, _: _offer_value(sample, name), croissant)


def _offer_value(sample: Sample, name: str) -> object:
    value = getattr(sample.offer, name)
    return float(value) if isinstance(value, Decimal) else value


def _offer_text(sample: Sample, name: str) -> str:
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


IMAGE = Modality(
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
            _FILE_STRUCT,
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
)

CAPTION = Modality(
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
        ShardColumn("features", pa.list_(pa.string()), _list_of(TEXT_FEATURE), lambda sample, _: list(sample.features)),
        *(_offer_column(name) for name in _OFFER),
    ),
    json=lambda sample: {
        "caption": sample.caption,
        "description": sample.description or "",
        "features": "\n".join(sample.features),
        **{name: _offer_text(sample, name) for name in _OFFER},
    },
)

SPECS = Modality(
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
)

VIDEO = Modality(
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
            pa.list_(_FILE_STRUCT),
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
)

AUDIO = Modality(
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
            _FILE_STRUCT,
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
)
