import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from warcio.archiveiterator import ArchiveIterator

from m5data.errors import CorruptObjectError
from storage import Store
from storage.objects.warc import StoredPage
from storage.takedown import SegmentRecord, blank_places, find_places, move_objects, replay, rewrite_pages
from storage.takedown.journal import Journal
from tests.storage.synthetic import NOON

HOME = "http://shop.example/"
GONE = HOME + "gone"


def is_gone(record: SegmentRecord) -> bool:
    return record.url == GONE


def nothing(record: SegmentRecord) -> bool:
    return False


def names_gone(record: SegmentRecord) -> bool:
    return b"gone" in record.record


def fill(store: Store) -> dict[str, str]:
    """Store a page, a medium and a derived object, each between others; return name -> hash."""
    found = {}
    with store.objects.writer("page") as pages:
        for name in ("first", "gone", "last"):
            body = f"<p>{name}</p>".encode()
            found[f"page {name}"] = pages.put(body, mime="text/html", url=HOME + name, headers=[("A", "b")])
        pages.revisit(GONE, found["page gone"])
    with store.objects.writer("media") as media:
        for name in ("first", "gone", "last"):
            found[f"media {name}"] = media.put(f"picture {name}".encode(), mime="image/png", url=HOME + name)
    with store.objects.writer("derived") as derived:
        found["derived"] = derived.put(b"sound", mime="audio/mpeg", refers_to=found["media gone"])
    return found


def records(store: Store) -> list[str]:
    found = []
    for path in sorted((store.root / "objects").iterdir()):
        found += [record.rec_type for record in ArchiveIterator(io.BytesIO(path.read_bytes()))]
    return found


def test_blanked_records_leave_everything_else_where_it_was(store: Store) -> None:
    found = fill(store)
    lengths = {path: path.stat().st_size for path in (store.root / "objects").iterdir()}
    items = find_places(store.root, store.objects, is_gone, nothing).items
    assert [place.type for place in items] == ["response", "response", "revisit"]
    gone = [found["page gone"], found["media gone"]]
    assert blank_places(store.root, store.objects, items, gone, NOON) == 3
    assert {path: path.stat().st_size for path in (store.root / "objects").iterdir()} == lengths
    assert [name for name, sha in found.items() if sha in store.objects] == [
        "page first", "page last", "media first", "media last", "derived",
    ]  # fmt: skip
    assert list(store.verify_objects()) == []
    assert records(store).count("metadata") == 3
    assert find_places(store.root, store.objects, is_gone, nothing).items == []


def test_a_journal_is_replayed_over_whatever_half_was_written(store: Store) -> None:
    fill(store)
    places = find_places(store.root, store.objects, is_gone, nothing).items
    page = next(place for place in places if place.segment.endswith(".gz"))
    Journal(store.root).begin([(page.segment, page.offset, page.length)])
    with (store.root / "objects" / page.segment).open("r+b") as file:
        file.seek(page.offset + 20)
        file.write(bytes(40))
    with pytest.raises(CorruptObjectError, match=f"at {page.offset}: wanted a WARC record"):
        find_places(store.root, store.objects, is_gone, nothing)
    replay(store.root, NOON)
    assert find_places(store.root, store.objects, is_gone, nothing).items == [p for p in places if p != page]
    assert Journal(store.root).read() == []


def test_a_page_that_names_it_is_stored_again_without(store: Store) -> None:
    with store.objects.writer("page") as pages:
        old = pages.put(b"<p>see gone</p>", mime="text/html", url=HOME, headers=[("X", "y")], status=203)
        pages.put(b"<p>else</p>", mime="text/html", url=HOME + "else")
    mentions = find_places(store.root, store.objects, is_gone, names_gone).mentions
    clean: Callable[[StoredPage], StoredPage] = lambda page: replace(page, body=page.body.replace(b"gone", b""))  # noqa: E731
    renamed = rewrite_pages(store.root, store.objects, mentions, clean)
    assert set(renamed) == {old}
    new = store.objects.page(renamed[old])
    assert (new.url, new.status, new.body) == (HOME, 203, b"<p>see </p>")
    assert ("X", "y") in new.headers
    assert rewrite_pages(store.root, store.objects, mentions, clean) == renamed


@pytest.mark.parametrize("kind", ["page gone", "media gone"])
def test_an_object_that_others_use_moves_to_their_address(store: Store, kind: str) -> None:
    found = fill(store)
    before = store.objects.read(found[kind])
    items = find_places(store.root, store.objects, is_gone, nothing).items
    shared = [place for place in items if place.sha256 == found[kind]]
    for _ in range(2):  # a killed run's repetition
        move_objects(store.root, store.objects, shared, {found[kind]: HOME + "other"})
    blank_places(store.root, store.objects, items, [], NOON)
    assert store.objects.read(found[kind]) == before
    assert store.objects.page(found[kind]).url == HOME + "other"
    assert find_places(store.root, store.objects, is_gone, nothing).items == []
