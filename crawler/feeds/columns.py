"""The columns that every feed becomes, and how rows become them."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

import pyarrow as pa

from crawler.feeds.row import BadRow, FeedRow

__all__ = ["FEED_SCHEMA", "Line", "batches"]

_BATCH = 10_000
_TEXTS = ("id", "url", "title", "merchant", "brand", "price", "currency", "availability", "gtin", "mpn")
_LISTS = ("category", "image_urls", "video_urls")
_PAIRS = pa.list_(pa.struct([("property", pa.string()), ("value", pa.string())]))

FEED_SCHEMA = pa.schema(
    [
        pa.field("line", pa.int64(), nullable=False),
        pa.field("error", pa.string()),
        *(pa.field(name, pa.string()) for name in _TEXTS),
        *(pa.field(name, pa.list_(pa.string())) for name in _LISTS),
        pa.field("specs", _PAIRS),
    ]
)
"""``line``: where the row stands, from 1 (its number, in formats without lines).
``error``: why the row cannot be read, NULL where it can. The rest as in ``FeedRow``."""


class Line(NamedTuple):
    """A row with its place, or why there is none."""

    number: int
    row: FeedRow | BadRow


def batches(lines: Iterable[Line]) -> Iterator[pa.RecordBatch]:
    """Turn rows into Arrow, some thousand at a time."""
    rest = iter(lines)
    while some := list(islice(rest, _BATCH)):
        yield pa.RecordBatch.from_pylist([_values(line) for line in some], schema=FEED_SCHEMA)


def _values(line: Line) -> dict[str, object]:
    if isinstance(line.row, BadRow):
        return {"line": line.number, "error": str(line.row)}
    return {"line": line.number, **line.row.model_dump()}
