"""Objects are stored once, found after a flush and read in one positioned read; every segment is a valid WARC file."""

import hashlib
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from warcio.archiveiterator import ArchiveIterator

from core.errors import CorruptObjectError, MissingSegmentError
from storage import ObjectProblem, Objects, Store
from tests.storage.synthetic import leftovers, noon

KINDS: tuple[Literal["page", "media", "derived"], ...] = ("page", "media", "derived")


def sha(payload: bytes) -> str:
    return hashlib.sha256(payload).hexdigest()


def records(store: Store, name: str) -> Iterator[tuple[str, bytes]]:
    with (store.root / "objects" / name).open("rb") as file:
        for record in ArchiveIterator(file, check_digests="raise"):
            yield record.rec_type, record.content_stream().read()


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_put_is_read_back(store: Store, kind: Literal["page", "media", "derived"]) -> None:
    payloads = [b"", b"one", b"\r\n\r\n", os.urandom(3_000_000), b"WARC/1.1\r\n"]
    with store.objects.writer(kind) as writer:
        names = [writer.put(payload, mime="text/html", url="http://shop.example/") for payload in payloads]
    assert names == [sha(payload) for payload in payloads]
    assert [store.objects.read(name) for name in names] == payloads
    assert [store.objects.read_slice(name, 0, len(p)) for name, p in zip(names, payloads, strict=True)] == payloads
    assert store.objects.read_slice(names[3], 1000, 7) == payloads[3][1000:1007]
    assert list(store.verify_objects()) == []


@pytest.mark.parametrize("kind", KINDS)
def test_warcio_reads_every_segment(store: Store, kind: Literal["page", "media", "derived"]) -> None:
    with store.objects.writer(kind) as writer:
        one = writer.put(b"one", mime="text/html", url="http://shop.example/1", headers=[("Content-Type", "text/html")])
        writer.put(b"two" * 1000, mime="text/html", url="http://shop.example/2", refers_to=one)
        writer.revisit("http://shop.example/1", one)
    name = f"{kind}-000001.warc" + (".gz" if kind == "page" else "")
    found = list(records(store, name))
    main = "conversion" if kind == "derived" else "response"
    assert [record[0] for record in found] == ["warcinfo", main, main, "revisit"]
    assert [record[1] for record in found[1:3]] == [b"one", b"two" * 1000]


