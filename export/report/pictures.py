"""A strip of products to look at: one from each of the largest sub-classes."""

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

from storage import Objects, Snapshot

__all__ = ["MAX_PIXELS", "Picture", "pictures", "shrink"]

SIDE = 160
MAX_PIXELS = 40_000_000

_CHOSEN = """
select l.sub_class_name as label, p.caption, i.sha256
from labels l join products p using (product_id) join images i using (product_id)
where l.sub_class_id >= 0 and i.width * i.height <= ?
qualify row_number() over (partition by l.sub_class_id order by p.product_id, i.position) = 1
order by count(*) over (partition by l.sub_class_id) desc, label
limit ?
"""


@dataclass(frozen=True, slots=True)
class Picture:
    """One product's picture, small."""

    label: str
    caption: str
    data_uri: str


def pictures(objects: Objects, snapshot: Snapshot, count: int = 12) -> Iterator[Picture]:
    """Yield up to ``count`` small pictures of measured images, one a sub-class, largest first."""
    for row in snapshot.sql(_CHOSEN, [MAX_PIXELS, count]).to_pylist():
        small = shrink(objects.read(row["sha256"]))
        if small is not None:
            yield Picture(row["label"], row["caption"] or "", small)


def shrink(payload: bytes) -> str | None:
    """Return a small JPEG of an image as a data URI; None where it cannot be read."""
    buffer = io.BytesIO()
    try:
        with Image.open(io.BytesIO(payload)) as image:
            image.draft("RGB", (SIDE, SIDE))
            image.thumbnail((SIDE, SIDE))
            image.convert("RGB").save(buffer, "JPEG", quality=80)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError):
        return None
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
