"""Which records of the segments are an item's, and which pages name it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from storage.files import Layout
from storage.objects.reader import Objects
from storage.remote import segment_file
from storage.takedown.segment_records import SegmentRecord, segment_records
from storage.takedown.stub import STUB_TYPE

__all__ = ["Place", "Places", "find_places", "read_place"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record lies, and what it says of itself."""

    segment: str
    offset: int
    length: int
    type: str
    """WARC-Type."""
    url: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Places:
    """What a search through all segments found, in the order of segments and offsets."""

    items: list[Place] = field(default_factory=list)
    """Records of the item: pages, media, what was derived, and notes that they were unchanged."""
    mentions: list[Place] = field(default_factory=list)
    """Stored pages of others that name it."""


def find_places(
    root: Path, objects: Objects, is_item: Callable[[SegmentRecord], bool], names_it: Callable[[SegmentRecord], bool]
) -> Places:
    """Look at every record of every segment.

    Args:
        root: The workspace's folder.
        objects: Its objects.
        is_item: Tells whether a record is the item's.
        names_it: Tells whether a page that is not the item's names it; asked of pages alone.
    """
    found = Places()
    for record in _records(Layout(root), objects):
        if is_item(record):
            found.items.append(_place(record))
        elif record.compressed and record.type == "response" and names_it(record):
            found.mentions.append(_place(record))
    return found


def read_place(root: Path, place: Place) -> bytes:
    """Return the bytes of a record as stored."""
    with segment_file(root, place.segment).open("rb") as file:
        file.seek(place.offset)
        return file.read(place.length)


def _records(layout: Layout, objects: Objects) -> Iterator[SegmentRecord]:
    for name, length in objects.index.segments().items():
        records = segment_records(segment_file(layout.root, name), length)
        yield from (record for record in records if record.type not in {STUB_TYPE, "warcinfo"})


def _place(record: SegmentRecord) -> Place:
    return Place(record.segment, record.offset, record.length, record.type, record.url, record.sha256)
