"""Take records out of segments, in place: what lies behind them does not move."""

import gzip
import os
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path

from storage.files import sync_file
from storage.objects.reader import Objects
from storage.objects.warc import RECORD_END, StoredPage, parse_response
from storage.remote import segment_file
from storage.state import ObjectKind
from storage.takedown.journal import Journal
from storage.takedown.places import Place, read_place
from storage.takedown.stub import stub

__all__ = ["blank_places", "move_objects", "rewrite_pages"]

_CHUNK = 1 << 20


def rewrite_pages(
    root: Path, objects: Objects, pages: Iterable[Place], rewrite: Callable[[StoredPage], StoredPage]
) -> dict[str, str]:
    """Store pages again, without what names the item; return old object -> new one.

    The old records stay until ``blank_places``.
    """
    renamed: dict[str, str] = {}
    with objects.writer("page") as writer:
        for place in pages:
            page = rewrite(parse_response(gzip.decompress(read_place(root, place))))
            renamed[place.sha256] = writer.put(
                page.body, mime=_type(page), url=page.url, headers=page.headers, status=page.status
            )
    return renamed


def move_objects(root: Path, objects: Objects, places: Iterable[Place], urls: Mapping[str, str]) -> None:
    """Store objects that others use once more, under an address of theirs.

    Args:
        root: The workspace's folder.
        objects: Its objects.
        places: Records of the item, of objects that others use.
        urls: Object -> the other's address.
    """
    for place in places:
        if place.type == "revisit":
            continue
        ref = objects.index.find(place.sha256)
        if ref is not None and (ref.segment, ref.offset) != (place.segment, place.offset):
            continue  # another record of the same bytes is the one that is read
        data = read_place(root, place)
        data = gzip.decompress(data) if place.segment.endswith(".gz") else data
        objects.index.remove([place.sha256])
        kind: ObjectKind = "page" if place.segment.startswith("page") else "media"
        kind = "derived" if place.segment.startswith("derived") else kind
        with objects.writer(kind) as writer:
            _store(writer.put, kind, data, urls.get(place.sha256))


def blank_places(root: Path, objects: Objects, places: Iterable[Place], gone: Iterable[str], now: datetime) -> int:
    """Overwrite records and drop objects from the index; return how many records were overwritten.

    What is about to be overwritten is written down first: a record of which half is gone could not be
    walked over. ``replay`` of the journal finishes after a kill.

    Args:
        root: The workspace's folder; its lock is held.
        objects: Its objects.
        places: Records.
        gone: Objects that the index is to forget.
        now: Time that the records put there instead bear.
    """
    listed = list(places)
    journal = Journal(root)
    journal.begin([(place.segment, place.offset, place.length) for place in listed])
    objects.index.remove(gone)
    replay(root, now)
    return len(listed)


def replay(root: Path, now: datetime) -> None:
    """Overwrite what the journal names, whether it is overwritten already or not, and end the journal."""
    journal = Journal(root)
    spans = journal.read()
    for segment, offset, length in spans:
        _overwrite(segment_file(root, segment), offset, length, now)
    for segment in sorted({segment for segment, _, _ in spans}):
        sync_file(segment_file(root, segment))
    journal.end()


def _overwrite(path: Path, offset: int, length: int, now: datetime) -> None:
    head, zeros = stub(length, compressed=path.suffix == ".gz", now=now)
    with path.open("r+b", buffering=0) as file:
        _write(file.fileno(), offset, head)
        position = offset + len(head)
        for start in range(0, zeros, _CHUNK):
            _write(file.fileno(), position + start, bytes(min(_CHUNK, zeros - start)))
        if path.suffix != ".gz":
            _write(file.fileno(), position + zeros, RECORD_END)


def _write(descriptor: int, offset: int, data: bytes) -> None:
    while data:
        written = os.pwrite(descriptor, data, offset)
        data, offset = data[written:], offset + written


def _store(put: Callable[..., str], kind: ObjectKind, data: bytes, url: str | None) -> None:
    """Put what a whole WARC record holds."""
    head, _, block = data.removesuffix(RECORD_END).partition(b"\r\n\r\n")
    fields = dict(line.partition(": ")[::2] for line in head.decode(errors="replace").split("\r\n")[1:])
    mime = fields.get("WARC-Identified-Payload-Type", fields.get("Content-Type", "application/octet-stream"))
    if fields["WARC-Type"] == "response":
        page = parse_response(data)
        put(page.body, mime=mime, url=url, headers=page.headers, status=page.status)
    elif kind == "derived":
        put(block, mime=mime, url=url)
    else:
        put(block, mime=mime)


def _type(page: StoredPage) -> str:
    named = (value for name, value in page.headers if name.lower() == "content-type")
    return next(named, "").partition(";")[0].strip() or "text/html"
