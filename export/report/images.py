"""The report's images: products of the largest sub-classes, and pixel-wise nearest neighbours of other classes."""

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from storage import Objects, Snapshot

__all__ = ["Neighbours", "Thumbnail", "nearest_of_other_classes", "thumbnails"]

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
    for row in snapshot.sql(_SHOWN_PRODUCTS, [_MAX_PIXELS, count]).to_pylist():
        small = _shrink(objects.read(row["sha256"]))
        if small is not None:
            yield Thumbnail(row["label"], row["caption"] or "", small)


def _shrink(payload: bytes) -> str | None:
    """Return a small JPEG of an image as a data URI; None if it cannot be read."""
    buffer = io.BytesIO()
    try:
        with Image.open(io.BytesIO(payload)) as image:
            image.draft("RGB", (_THUMBNAIL, _THUMBNAIL))
            image.thumbnail((_THUMBNAIL, _THUMBNAIL))
            image.convert("RGB").save(buffer, "JPEG", quality=80)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError):
        return None
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


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

Pixels = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Neighbours:
    """A product, and the nearest images of other sub-classes."""

    images: tuple[Thumbnail, ...]
    """The product's image, then its neighbours, nearest first."""


def nearest_of_other_classes(objects: Objects, snapshot: Snapshot) -> list[Neighbours]:
    """Return the first products of up to four sub-classes, each with its three nearest images of other sub-classes.

    Distance is Euclidean between images of 32 by 32 pixels; a thousand products are drawn by the md5 of their ids.
    """
    rows, pixels = [], []
    for row in snapshot.sql(_COMPARED_PRODUCTS, [_MAX_PIXELS, _LOOKED_AT]).to_pylist():
        small = _pixels(objects.read(row["sha256"]))
        if small is not None:
            rows.append(row)
            pixels.append(small)
    firsts = {row["label"]: place for place, row in reversed(list(enumerate(rows)))}
    found = []
    for label, place in sorted(firsts.items(), key=lambda item: item[1])[:_SHOWN]:
        far = np.array([np.inf if row["label"] == label else 0.0 for row in rows])
        distance = far + np.linalg.norm(np.stack(pixels) - pixels[place], axis=1)
        nearest = [n for n in np.argsort(distance, kind="stable")[:_EACH] if np.isfinite(distance[n])]
        if nearest:
            found.append(Neighbours(tuple(_thumbnail(objects, rows[n]) for n in (place, *nearest))))
    return found


def _thumbnail(objects: Objects, row: dict[str, str]) -> Thumbnail:
    return Thumbnail(row["label"], row["caption"] or "", _shrink(objects.read(row["sha256"])) or "")


def _pixels(payload: bytes) -> Pixels | None:
    try:
        with Image.open(io.BytesIO(payload)) as image:
            image.draft("RGB", (_SIDE, _SIDE))
            small = image.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.BOX)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError):
        return None
    return np.asarray(small, dtype=np.float32).ravel()
