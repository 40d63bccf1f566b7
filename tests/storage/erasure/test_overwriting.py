import io
import json
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator

from core.errors import CorruptObjectError
from storage import Store
from storage.erasure import WarcRecord, erase_records, find_records, finish_erasing, store_again
from storage.erasure.overwriting import blank_record
from storage.erasure.records import BLANK_TYPE
from storage.objects.warc import StoredPage
from tests.storage.synthetic import NOON

HOME = "http://shop.example/"
GONE = HOME + "gone"


def is_gone(place: WarcRecord) -> bool:
    return place.url == GONE


def nothing(record: bytes) -> bool:
    return False


def names_gone(record: bytes) -> bool:
    return b"gone" in record


def fill(store: Store) -> dict[str, str]:
    """Store three pages, three images and a derived object; return name -> hash."""
    found = {}
    with store.objects.writer("page") as pages:
        for name in ("first", "gone", "last"):
            body = f"<p>{name}</p>".encode()
            found[f"page {name}"] = pages.put(body, mime="text/html", url=HOME + name, headers=[("A", "b")])
        pages.revisit(GONE, found["page gone"])
    with store.objects.writer("media") as media:
        for name in ("first", "gone", "last"):
            found[f"media {name}"] = media.put(f"image {name}".encode(), mime="image/png", url=HOME + name)
    with store.objects.writer("derived") as derived:
        found["derived"] = derived.put(b"audio", mime="audio/mpeg", refers_to=found["media gone"])
    return found


def records(store: Store) -> list[str]:
    found = []
    for path in sorted((store.root / "objects").iterdir()):
        found += [record.rec_type for record in ArchiveIterator(io.BytesIO(path.read_bytes()))]
    return found


def test_blanked_records_leave_everything_else_where_it_was(store: Store) -> None:
    found = fill(store)
    lengths = {path: path.stat().st_size for path in (store.root / "objects").iterdir()}
    items = find_records(store.root, store.objects, is_gone, nothing)[0]
    assert [place.type for place in items] == ["response", "response", "revisit"]
    gone = [found["page gone"], found["media gone"]]
    assert erase_records(store.root, store.objects, items, gone, NOON) == 3
    assert {path: path.stat().st_size for path in (store.root / "objects").iterdir()} == lengths
    assert [name for name, sha in found.items() if sha in store.objects] == [
        "page first", "page last", "media first", "media last", "derived",
    ]  # fmt: skip
    assert list(store.verify_objects()) == []
    assert records(store).count("metadata") == 3
    assert find_records(store.root, store.objects, is_gone, nothing)[0] == []


def test_the_journal_finishes_half_overwritten_records(store: Store) -> None:
    fill(store)
    places = find_records(store.root, store.objects, is_gone, nothing)[0]
    page = next(place for place in places if place.segment.endswith(".gz"))
    journal = store.root / "takedown.journal"
    journal.write_text(json.dumps([(page.segment, page.offset, page.length)]))
    with (store.root / "objects" / page.segment).open("r+b") as file:
        file.seek(page.offset + 20)
        file.write(bytes(40))
    with pytest.raises(CorruptObjectError, match=f"no WARC record at byte {page.offset}"):
        find_records(store.root, store.objects, is_gone, nothing)
    finish_erasing(store.root, NOON)
    assert find_records(store.root, store.objects, is_gone, nothing)[0] == [p for p in places if p != page]
    assert not journal.exists()


def test_a_page_that_names_it_is_stored_again_without(store: Store) -> None:
    with store.objects.writer("page") as pages:
        old = pages.put(b"<p>see gone</p>", mime="text/html", url=HOME, headers=[("X", "y")], status=203)
        pages.put(b"<p>else</p>", mime="text/html", url=HOME + "else")
    mentions = find_records(store.root, store.objects, is_gone, names_gone)[1]

    def clean(_: WarcRecord, page: StoredPage) -> StoredPage:
        return replace(page, body=page.body.replace(b"gone", b""))

    renamed = store_again(store.root, store.objects, mentions, clean)
    assert set(renamed) == {old}
    new = store.objects.page(renamed[old])
    assert (new.url, new.status, new.body) == (HOME, 203, b"<p>see </p>")
    assert ("X", "y") in new.headers
    assert store_again(store.root, store.objects, mentions, clean) == renamed


@pytest.mark.parametrize("kind", ["page gone", "media gone"])
def test_an_object_that_others_use_moves_to_their_url(store: Store, kind: str) -> None:
    found = fill(store)
    before = store.objects.read(found[kind])
    items = find_records(store.root, store.objects, is_gone, nothing)[0]
    shared = [place for place in items if place.sha256 == found[kind]]
    for _ in range(2):  # as if a killed run were repeated
        store_again(store.root, store.objects, shared, lambda _, page: replace(page, url=HOME + "other"))
    erase_records(store.root, store.objects, items, [], NOON)
    assert store.objects.read(found[kind]) == before
    assert store.objects.page(found[kind]).url == HOME + "other"
    assert find_records(store.root, store.objects, is_gone, nothing)[0] == []


def test_a_page_whose_headers_alone_name_it_keeps_its_object(store: Store) -> None:
    with store.objects.writer("page") as pages:
        sha256 = pages.put(b"<p>a</p>", mime="text/html", url=HOME, headers=[("Link", "gone"), ("X", "y")])
    _, mentions = find_records(store.root, store.objects, is_gone, names_gone)
    renamed = store_again(store.root, store.objects, mentions, lambda _, page: replace(page, headers=(("X", "y"),)))
    assert renamed == {sha256: sha256}
    erase_records(store.root, store.objects, mentions, [], NOON)
    assert ("Link", "gone") not in store.objects.page(sha256).headers
    assert find_records(store.root, store.objects, is_gone, names_gone) == ([], [])
    assert list(store.verify_objects()) == []


@given(st.integers(min_value=300, max_value=200_000), st.booleans())
@example(18 + 161 + 14 + 65_541, True)  # noqa: FBT003 - the last block of zeros is empty
def test_a_blank_record_has_the_length_asked_for_and_is_one(length: int, compressed: bool) -> None:  # noqa: FBT001
    parts = blank_record(length, compressed=compressed, now=NOON)
    record = b"".join(bytes(part) for part in parts)
    assert len(record) == length
    zeros = sum(part for part in parts if isinstance(part, int))
    assert zeros >= length - 300
    for copies in (1, 2):
        read = [(item.rec_type, item.content_stream().read()) for item in ArchiveIterator(io.BytesIO(record * copies))]
        assert read == [(BLANK_TYPE, bytes(zeros))] * copies


@pytest.mark.parametrize("compressed", [False, True])
def test_a_length_too_short_for_a_record_is_an_error(*, compressed: bool) -> None:
    with pytest.raises(CorruptObjectError, match="100 bytes are too few for a WARC record"):
        blank_record(100, compressed=compressed, now=NOON)
