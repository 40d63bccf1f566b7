"""What one machine stores another finds; two that both committed are told so."""

import shutil
from pathlib import Path

import pytest

from m5data.errors import ObjectStoreError, UsageError, WorkspaceError
from storage import Store
from storage.remote import Home, segment_file
from storage.remote.local_copy import read_record
from tests.storage.remote.conftest import OnMachine, make, open_at
from tests.storage.remote.failing_store import FailingStore
from tests.storage.synthetic import commit, ids, noon, products


def put(store: Store, data: bytes) -> str:
    with store.lock(), store.objects.writer("media") as writer:
        return writer.put(data, mime="image/png", url="http://shop.example/1.png")


def names(far: type[FailingStore], folder: str) -> list[str]:
    start = f"/bucket/shop/files/{folder}"
    return [name.removeprefix(start).rpartition("~")[0] for name in far.objects() if name.startswith(start)]


def refused(folder: Path, match: str) -> None:
    with pytest.raises(WorkspaceError, match=match):
        open_at(folder)


def test_another_machine_finds_what_was_committed_and_goes_on(on_machine: OnMachine) -> None:
    first = make(on_machine("a"))
    commit(first, {"products": products(ids(5))})
    second = open_at(on_machine("b"))
    assert second.snapshot().table("products") == products(ids(5))
    commit(second, {"products": products(ids(6))}, settings="t")
    back = open_at(on_machine("a"))
    assert (back.snapshot().number, back.snapshot().table("products")) == (2, products(ids(6)))


def test_the_same_tables_again_store_nothing(far: type[FailingStore], on_machine: OnMachine) -> None:
    store = make(on_machine("a"))
    put(store, b"picture")
    with store.lock():
        pass
    store.objects.close()
    before = far.objects()
    with open_at(on_machine("a")).lock():
        pass
    with open_at(on_machine("b")).lock():
        pass
    with open_at(on_machine("b")).lock():
        pass
    assert far.objects() == before


def test_a_version_that_was_not_stored_is_stored_by_the_next_writer(
    far: type[FailingStore], on_machine: OnMachine
) -> None:
    home = on_machine("a")
    store = make(home)
    commit(store, {"products": products(ids(3))})
    mark = (home / ".m5data/address").read_bytes()
    (home / ".m5data/address").unlink()  # commits to the folder alone
    commit(Store.open(home, clock=noon), {"products": products(ids(4))}, settings="t")
    (home / ".m5data/address").write_bytes(mark)
    assert open_at(on_machine("b")).snapshot().number == 1
    with open_at(home).lock():
        assert "versions/00000002.json" in names(far, "")
    assert open_at(on_machine("b")).snapshot().table("products") == products(ids(4))


def test_two_machines_that_both_committed_are_told(on_machine: OnMachine) -> None:
    home = on_machine("a")
    make(home)
    (home / ".m5data/address").rename(home / "address")
    commit(Store.open(home, clock=noon), {"products": products(ids(4))})
    (home / "address").rename(home / ".m5data/address")
    commit(open_at(on_machine("b")), {"products": products(ids(2))})
    told = r"stored dataset version 1 at .* never stored \(versions/00000001.json\)\. Remove .* to give them up"
    refused(home, told)
    shutil.rmtree(home / ".m5data")
    assert Store.open(home).snapshot().table("products") == products(ids(4))
    shutil.rmtree(home)
    assert open_at(on_machine("a")).snapshot().table("products") == products(ids(2))


def test_work_that_was_not_committed_gives_way_to_what_another_machine_committed(on_machine: OnMachine) -> None:
    store = make(on_machine("a"))
    with store.objects.writer("media") as writer:  # without the lock: as if its process had been killed
        writer.put(b"mine alone", mime="image/png", url="http://shop.example/1.png")
    store.spool("records").put("1", "x", {})
    store.objects.close()
    other = open_at(on_machine("b"))
    sha = put(other, b"theirs")
    commit(other, {"products": products(ids(2))})
    back = open_at(on_machine("a"))
    with back.lock():
        assert back.objects.index.last() == 1
        assert back.objects.read(sha) == b"theirs"
    assert not list(back.root.glob("spool/*"))


def test_settings_changed_on_one_machine_stay_and_on_two_are_told(on_machine: OnMachine) -> None:
    store = make(on_machine("a"))
    (store.root / "m5data.toml").write_text("one = 1")
    with store.lock():
        pass
    other = open_at(on_machine("b"))
    (other.root / "m5data.toml").write_text("one = 2")
    commit(store, {"products": products(ids(2))})
    assert open_at(on_machine("b")).snapshot().number == 1
    assert (other.root / "m5data.toml").read_text() == "one = 2"
    (store.root / "m5data.toml").write_text("one = 3")
    commit(store, {"products": products(ids(3))}, settings="t")
    refused(on_machine("b"), r"never stored \(m5data.toml\)")


