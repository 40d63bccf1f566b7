"""Reading the samples of a split: facts by one query, bytes by positioned reads."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from export.sample import Sample, SampleFrame
from m5data.errors import MissingInputError, UsageError
from m5data.records import Specification
from storage import Objects, Snapshot

__all__ = ["read_samples", "split_names", "stored_samples"]

BATCH = 256

_CLASSES = (
    "class_id",
    "class_name",
    "sub_class_id",
    "sub_class_name",
    "subsub_class_id",
    "subsub_class_name",
)

_SAMPLES = """
with chosen as (
    select * from splits where recipe = ? and split = ?
), picture as (
    select c.product_id, arg_min({'sha256': m.sha256, 'url': m.url, 'width': m.width, 'height': m.height},
                                 (m.position != c.image_position, m.position)) as shown
    from chosen c join media m on m.product_id = c.product_id and m.kind = 'image' and m.state = 'ok'
    group by 1
), clip as (
    select m.product_id, arg_min(m.sha256, m.position) as video
    from media m join chosen using (product_id)
    where m.kind = 'video' and m.state = 'ok'
    group by 1
), shots as (
    select f.product_id, any_value(f.object) as frames_object,
           list({'second': f.second, 'pts_s': f.pts_s, 'offset': f."offset", 'length': f.length}
                order by f.second) as frames
    from frames f join clip on clip.product_id = f.product_id and clip.video = f.video_sha256
    group by 1
), sound as (
    select a.product_id, a.mp3, a.mfcc, a.n_mfcc
    from audio a join clip on clip.product_id = a.product_id and clip.video = a.video_sha256
), rows as (
    select s.product_id, list({'property': s.property, 'value': s.value} order by s.position) as specs
    from specs s join chosen using (product_id)
    group by 1
), samples as (
select c.product_id, c.split, c.role, c.label, c.label_level, c.group_id, p.source, p.url, p.caption,
       l.class_id, l.class_name, l.sub_class_id, l.sub_class_name, l.subsub_class_id, l.subsub_class_name,
       rows.specs, shown.sha256 as image, shown.url as image_url, shown.width as image_width,
       shown.height as image_height, shots.frames_object, shots.frames, sound.mp3, sound.mfcc, sound.n_mfcc
from chosen c
join products p using (product_id)
left join labels l using (product_id)
left join rows using (product_id)
left join picture using (product_id)
left join shots using (product_id)
left join sound using (product_id)
)
select * from samples
order by not (
    (image is not null and row_number() over (partition by image is null order by md5(product_id)) = 1)
    or (caption is not null and row_number() over (partition by caption is null order by md5(product_id)) = 1)
    or (specs is not null and row_number() over (partition by specs is null order by md5(product_id)) = 1)
    or (frames is not null and row_number() over (partition by frames is null order by md5(product_id)) = 1)
    or (mp3 is not null and row_number() over (partition by mp3 is null order by md5(product_id)) = 1)
), md5(product_id), product_id
offset ?
"""


def split_names(snapshot: Snapshot, recipe: str) -> tuple[str, ...]:
    """Return the splits of a recipe, in alphabetical order, without ``unused``.

    Raises:
        MissingInputError: The recipe has not been built.
    """
    query = "select distinct split from splits where recipe = ? and split != 'unused' order by 1"
    names = tuple(snapshot.sql(query, [recipe])["split"].to_pylist())
    if not names:
        raise MissingInputError(
            f"splits: wanted rows of recipe {recipe!r}, found none; run: m5data build-splits --recipe {recipe}"
        )
    return names


def read_samples(
    objects: Objects, snapshot: Snapshot, split: str, recipe: str, licences: Mapping[str, str] | None = None
) -> Iterator[Sample]:
    """Yield the samples of a split, ordered by the md5 of their product id (so that shards are mixed).

    The first few samples are ones that together have every modality that the split has at all:
    Hugging Face's WebDataset loader takes its types from the first five.

    Args:
        objects: Where the bytes are.
        snapshot: The dataset version.
        split: Name of the split.
        recipe: Recipe that the split belongs to.
        licences: Source -> licence.

    Raises:
        MissingInputError: The recipe has not been built.
        UsageError: It has no such split.
    """
    names = split_names(snapshot, recipe)
    if split not in (*names, "unused"):
        raise UsageError(f"split {split!r} of recipe {recipe!r}: there is none; there are: {', '.join(names)}")
    yield from stored_samples(objects, snapshot, split, recipe, licences or {})


def stored_samples(
    objects: Objects | None,
    snapshot: Snapshot,
    split: str,
    recipe: str,
    licences: Mapping[str, str],
    start: int = 0,
) -> Iterator[Sample]:
    """Yield the samples of a split that is known to be there, as ``read_samples`` does, from a number on.

    Without ``objects`` no medium is read: samples have facts and addresses alone.
    """
    for row in _rows(snapshot.batches(_SAMPLES, [recipe, split, start])):
        yield _sample(row, objects, licences)


def _rows(reader: pa.RecordBatchReader) -> Iterator[Mapping[str, Any]]:
    for batch in reader:
        for start in range(0, batch.num_rows, BATCH):
            yield from batch.slice(start, BATCH).to_pylist()


def _sample(row: Mapping[str, Any], objects: Objects | None, licences: Mapping[str, str]) -> Sample:
    facts = Sample(
        product_id=row["product_id"],
        split=row["split"],
        role=row["role"],
        label=row["label"],
        label_level=row["label_level"],
        group_id=row["group_id"],
        source=row["source"],
        url=row["url"],
        licence=licences.get(row["source"], ""),
        classes={name: _default(row[name], name) for name in _CLASSES},
        caption=row["caption"],
        specs=tuple(Specification(spec["property"], spec["value"]) for spec in row["specs"] or ()),
        image=None,
        image_url=row["image_url"],
        image_size=(row["image_width"], row["image_height"]) if row["image_width"] else None,
        frames=(),
        audio=None,
        mfcc=None,
    )
    return facts if objects is None else _with_media(facts, row, objects)


def _with_media(facts: Sample, row: Mapping[str, Any], objects: Objects) -> Sample:
    return replace(
        facts,
        image=objects.read(row["image"]) if row["image"] else None,
        frames=_frames(row, objects),
        audio=objects.read(row["mp3"]) if row["mp3"] else None,
        mfcc=_mfcc(row, objects),
    )


def _default(value: str | int | None, name: str) -> str | int:
    if value is None:
        return -1 if name.endswith("_id") else ""
    return value


def _frames(row: Mapping[str, Any], objects: Objects) -> tuple[SampleFrame, ...]:
    if not row["frames"]:
        return ()
    whole = objects.read(row["frames_object"])
    return tuple(
        SampleFrame(shot["second"], shot["pts_s"], whole[shot["offset"] : shot["offset"] + shot["length"]])
        for shot in row["frames"]
    )


def _mfcc(row: Mapping[str, Any], objects: Objects) -> NDArray[np.float32] | None:
    if not row["mfcc"]:
        return None
    return np.frombuffer(objects.read(row["mfcc"]), dtype="<f4").reshape(row["n_mfcc"], -1)
