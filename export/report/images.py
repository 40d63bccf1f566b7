"""The report's images: products of the largest sub-classes, and pixel-wise nearest neighbours of other classes."""

import base64
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from core.errors import MediaError
from core.processes.message import Fault, Message
from core.processes.pool import ChildPool, Job, PoolLimits, processes_for
from media.image import read_image
from storage import Objects, Snapshot

__all__ = ["Neighbours", "Thumbnail", "decode_images", "nearest_of_other_classes", "thumbnails"]

_THUMBNAIL = 160
_MAX_PIXELS = 40_000_000

_SHOWN_PRODUCTS = """
select l.sub_class_name as label, p.caption, i.sha256
from labels l join products p using (product_id) join images i using (product_id)
where l.sub_class_id >= 0 and i.width * i.height <= ?
qualify row_number() over (partition by l.sub_class_id order by p.product_id, i.position) = 1
order by count(*) over (partition by l.sub_class_id) desc, label
limit ?
"""


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small image of one product."""

    label: str
    caption: str
    data_uri: str


def thumbnails(objects: Objects, snapshot: Snapshot, count: int = 12) -> Iterator[Thumbnail]:
    """Yield up to ``count`` thumbnails of measured images, one per sub-class, largest first."""
    rows = snapshot.sql(_SHOWN_PRODUCTS, [_MAX_PIXELS, count]).to_pylist()
    shrunk = decode_images(objects.read, (row["sha256"] for row in rows), "thumbnail")
    for row in rows:
        if row["sha256"] in shrunk:
            yield _thumbnail(row, shrunk)


def _thumbnail(row: dict[str, str], shrunk: dict[str, bytes]) -> Thumbnail:
    jpeg = base64.b64encode(shrunk.get(row["sha256"], b"")).decode()
    return Thumbnail(row["label"], row["caption"] or "", f"data:image/jpeg;base64,{jpeg}" if jpeg else "")


_LIMITS = PoolLimits(seconds=60.0, memory_bytes=1 << 30, input_bytes=64 << 20, output_bytes=1 << 20)


def decode_images(
    read: Callable[[str], bytes], names: Iterable[str], kind: Literal["thumbnail", "pixels"]
) -> dict[str, bytes]:
    """Return the name of each image -> its ``thumbnail`` or ``pixels``, made in isolated processes.

    A thumbnail is a JPEG of at most 160 x 160 pixels; pixels are 32 x 32 in RGB. Images that cannot be decoded are
    left out.
    """
    wanted = list(dict.fromkeys(names))
    jobs = (Job(name, kind, read(name)) for name in wanted)
    with ChildPool(_handle, processes_for(None, len(wanted)), _LIMITS) as pool:
        replies = [(job.key, reply) for job, reply in pool.run(jobs)]
    return {key: reply.bodies[0] for key, reply in replies if not isinstance(reply, Fault) and reply.bodies}


def _handle(kind: str, data: bytes) -> Message:
    """Make the thumbnail or the pixels of one image; the task of an isolated process."""
    try:
        image = read_image(data, enough=_THUMBNAIL if kind == "thumbnail" else _SIDE)
    except MediaError as error:
        return Message({"fault": str(error)})
    if kind == "pixels":
        return Message({}, (image.resize((_SIDE, _SIDE), Image.Resampling.BOX).tobytes(),))
    buffer = io.BytesIO()
    image.thumbnail((_THUMBNAIL, _THUMBNAIL))
    image.save(buffer, "JPEG", quality=80)
    return Message({}, (buffer.getvalue(),))


_SIDE = 32
_LOOKED_AT = 1000
_SHOWN = 4
_EACH = 3

_COMPARED_PRODUCTS = """
    select l.sub_class_name as label, p.caption, i.sha256
    from images i join labels l using (product_id) join products p using (product_id)
    where l.sub_class_id >= 0 and i.width * i.height <= ?
    qualify row_number() over (partition by i.product_id order by i.position) = 1
    order by md5(i.product_id) limit ?
"""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """A product, and the nearest images of other sub-classes."""

    images: tuple[Thumbnail, ...]
    """The product's image, then its neighbours, nearest first."""


def nearest_of_other_classes(objects: Objects, snapshot: Snapshot) -> list[Neighbours]:
    """Return the first products of up to four sub-classes, each with its three nearest images of other sub-classes.

    Distance is Euclidean between images of 32 by 32 pixels; a thousand products are drawn by the md5 of their ids.
    """
    listed = snapshot.sql(_COMPARED_PRODUCTS, [_MAX_PIXELS, _LOOKED_AT]).to_pylist()
    small = decode_images(objects.read, (row["sha256"] for row in listed), "pixels")
    rows = [row for row in listed if row["sha256"] in small]
    pixels = [np.frombuffer(small[row["sha256"]], np.uint8).astype(np.float32) for row in rows]
    firsts = {row["label"]: place for place, row in reversed(list(enumerate(rows)))}
    groups = []
    for label, place in sorted(firsts.items(), key=lambda item: item[1])[:_SHOWN]:
        far = np.array([np.inf if row["label"] == label else 0.0 for row in rows])
        distance = far + np.linalg.norm(np.stack(pixels) - pixels[place], axis=1)
        nearest = [n for n in np.argsort(distance, kind="stable")[:_EACH] if np.isfinite(distance[n])]
        if nearest:
            groups.append([rows[n] for n in (place, *nearest)])
    shrunk = decode_images(objects.read, (row["sha256"] for group in groups for row in group), "thumbnail")
    return [Neighbours(tuple(_thumbnail(row, shrunk) for row in group)) for group in groups]