def test_a_page_keeps_its_address_status_and_headers(store: Store) -> None:
    headers = [("Content-Type", "text/html; charset=gbk"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]
    body = "深蓝色".encode("gbk")
    with store.objects.writer("page") as writer:
        name = writer.put(body, mime="text/html", url="http://shop.example/商品", headers=headers, status=404)
    page = store.objects.page(name)
    assert (page.url, page.status, page.body) == ("http://shop.example/商品", 404, body)
    assert page.headers == (*headers, ("Content-Length", "6"))


def test_what_came_by_no_request_has_no_page(store: Store) -> None:
    with store.objects.writer("media") as writer:
        name = writer.put(b"from a feed", mime="image/png")
    assert store.objects.read(name) == b"from a feed"
    assert [kind for kind, _ in records(store, "media-000001.warc")] == ["warcinfo", "resource"]
    with pytest.raises(CorruptObjectError, match="not a WARC response record"):
        store.objects.page(name)


def test_page_segments_are_private_to_the_user(store: Store) -> None:
    with store.objects.writer("page") as writer:
        writer.put(b"one", mime="text/html", url="http://shop.example/")
    mode = (store.root / "objects" / "page-000001.warc.gz").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_identical_bytes_are_stored_once_also_over_kinds_and_writers(store: Store) -> None:
    for kind in KINDS:
        with store.objects.writer(kind) as writer:
            assert writer.put(b"same", mime="text/plain") == writer.put(b"same", mime="text/plain")
    assert len(list((store.root / "objects").iterdir())) == 1
    assert store.objects.find(sha(b"same")).kind == "page"


def test_an_object_is_found_only_after_its_flush(store: Store) -> None:
    with store.objects.writer("media") as writer:
        name = writer.put(b"one", mime="image/png")
        assert name not in store.objects
        writer.flush()
        assert name in store.objects
        assert store.objects.read(name) == b"one"


def test_segments_roll_over_and_the_last_is_continued(tmp_path: Path) -> None:
    Store.create(tmp_path)
    objects = Objects(tmp_path, clock=noon, segment_bytes=3000)
    names = []
    for start in (0, 4, 8):
        with objects.writer("derived") as writer:
            names += [writer.put(bytes([start + i]) * 1000, mime="application/octet-stream") for i in range(4)]
    assert sorted(p.name for p in (tmp_path / "objects").iterdir()) == [f"derived-00000{n}.warc" for n in range(1, 7)]
    assert [objects.read(name)[0] for name in names] == list(range(12))
    assert objects.index.segments() == {p.name: p.stat().st_size for p in sorted((tmp_path / "objects").iterdir())}


def test_writers_at_the_same_time_use_segments_of_their_own(store: Store) -> None:
    other = Objects(store.root)
    with store.objects.writer("derived") as ours, other.writer("derived") as theirs:
        names = [ours.put(b"ours", mime="text/plain"), theirs.put(b"theirs", mime="text/plain")]
        both = [ours.put(b"both", mime="text/plain"), theirs.put(b"both", mime="text/plain")]
    assert [store.objects.read(name) for name in names + both] == [b"ours", b"theirs", b"both", b"both"]
    assert {store.objects.find(name).segment for name in names} == {"derived-000001.warc", "derived-000002.warc"}
    assert [len(list(records(store, f"derived-00000{n}.warc"))) for n in (1, 2)] == [3, 3]


def test_processes_that_store_the_same_objects_at_once_lose_none(store: Store) -> None:
    command = [sys.executable, "-m", "tests.storage.writer_process", "objects", str(store.root)]
    folder = Path(__file__).parents[3]
    started = [subprocess.Popen([*command, str(first)], cwd=folder) for first in (0, 50, 100)]
    assert [process.wait(timeout=60) for process in started] == [0, 0, 0]
    assert [store.objects.read(sha(str(number).encode())) for number in range(200)] == [
        str(number).encode() for number in range(200)
    ]
    index = store.objects.index
    assert sum(len(refs) for refs in index.after(0, index.last())) == 200
    found = [payload for path in (store.root / "objects").iterdir() for _, payload in records(store, path.name)]
    assert {str(number).encode() for number in range(200)} <= set(found)


def test_what_a_dead_writer_left_is_cut_off_by_the_next(store: Store) -> None:
    with store.objects.writer("derived") as writer:
        first = writer.put(b"first", mime="text/plain")
    path = store.root / "objects" / "derived-000001.warc"
    with path.open("ab") as file:
        file.write(b"WARC/1.1\r\nhalf a rec")
    with store.objects.writer("derived") as writer:
        second = writer.put(b"second", mime="text/plain")
    assert [payload for _, payload in records(store, path.name)][1:] == [b"first", b"second"]
    assert [store.objects.read(name) for name in (first, second)] == [b"first", b"second"]


def test_lock_sweeps_tails_and_unknown_segments_alone(store: Store) -> None:
    with store.objects.writer("derived") as writer:
        writer.put(b"first", mime="text/plain")
    length = (store.root / "objects" / "derived-000001.warc").stat().st_size
    with (store.root / "objects" / "derived-000001.warc").open("ab") as file:
        file.write(b"tail")
    (store.root / "objects" / "media-000009.warc").write_bytes(b"never indexed")
    with Objects(store.root).writer("media") as live:
        live.put(b"x" * 2_000_000, mime="image/png")
        with store.lock():
            assert leftovers(store) == ["objects/media-000001.warc"]
    assert (store.root / "objects" / "derived-000001.warc").stat().st_size == length
    assert store.objects.read(sha(b"x" * 2_000_000))[:1] == b"x"
    assert leftovers(store) == []


def test_a_full_disk_leaves_nothing_half_stored(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = store.objects.writer("media")
    kept = writer.put(b"kept", mime="image/png")
    writer.flush()
    lost = writer.put(b"lost", mime="image/png")
    with monkeypatch.context() as patch:
        patch.setattr(os, "writev", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(OSError, match="No space left"):
            writer.flush()
    again = writer.put(b"again", mime="image/png")
    writer.close()
    assert [name in store.objects for name in (kept, lost, again)] == [True, False, True]
    assert [payload for _, payload in records(store, "media-000001.warc")][1:] == [b"kept", b"again"]


def test_damage_is_named_with_its_place(store: Store) -> None:
    with store.objects.writer("derived") as derived, store.objects.writer("page") as pages:
        good = derived.put(b"good", mime="text/plain")
        flipped = derived.put(b"flipped", mime="text/plain")
        cut = derived.put(b"cut", mime="text/plain")
        page = pages.put(b"page" * 100, mime="text/html", url="http://shop.example/")
    ref, path = store.objects.find(flipped), store.root / "objects" / "derived-000001.warc"
    data = bytearray(path.read_bytes())
    data[ref.payload_offset] ^= 1
    path.write_bytes(data[: store.objects.find(cut).payload_offset + 1])
    gz = store.root / "objects" / "page-000001.warc.gz"
    gz.write_bytes(gz.read_bytes()[:-30] + bytes(30))
    problems = {problem.sha256: problem for problem in store.verify_objects()}
    assert sorted(problems) == sorted([flipped, cut, page])
    assert problems[flipped] == ObjectProblem(
        flipped,
        f"objects/derived-000001.warc at {ref.offset}: not the bytes of {flipped}, "
        f"but of {sha(b'glipped')}. Fetch it again.",
    )
    assert "of 3 bytes at" in problems[cut].detail
    assert "damaged gzip record" in problems[page].detail
    assert store.objects.read(good) == b"good"


def test_an_absent_object_and_an_absent_segment_are_errors(store: Store) -> None:
    with pytest.raises(CorruptObjectError, match="not in the index"):
        store.objects.read(sha(b"never"))
    with store.objects.writer("derived") as writer:
        name = writer.put(b"one", mime="text/plain")
    (store.root / "objects" / "derived-000001.warc").unlink()
    with pytest.raises(MissingSegmentError, match=r"missing\. Mount its disk"):
        store.objects.read(name)


@pytest.mark.parametrize(("offset", "length"), [(-1, 1), (0, 4), (3, 1), (0, -1)])
def test_a_slice_outside_the_object_is_refused(store: Store, offset: int, length: int) -> None:
    with store.objects.writer("derived") as writer:
        name = writer.put(b"one", mime="text/plain")
    with pytest.raises(CorruptObjectError, match="the object has 3"):
        store.objects.read_slice(name, offset, length)


def test_many_objects_flush_by_themselves(store: Store) -> None:
    writer = store.objects.writer("derived")
    names = [writer.put(str(number).encode(), mime="text/plain") for number in range(4097)]
    assert [name in store.objects for name in (names[0], names[4095], names[4096])] == [True, True, False]
    writer.close()
    assert names[4096] in store.objects