def test_a_segment_comes_when_an_object_in_it_is_read(far: type[FailingStore], on_machine: OnMachine) -> None:
    store = make(on_machine("a"))
    sha = put(store, b"picture")
    with store.lock(), store.objects.writer("page") as writer:
        page = writer.put(b"<html>", mime="text/html", url="http://shop.example/")
    far.downloads.clear()
    other = open_at(on_machine("b"))
    segments = other.root / "objects"
    assert list(segments.iterdir()) == []
    assert not any("objects" in name for name in far.downloads)
    assert [other.objects.read(sha), other.objects.read(sha)] == [b"picture"] * 2
    assert [path.name for path in segments.iterdir()] == ["media-000001.warc"]
    assert sum("objects" in name for name in far.downloads) == 1
    assert other.objects.page(page).body == b"<html>"
    assert (segments / "page-000001.warc.gz").stat().st_mode & 0o777 == 0o600


def test_a_machine_without_a_segment_begins_another_and_both_are_kept(
    far: type[FailingStore], on_machine: OnMachine
) -> None:
    first = put(make(on_machine("a")), b"one")
    other = open_at(on_machine("b"))
    second = put(other, b"two")
    assert [path.name for path in (other.root / "objects").iterdir()] == ["media-000002.warc"]
    assert names(far, "objects/") == ["media-000001.warc", "media-000002.warc"]
    third = open_at(on_machine("c"))
    assert [third.objects.read(sha) for sha in (first, second)] == [b"one", b"two"]
    assert list(third.verify_objects()) == []


def test_a_segment_that_was_removed_meanwhile_is_told(far: type[FailingStore], on_machine: OnMachine) -> None:
    sha = put(make(on_machine("a")), b"one")
    other = open_at(on_machine("b"))
    for name in [name for name in far.objects() if "objects/media" in name]:
        del far.store[name]
    with pytest.raises(WorkspaceError, match=r"another machine has changed objects/media-000001\.warc"):
        other.objects.read(sha)
    assert not segment_file(other.root, "media-000009.warc").exists()


def test_a_pull_that_was_killed_goes_on(far: type[FailingStore], on_machine: OnMachine) -> None:
    store = make(on_machine("a"))
    commit(store, {"products": products(ids(3))})
    other = open_at(on_machine("b"))
    commit(store, {"products": products(ids(9))}, settings="t")
    commit(store, {"products": products(ids(7))}, settings="u")
    gone = next(name for name in far.objects() if "versions/00000003" in name)
    kept = far.store.pop(gone)
    with pytest.raises(ObjectStoreError, match="changed 5 times while it was fetched"):
        open_at(other.root)
    assert read_record(other.root).pulling is not None
    far.store[gone] = kept
    far.downloads.clear()
    assert open_at(other.root).snapshot().table("products") == products(ids(7))
    fetched = {name.rpartition("~")[0].removeprefix("/bucket/shop/files/") for name in far.downloads}
    assert fetched == {"state.sqlite", "versions/00000003.json"}  # the state is never taken for what it was


def test_what_was_removed_here_is_removed_there(far: type[FailingStore], on_machine: OnMachine) -> None:
    store = make(on_machine("a"))
    (store.root / "reports").mkdir()
    (store.root / "reports/old.html").write_text("x")
    with store.lock():
        pass
    other = open_at(on_machine("b"))
    assert names(far, "reports/") == ["old.html"]
    (store.root / "reports/old.html").unlink()
    with store.lock():
        pass
    assert names(far, "reports/") == []
    assert not (open_at(other.root).root / "reports/old.html").exists()


def test_a_place_that_has_a_workspace_is_not_made_one(on_machine: OnMachine) -> None:
    make(on_machine("a"))
    home = Home.of(on_machine("b"))
    assert home is not None
    with pytest.raises(WorkspaceError, match="already a workspace, at dataset version 0"):
        home.make_ready()


def test_a_store_that_was_emptied_is_told_and_nothing_here_is_removed(
    far: type[FailingStore], on_machine: OnMachine
) -> None:
    store = make(on_machine("a"))
    commit(store, {"products": products(ids(3))})
    far.empty()
    refused(store.root, "the workspace is gone from the store")
    home = Home.of(store.root)
    assert home is not None
    with pytest.raises(WorkspaceError, match="the workspace is gone from the store"):
        home.make_ready()
    assert store.snapshot().table("products") == products(ids(3))


def test_a_server_of_answers_is_refused(on_machine: OnMachine, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="m5data copy DIR -w failing://bucket/shop"):
        make(on_machine("a")).refuse_working_copy("m5data serve")
    Store.create(tmp_path / "folder").refuse_working_copy("m5data serve")
